//! What EC2 does, as questions to any implementation of the traits. They are asked of the lab in this crate's tests and of
//! amibake-aws on a moto server in that crate's. Where the two differ, one of them is wrong: [`Question::moto_is_wrong`] says
//! when it is moto, and a test fails as soon as that is no longer true.
//!
//! A question leaves nothing behind that another one could see: its names and tags hold its own name.

mod disks;
mod images;
mod instances;
mod launches;
mod network;
mod objects;
mod storage;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use crate::model::{CreateImage, DescribeImages, EbsDevice, Filter, Image, ImageState, Instance, InstanceState, RunInstances, Tag};
use crate::{Cloud, Ec2, Ec2Error, ImageId, InstanceId};

/// A bucket that must be there when questions are asked: no call of ours makes one.
pub const BUCKET: &str = "amibake-conformance";

/// A question.
pub struct Question {
    /// What EC2 does.
    pub name: &'static str,
    /// What moto does instead, where it is known to be wrong.
    pub moto_is_wrong: Option<&'static str>,
    /// Asks it.
    pub ask: fn(Peer) -> Asked,
}

/// A question on its way.
pub type Asked = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Right, or what was wrong.
pub type Answer = Result<(), Wrong>;

/// What was wrong.
#[derive(Debug)]
pub struct Wrong(pub String);

impl From<Ec2Error> for Wrong {
    fn from(error: Ec2Error) -> Self {
        Self(format!("{error} ({:?})", error.kind))
    }
}

/// Whom a question is put to.
#[derive(Clone)]
pub struct Peer {
    /// The account.
    pub cloud: Arc<dyn Cloud>,
    /// Its build region.
    pub ec2: Arc<dyn Ec2>,
    /// The question's name, for names and tags.
    pub name: &'static str,
}

macro_rules! questions {
    ($($module:ident :: $name:ident $(: $moto:literal)?,)*) => {
        /// All questions.
        pub fn questions() -> Vec<Question> {
            vec![$(Question {
                name: stringify!($name),
                moto_is_wrong: None$(.or(Some($moto)))?,
                ask: |peer| Box::pin($module::$name(peer)),
            }),*]
        }
    };
}

questions! {
    network::the_account_sees_its_regions,
    network::there_is_a_default_vpc_with_subnets,
    network::unknown_network_ids_are_not_found,
    network::a_key_pair_is_made_once_and_deleted_any_number_of_times,
    network::a_group_has_its_tags_and_rules_and_a_unique_name,
    network::a_group_in_use_cannot_be_deleted: "deletes it",
    network::a_default_group_cannot_be_deleted: "deletes it",
    images::images_are_found_by_owner_and_wildcard,
    images::an_unknown_image_is_not_found,
    images::an_image_of_an_instance_has_name_tags_and_snapshots,
    images::an_image_knows_its_instance,
    images::an_image_name_is_unique: "makes a second image of the name",
    images::an_image_name_has_only_ec2s_characters: "takes any name",
    images::an_ended_instance_gives_no_image,
    images::a_deregistered_image_is_gone_and_its_snapshots_stay,
    images::a_snapshot_in_use_cannot_be_deleted,
    images::a_copy_appears_in_the_other_region,
    images::a_copy_takes_the_tags_along: "copies no tags",
    images::the_same_token_copies_once: "ignores client tokens",
    images::an_image_is_shared_with_accounts_and_everyone,
    instances::an_instance_goes_through_its_states,
    instances::an_instance_is_found_by_its_tag,
    instances::the_same_token_launches_once: "ignores client tokens",
    instances::a_launch_needs_things_that_exist,
    instances::an_unknown_type_is_a_bad_value: "answers InvalidInstanceType.NotFound",
    instances::an_instance_has_the_devices_of_its_image: "calls every root device /dev/sda1",
    instances::an_unknown_instance_is_not_found,
    instances::groups_of_an_instance_can_be_changed,
    disks::a_snapshot_is_found_by_its_volume,
    disks::an_image_is_registered_of_snapshots: "makes snapshots of its own",
    disks::a_volume_changes_its_device: "answers HTTP 500 to a DetachVolume that names no instance",
    disks::a_volume_is_told_to_stay,
    disks::a_volume_is_made_of_a_token,
    disks::tags_are_taken_away_by_key_and_value,
    launches::a_fleet_launches_one_instance_with_the_templates_tags,
    launches::a_spot_instance_names_its_request: "names none",
    launches::a_spot_instance_cannot_be_stopped: "stops it",
    launches::a_launch_template_has_a_name_of_its_own_and_goes_once: "answers MissingParameter for one that is gone",
    launches::an_instance_profile_comes_and_goes_in_its_order,
    launches::an_instance_runs_with_a_profile_that_has_a_role,
    objects::an_object_is_stored_with_its_run_and_removed,
    objects::an_object_is_replaced,
    objects::an_object_that_does_not_exist_can_be_removed,
    objects::an_object_is_made_of_its_parts,
    objects::an_upload_is_listed_until_it_is_given_up,
    objects::a_bucket_must_exist,
    storage::volumes_stay_or_go_with_their_instance,
    storage::a_volume_in_use_cannot_be_deleted,
    storage::tags_are_put_on_images_and_snapshots,
    storage::tags_need_a_thing_that_exists,
    storage::reserved_tags_are_refused: "takes keys that begin with aws:",
}

