use std::time::Duration;

use amibake_ec2::lab::{At, Fault, Kind, Lab, Times};
use futures_util::future::join_all;

use super::*;
use crate::engine::account::AwsRegion;
use crate::engine::testing::{image, lab, launch};

const PATIENT: Duration = Duration::from_secs(600);

/// Waits and answers how long it took, in tenths of a second, with what came.
async fn timed<T>(wait: impl Future<Output = T>) -> (T, u128) {
    let start = Instant::now();
    let answer = wait.await;
    (answer, start.elapsed().as_millis() / 100)
}

fn times(running: u64, image: u64) -> Times {
    Times { running: Duration::from_millis(running), image: Duration::from_millis(image), ..Times::instant() }
}

async fn instance(region: &AwsRegion, token: &str) -> InstanceId {
    let request = launch(&*region.ec2, token, None).await;
    region.ec2.run_instance(request).await.unwrap().id
}

async fn until_running(region: &AwsRegion, id: &InstanceId, limit: Duration) -> Result<Instance, WaitError> {
    region.watcher.instance(id, Want::Running, Instant::now() + limit, &CancellationToken::new()).await
}

fn describes(lab: &Lab, operation: &str) -> usize {
    lab.calls().iter().filter(|call| call.operation == operation).count()
}

#[tokio::test(start_paused = true)]
async fn a_state_is_seen_at_most_a_second_after_it_came() {
    let (_lab, region) = lab(times(6_400, 0));
    let id = instance(&region, "a").await;
    let (answer, tenths) = timed(until_running(&region, &id, PATIENT)).await;
    assert_eq!(answer.unwrap().id, id);
    assert!((64..=74).contains(&tenths), "{tenths}");
}

