//! States and how long they last.

use std::time::Duration;

use amibake_ec2::lab::{Lab, Times};
use amibake_ec2::model::{DescribeImages, ImageState, InstanceState};
use tokio::time::{Instant, sleep};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn states_last_as_long_as_the_profile_says() {
    let mut times = Times::real();
    times.round_trip = Duration::ZERO;
    let lab = Lab::with_times(times);
    let ec2 = lab.region(REGION);
    let instance = ec2.run_instance(launch(&*ec2, "a").await).await.unwrap();
    assert_eq!((instance.state, instance.public_ip), (InstanceState::Pending, None));
    let after = async |seconds: f64| {
        sleep(Duration::from_secs_f64(seconds)).await;
        look(&*ec2, &instance.id).await.state
    };
    assert_eq!(after(5.9).await, InstanceState::Pending);
    assert_eq!(after(0.2).await, InstanceState::Running);
    assert_eq!(look(&*ec2, &instance.id).await.public_ip.as_deref(), Some("127.1.0.1"));
    ec2.stop_instance(&instance.id).await.unwrap();
    assert_eq!(after(10.9).await, InstanceState::Stopping);
    assert_eq!(after(0.2).await, InstanceState::Stopped);
    assert_eq!(look(&*ec2, &instance.id).await.public_ip, None, "a stopped instance has no public address");
    ec2.terminate_instance(&instance.id).await.unwrap();
    assert_eq!(after(8.9).await, InstanceState::ShuttingDown);
    assert_eq!(after(0.2).await, InstanceState::Terminated);
    let ended = look(&*ec2, &instance.id).await;
    assert_eq!((ended.volumes, ended.security_groups, ended.vpc), (vec![], vec![], None));
}

#[tokio::test(start_paused = true)]
async fn an_image_is_pending_and_its_snapshots_make_progress() {
    let mut times = Times::instant();
    times.image = Duration::from_secs(47);
    let lab = Lab::with_times(times);
    let ec2 = lab.region(REGION);
    let instance = running(&*ec2).await;
    let image = ec2.create_image(create_image(&instance, "an image")).await.unwrap();
    sleep(Duration::from_secs(20)).await;
    let described = ec2.describe_images(DescribeImages { ids: vec![image.clone()], ..Default::default() }).await.unwrap().remove(0);
    assert_eq!(described.state, ImageState::Pending);
    assert_eq!(described.block_devices[0].snapshot, None, "EC2 tells the snapshots only when it is done");
    assert_eq!(described.creation_date, "2026-11-02T08:00:00.000Z");
    let snapshot = ec2.describe_snapshots(&[], &[]).await.unwrap().remove(0);
    assert_eq!((snapshot.state.as_str(), snapshot.progress.as_deref()), ("pending", Some("42%")));
    assert_eq!(snapshot.description, format!("Created by CreateImage({instance}) for {image}"));
    sleep(Duration::from_secs(27)).await;
    let described = ec2.describe_images(DescribeImages { ids: vec![image], ..Default::default() }).await.unwrap().remove(0);
    assert_eq!((described.state, described.source_instance), (ImageState::Available, Some(instance)));
    assert_eq!(described.block_devices[0].snapshot, Some(snapshot.id));
    assert_eq!(ec2.describe_snapshots(&[], &[]).await.unwrap()[0].progress.as_deref(), Some("100%"));
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_a_round_trip() {
    let lab = Lab::with_times(Times::real());
    let began = Instant::now();
    lab.region(REGION).describe_regions().await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(30));
}

#[tokio::test(start_paused = true)]
async fn request_limits_are_per_region_and_refill() {
    let mut options = amibake_ec2::lab::Options::new(Times::instant());
    options.limits = true;
    let lab = Lab::new(options);
    let ec2 = lab.region(REGION);
    for _ in 0..100 {
        ec2.describe_regions().await.unwrap();
    }
    let error = ec2.describe_regions().await.unwrap_err();
    assert_eq!(
        (error.kind, error.to_string().as_str()),
        (amibake_ec2::ErrorKind::Throttled, "DescribeRegions: RequestLimitExceeded: Request limit exceeded.")
    );
    lab.region("eu-west-1").describe_regions().await.unwrap();
    sleep(Duration::from_millis(60)).await;
    ec2.describe_regions().await.unwrap();
}
