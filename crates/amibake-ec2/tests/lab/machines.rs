//! What stands behind the instances: who is told, and what a state waits for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use amibake_ec2::lab::{At, Fault, KeyMaterial, Kind, Lab, Machine, MachineKey, Machines, Options, Progress, Times};
use amibake_ec2::model::{CopyImage, DescribeImages, Image, ImageState, InstanceState, KeyType};
use amibake_ec2::{Ec2, ImageId, InstanceId, Region};
use secrecy::{ExposeSecret, SecretString};

use crate::support::*;

/// Machines that note what they are told, and come to their ends when the test says so.
#[derive(Default)]
struct Told {
    lines: Mutex<Vec<String>>,
    started: Mutex<Vec<Machine>>,
    /// Nothing ends by itself where this is set.
    held: bool,
    under_way: Mutex<Vec<Progress>>,
    no_keys: bool,
}

impl Told {
    fn note(&self, line: String) -> Progress {
        self.lines.lock().unwrap().push(line);
        if !self.held {
            return Progress::done();
        }
        let progress = Progress::underway();
        self.under_way.lock().unwrap().push(progress.clone());
        progress
    }

    fn finish(&self, result: Result<(), String>) {
        self.under_way.lock().unwrap().drain(..).for_each(|progress| progress.finish(result.clone()));
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl Machines for Told {
    fn key_pair(&self, name: &str, kind: KeyType) -> Result<KeyMaterial, String> {
        if self.no_keys {
            return Err("no entropy".to_owned());
        }
        Ok(KeyMaterial { private: SecretString::from(format!("private {name}")), public: format!("{kind:?} {name}") })
    }

    fn start(&self, machine: Machine) -> Progress {
        self.started.lock().unwrap().push(machine.clone());
        self.note(format!("start {}", machine.instance))
    }

    fn stop(&self, instance: &InstanceId) -> Progress {
        self.note(format!("stop {instance}"))
    }

    fn terminate(&self, instance: &InstanceId) -> Progress {
        self.note(format!("terminate {instance}"))
    }

    fn image(&self, image: &ImageId, instance: &InstanceId) -> Progress {
        self.note(format!("image {image} of {instance}"))
    }

    fn copy(&self, copy: &ImageId, source: &ImageId) -> Progress {
        self.note(format!("copy {copy} of {source}"))
    }

    fn deregister(&self, image: &ImageId) {
        self.note(format!("deregister {image}"));
    }
}

fn lab(told: Told, times: Times) -> (Lab, Arc<Told>, Arc<dyn Ec2>) {
    let told = Arc::new(told);
    let lab = Lab::new(Options { machines: Some(Arc::clone(&told) as Arc<dyn Machines>), ..Options::new(times) });
    let ec2 = lab.region(REGION);
    (lab, told, ec2)
}

fn held() -> Told {
    Told { held: true, ..Told::default() }
}

async fn image(ec2: &dyn Ec2, id: &ImageId) -> Image {
    ec2.describe_images(DescribeImages { ids: vec![id.clone()], ..DescribeImages::default() }).await.unwrap().remove(0)
}

fn copy(source: &ImageId) -> CopyImage {
    CopyImage {
        client_token: "copy".to_owned(),
        source_region: Region::new(REGION),
        source_image: source.clone(),
        name: "a copy".to_owned(),
        encrypted: None,
        kms_key_id: None,
        copy_tags: false,
        completion_minutes: None,
    }
}

#[tokio::test]
async fn machines_are_told_of_each_turn_in_an_instances_life() {
    let (lab, told, ec2) = lab(Told::default(), Times::instant());
    let instance = running(&*ec2).await;
    assert_eq!(look(&*ec2, &instance).await.state, InstanceState::Running);
    ec2.stop_instance(&instance).await.unwrap();
    let image = ec2.create_image(create_image(&instance, "image")).await.unwrap();
    look(&*ec2, &instance).await;
    let copy = lab.region("eu-west-1").copy_image(copy(&image)).await.unwrap();
    ec2.deregister_image(&image).await.unwrap();
    ec2.terminate_instance(&instance).await.unwrap();
    ec2.terminate_instance(&instance).await.unwrap();
    assert_eq!(
        told.lines(),
        [
            format!("start {instance}"),
            format!("stop {instance}"),
            format!("image {image} of {instance}"),
            format!("copy {copy} of {image}"),
            format!("deregister {image}"),
            format!("terminate {instance}"),
        ]
    );
}

#[tokio::test]
async fn a_machine_accepts_the_key_that_was_handed_out() {
    let (_, told, ec2) = lab(Told::default(), Times::instant());
    let pair = ec2.create_key_pair(key("mine")).await.unwrap();
    assert_eq!(pair.private_key.expose_secret(), "private mine");
    let mut request = launch(&*ec2, "a").await;
    request.key_name = Some("mine".to_owned());
    request.user_data = Some("IyEvYmluL3NoCg==".to_owned());
    ec2.run_instance(request).await.unwrap();
    ec2.run_instance(launch(&*ec2, "b").await).await.unwrap();
    let started = told.started.lock().unwrap();
    assert_eq!((&started[0].key, &started[1].key), (&MachineKey::Public("Ed25519 mine".to_owned()), &MachineKey::None));
    assert_eq!(
        (started[0].region.as_str(), started[0].instance_type.as_str(), started[0].user_data.as_deref()),
        (REGION, "t2.micro", Some("IyEvYmluL3NoCg=="))
    );
    assert_eq!((started[0].public_ip.as_deref(), started[0].private_ip.as_str()), (Some("127.1.0.1"), "127.2.0.1"));
}

#[tokio::test]
async fn a_key_that_cannot_be_made_is_a_refusal() {
    let (_, _, ec2) = lab(Told { no_keys: true, ..Told::default() }, Times::instant());
    let error = ec2.create_key_pair(key("mine")).await.unwrap_err();
    assert_eq!(error.to_string(), "CreateKeyPair: InternalError: no entropy");
}

#[tokio::test]
async fn a_retry_starts_no_second_machine_and_a_lost_reply_one() {
    let (lab, told, ec2) = lab(Told::default(), Times::instant());
    lab.fault(Fault::new(At::Operation("RunInstances", 1), Kind::LoseReply));
    let request = launch(&*ec2, "token").await;
    ec2.run_instance(request.clone()).await.unwrap_err();
    let instance = ec2.run_instance(request.clone()).await.unwrap().id;
    ec2.run_instance(request).await.unwrap();
    assert_eq!(told.lines(), [format!("start {instance}")]);
    let request = copy(&source_image(&*ec2).await);
    let copied = ec2.copy_image(request.clone()).await.unwrap();
    assert_eq!(ec2.copy_image(request).await.unwrap(), copied);
    assert_eq!(told.lines().len(), 2, "one copy");
}

#[tokio::test(start_paused = true)]
async fn a_state_ends_when_time_and_machine_are_both_that_far() {
    let mut times = Times::instant();
    times.running = Duration::from_secs(6);
    let (_, told, ec2) = lab(held(), times);
    let instance = running(&*ec2).await;
    let state = async || look(&*ec2, &instance).await.state;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(state().await, InstanceState::Pending, "the machine is not up");
    told.finish(Ok(()));
    assert_eq!(state().await, InstanceState::Running);
    ec2.stop_instance(&instance).await.unwrap();
    assert_eq!(state().await, InstanceState::Stopping);
    told.finish(Ok(()));
    assert_eq!(state().await, InstanceState::Stopped);
    ec2.terminate_instance(&instance).await.unwrap();
    assert_eq!(state().await, InstanceState::ShuttingDown);
    told.finish(Ok(()));
    assert_eq!(state().await, InstanceState::Terminated);

    let second = ec2.run_instance(launch(&*ec2, "second").await).await.unwrap().id;
    told.finish(Ok(()));
    assert_eq!(look(&*ec2, &second).await.state, InstanceState::Pending, "the time is not over");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(look(&*ec2, &second).await.state, InstanceState::Running);
}

#[tokio::test]
async fn a_machine_that_fails_is_an_instance_that_ended() {
    let (lab, told, ec2) = lab(held(), Times::instant());
    let before = lab.inventory();
    let instance = running(&*ec2).await;
    told.finish(Err("no space left".to_owned()));
    let seen = look(&*ec2, &instance).await;
    assert_eq!((seen.state, seen.state_reason.as_deref()), (InstanceState::Terminated, Some("Server.InternalError: no space left")));
    assert_eq!(lab.remaining(&before, &[]), Vec::<String>::new(), "its volumes are gone too");
}

#[tokio::test]
async fn a_machine_that_ends_badly_has_ended() {
    let (_, told, ec2) = lab(held(), Times::instant());
    let instance = running(&*ec2).await;
    ec2.terminate_instance(&instance).await.unwrap();
    told.finish(Err("it would not die".to_owned()));
    assert_eq!(look(&*ec2, &instance).await.state, InstanceState::Terminated);
}

#[tokio::test]
async fn an_image_is_available_when_what_the_machine_holds_is_kept() {
    let (_, told, ec2) = lab(held(), Times::instant());
    let instance = running(&*ec2).await;
    told.finish(Ok(()));
    let snapshots = async || ec2.describe_snapshots(&[], &[]).await.unwrap().remove(0).state;
    let good = ec2.create_image(create_image(&instance, "good")).await.unwrap();
    assert_eq!((image(&*ec2, &good).await.state, snapshots().await.as_str()), (ImageState::Pending, "pending"));
    assert_eq!(code(ec2.copy_image(copy(&good)).await), "InvalidRequest", "a source that is not there yet");
    told.finish(Ok(()));
    assert_eq!((image(&*ec2, &good).await.state, snapshots().await.as_str()), (ImageState::Available, "completed"));
    let copied = ec2.copy_image(copy(&good)).await.unwrap();
    assert_eq!(image(&*ec2, &copied).await.state, ImageState::Pending);
    told.finish(Ok(()));
    assert_eq!(image(&*ec2, &copied).await.state, ImageState::Available);

    let bad = ec2.create_image(create_image(&instance, "bad")).await.unwrap();
    told.finish(Err("disk full".to_owned()));
    let bad = image(&*ec2, &bad).await;
    assert_eq!((bad.state, bad.state_reason.as_deref()), (ImageState::Failed, Some("Client.InternalError: disk full")));
}

#[tokio::test]
async fn a_machine_that_goes_off_by_itself_stops_or_ends_its_instance() {
    let (lab, told, ec2) = lab(Told::default(), Times::instant());
    for (behavior, state) in [("stop", InstanceState::Stopped), ("terminate", InstanceState::Terminated)] {
        let mut request = launch(&*ec2, behavior).await;
        request.shutdown_behavior = Some(behavior.to_owned());
        let instance = ec2.run_instance(request).await.unwrap().id;
        look(&*ec2, &instance).await;
        lab.powered_off(&instance);
        let seen = look(&*ec2, &instance).await;
        let reason = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
        assert_eq!((seen.state, seen.state_reason.as_deref()), (state, Some(reason)));
        lab.powered_off(&instance);
        assert_eq!(look(&*ec2, &instance).await.state, state);
        assert_eq!(told.lines().contains(&format!("terminate {instance}")), behavior == "terminate");
        assert!(!told.lines().contains(&format!("stop {instance}")), "it is off already");
    }
    lab.powered_off(&InstanceId::new("i-12345678").unwrap());
}

#[test]
fn options_can_be_shown() {
    let (options, _) = (Options { machines: Some(Arc::new(Told::default())), ..Options::default() }, ());
    assert!(format!("{options:?}").contains("machines: Some(Machines)"));
    assert_eq!((Times::real().ssh, Times::fast().ssh), (Duration::from_secs(17), Duration::from_millis(2500)));
}