#[tokio::test(start_paused = true)]
async fn fifty_waits_share_one_call_a_second() {
    let (lab, region) = lab(times(20_000, 0));
    let ids = join_all((0..50).map(|n| {
        let region = region.clone();
        async move { instance(&region, &format!("t{n}")).await }
    }))
    .await;
    let (before, start) = (describes(&lab, "DescribeInstances"), Instant::now());
    let answers = join_all(ids.iter().map(|id| until_running(&region, id, PATIENT))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let (calls, seconds) = (describes(&lab, "DescribeInstances") - before, start.elapsed().as_secs());
    assert!(calls as u64 <= seconds + 1, "{calls} calls in {seconds} s");
    assert!(seconds <= 46, "20 s of starting, 25 s of launching within the request budget: {seconds}");
}

#[tokio::test(start_paused = true)]
async fn kinds_take_turns_within_the_same_second() {
    let (lab, region) = lab(times(8_000, 30_000));
    let first = instance(&region, "a").await;
    until_running(&region, &first, PATIENT).await.unwrap();
    let made = region.ec2.create_image(image(&first, "made")).await.unwrap();
    let second = instance(&region, "b").await;
    let (before, start) = (lab.count(), Instant::now());
    let cancel = CancellationToken::new();
    let (instance, image) = futures_util::join!(
        timed(until_running(&region, &second, PATIENT)),
        timed(region.watcher.image(&made, Instant::now() + PATIENT, &cancel))
    );
    assert!(instance.0.is_ok() && image.0.is_ok());
    assert!(instance.1 <= 100 && image.1 <= 310, "{} {}", instance.1, image.1);
    assert!((lab.count() - before) as u64 <= start.elapsed().as_secs() + 3);
}

#[tokio::test(start_paused = true)]
async fn the_next_build_polls_on_when_the_polling_one_is_cancelled() {
    let (_lab, region) = lab(times(10_000, 0));
    let id = instance(&region, "a").await;
    let cancel = CancellationToken::new();
    let first = region.watcher.instance(&id, Want::Running, Instant::now() + PATIENT, &cancel);
    let stop = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        cancel.cancel();
    };
    let (first, second, ()) = futures_util::join!(first, timed(until_running(&region, &id, PATIENT)), stop);
    assert!(matches!(first, Err(WaitError::Cancelled)), "{first:?}");
    assert!(second.0.is_ok() && second.1 <= 110, "{}", second.1);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_neither_breaks_nor_slows_the_others() {
    let (_lab, region) = lab(times(5_000, 0));
    let id = instance(&region, "a").await;
    let unknown = InstanceId::new("i-0123456789abcdef0").unwrap();
    let (unknown, known) =
        futures_util::join!(timed(until_running(&region, &unknown, PATIENT)), timed(until_running(&region, &id, PATIENT)));
    assert!(known.0.is_ok() && known.1 <= 75, "{}", known.1);
    assert!(matches!(unknown.0, Err(WaitError::Gone)), "{:?}", unknown.0);
    assert!((600..=620).contains(&unknown.1), "told after a minute of patience: {}", unknown.1);
}

#[tokio::test(start_paused = true)]
async fn throttling_and_lost_answers_do_not_end_a_wait() {
    for kind in [Kind::Throttle, Kind::LoseReply, Kind::LoseRequest] {
        let (lab, region) = lab(times(4_000, 0));
        let id = instance(&region, "a").await;
        lab.fault(Fault::new(At::Operation("DescribeInstances", 2), kind.clone()));
        lab.fault(Fault::new(At::Operation("DescribeInstances", 3), kind));
        let answer = until_running(&region, &id, PATIENT).await;
        assert!(answer.is_ok(), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_a_wait() {
    let (lab, region) = lab(times(4_000, 0));
    let id = instance(&region, "a").await;
    lab.fault(Fault::new(At::Every("DescribeInstances"), Kind::Refuse("UnauthorizedOperation", "You are not authorized")));
    let error = until_running(&region, &id, PATIENT).await.unwrap_err();
    assert_eq!(error.to_string(), "DescribeInstances: UnauthorizedOperation: You are not authorized");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_tells_the_last_state_and_what_stood_in_the_way() {
    let (lab, region) = lab(times(60_000, 0));
    let id = instance(&region, "a").await;
    let error = until_running(&region, &id, Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.to_string(), "timed out; the last state was `pending`");
    lab.fault(Fault::new(At::Every("DescribeInstances"), Kind::Throttle));
    let error = until_running(&region, &id, Duration::from_secs(5)).await.unwrap_err().to_string();
    assert!(error.starts_with("timed out; the last state was `not seen`, the last question failed: `DescribeInstances"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn states_from_which_nothing_comes_fail_at_once() {
    let (_lab, region) = lab(Times::instant());
    let id = instance(&region, "a").await;
    region.ec2.terminate_instance(&id).await.unwrap();
    let error = until_running(&region, &id, PATIENT).await.unwrap_err();
    assert!(matches!(&error, WaitError::Failed { state, .. } if state == "terminated" || state == "shutting-down"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn terminated_is_reached() {
    let (_lab, region) = lab(Times::real());
    let id = instance(&region, "a").await;
    region.ec2.terminate_instance(&id).await.unwrap();
    let cancel = CancellationToken::new();
    let wait = region.watcher.instance(&id, Want::Terminated, Instant::now() + PATIENT, &cancel);
    let (ended, tenths) = timed(wait).await;
    assert_eq!(ended.unwrap().state, amibake_ec2::model::InstanceState::Terminated);
    assert!(tenths <= 105, "{tenths}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_image_says_why() {
    let (lab, region) = lab(times(0, 3_000));
    let id = instance(&region, "a").await;
    until_running(&region, &id, PATIENT).await.unwrap();
    lab.fault(Fault::new(At::Operation("CreateImage", 1), Kind::Spoil("Client.InternalError: snapshot failed")));
    let made = region.ec2.create_image(image(&id, "made")).await.unwrap();
    let error = region.watcher.image(&made, Instant::now() + PATIENT, &CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.starts_with("it is now `failed`: ") && error.contains("snapshot failed"), "{error}");
}