impl Peer {
    /// A name that only this question uses.
    fn unique(&self, what: &str) -> String {
        format!("{}-{what}", self.name.replace('_', "-"))
    }

    fn tag(&self) -> Tag {
        Tag { key: "amibake:run-id".to_owned(), value: self.name.to_owned() }
    }

    /// Two or more images of Amazon Linux 2023 for x86_64, newest last.
    async fn amazon_linux(&self) -> Result<Vec<Image>, Wrong> {
        let request = DescribeImages {
            owners: vec!["amazon".to_owned()],
            filters: vec![Filter::new("name", "al2023-ami-2023*x86_64"), Filter::new("root-device-type", "ebs")],
            ..DescribeImages::default()
        };
        let mut images = self.ec2.describe_images(request).await?;
        images.sort_by(|a, b| a.creation_date.cmp(&b.creation_date));
        Ok(images)
    }

    async fn launch_request(&self) -> Result<RunInstances, Wrong> {
        let Some(image) = self.amazon_linux().await?.pop() else { return wrong("there is no image to launch") };
        Ok(RunInstances {
            client_token: self.unique("launch"),
            image: image.id.to_string(),
            instance_type: "t2.micro".to_owned(),
            instance_tags: vec![self.tag()],
            ..RunInstances::default()
        })
    }

    /// A running instance.
    async fn running(&self) -> Result<Instance, Wrong> {
        let instance = self.ec2.run_instance(self.launch_request().await?).await?;
        self.instance_in(&instance.id, InstanceState::Running).await
    }

    /// The instance, once it is in a state. States last no time in what is asked here.
    async fn instance_in(&self, id: &InstanceId, state: InstanceState) -> Result<Instance, Wrong> {
        for _ in 0..10 {
            let found = self.ec2.describe_instances(std::slice::from_ref(id), &[]).await?;
            if let Some(instance) = found.into_iter().find(|instance| instance.state == state) {
                return Ok(instance);
            }
        }
        wrong(format!("{id} does not become {state:?}"))
    }

    async fn image_available(&self, ec2: &Arc<dyn Ec2>, id: &ImageId) -> Result<Image, Wrong> {
        for _ in 0..10 {
            let found = ec2.describe_images(DescribeImages { ids: vec![id.clone()], ..DescribeImages::default() }).await?;
            if let Some(image) = found.into_iter().find(|image| image.state == ImageState::Available) {
                return Ok(image);
            }
        }
        wrong(format!("{id} does not become available"))
    }

    /// An image of a stopped instance, available.
    async fn image(&self) -> Result<Image, Wrong> {
        let instance = self.running().await?;
        self.ec2.stop_instance(&instance.id).await?;
        self.instance_in(&instance.id, InstanceState::Stopped).await?;
        let image = self.ec2.create_image(self.image_of(&instance.id, "image")).await?;
        let image = self.image_available(&self.ec2, &image).await?;
        self.ec2.terminate_instance(&instance.id).await?;
        Ok(image)
    }

    fn image_of(&self, instance: &InstanceId, name: &str) -> CreateImage {
        CreateImage { instance: instance.clone(), name: self.unique(name), block_devices: Vec::new(), image_tags: vec![self.tag()] }
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong(what.into()))
}

/// Says what is not as expected.
fn expect(holds: bool, what: impl FnOnce() -> String) -> Answer {
    if holds { Ok(()) } else { wrong(what()) }
}

fn same<T: PartialEq + Debug>(what: &str, got: &T, expected: &T) -> Answer {
    expect(got == expected, || format!("{what} is {got:?}, not {expected:?}"))
}

/// The call must be refused with this code.
fn refused<T: Debug>(reply: crate::Result<T>, code: &str) -> Answer {
    match reply {
        Ok(reply) => wrong(format!("{code} was expected, not success: {reply:?}")),
        Err(error) if error.is(code) && error.kind == crate::ErrorKind::Refused => Ok(()),
        Err(error) => wrong(format!("{code} was expected, not {error} ({:?})", error.kind)),
    }
}

fn data_volume(delete_on_termination: bool) -> EbsDevice {
    EbsDevice { delete_on_termination, volume_size: Some(1), volume_type: Some("gp3".to_owned()), ..EbsDevice::default() }
}
