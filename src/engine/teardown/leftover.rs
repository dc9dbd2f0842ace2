//! What could not be removed, told so that a person can remove it.

use amibake_ec2::{ImageId, Region, SnapshotId};

use super::{Entry, RUN_TAG, Resource};
use crate::engine::account::{AwsRegion, Reach};

/// Something that is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is, with its region: `instance i-… in us-east-2`.
    pub what: String,
    /// Why it is still there.
    pub why: String,
    /// The command that removes it.
    pub command: String,
}

impl std::fmt::Display for Leftover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Left behind: {} ({}). To remove it: {}", self.what, self.why, self.command)
    }
}

impl Leftover {
    /// An entry that stays; None for what ends with this program anyway.
    pub(super) fn of(entry: &Entry, run_id: &str, why: &str) -> Option<Self> {
        let region = entry.region.as_ref();
        let place = region.map(|region| format!(" in {}", region.name())).unwrap_or_default();
        let aws = |call: String| region.map_or_else(String::new, |region| aws(region.name(), &region.reach, &call));
        let ssm =
            |call: String| region.map_or_else(String::new, |region| aws_service(region.name(), &region.reach, &format!("ssm {call}")));
        let (what, command) = match &entry.resource {
            Resource::KeyPair { name } => (format!("key pair {name}"), aws(format!("delete-key-pair --key-name {}", quote(name)))),
            Resource::SecurityGroup { id: Some(id), .. } => {
                (format!("security group {id}"), aws(format!("delete-security-group --group-id {id}")))
            }
            Resource::SecurityGroup { name, id: None } => {
                (format!("possibly security group {name}"), aws(format!("delete-security-group --group-name {}", quote(name))))
            }
            Resource::Instance { id: Some(id), .. } => (format!("instance {id}"), aws(format!("terminate-instances --instance-ids {id}"))),
            Resource::Instance { id: None, .. } => {
                let filter = format!("describe-instances --filters Name=tag:{RUN_TAG},Values={run_id}");
                (format!("possibly an instance with tag {RUN_TAG}={run_id}"), aws(filter))
            }
            Resource::LaunchTemplate { name } => {
                (format!("launch template {name}"), aws(format!("delete-launch-template --launch-template-name {}", quote(name))))
            }
            Resource::InstanceProfile { name } => {
                let what = format!("instance profile and role {name}");
                (what, region.map_or_else(String::new, |region| super::profile::commands(region, name)))
            }
            Resource::Session { id: Some(id), .. } => {
                (format!("session {id}"), ssm(format!("terminate-session --session-id {}", quote(id))))
            }
            Resource::Session { id: None, target } => {
                let filter = format!("describe-sessions --state Active --filters key=Target,value={target}");
                (format!("possibly a session with instance {target}"), ssm(filter))
            }
            Resource::Volume { id } => (format!("volume {id}"), aws(format!("delete-volume --volume-id {id}"))),
            Resource::Image { id: Some(id), name, .. } => {
                (format!("image {id} ({name})"), aws(format!("deregister-image --image-id {id} --delete-associated-snapshots")))
            }
            Resource::Image { id: None, name, .. } => {
                let filter = format!("describe-images --owners self --filters {}", quote(&format!("Name=name,Values={name}")));
                (format!("possibly an image named {name}"), aws(filter))
            }
            Resource::ImageSetting { image, setting } => (setting.of(image), aws(setting.undoing(image))),
            Resource::Snapshot { id } => (format!("snapshot {id}"), aws(format!("delete-snapshot --snapshot-id {id}"))),
            Resource::VolumeSnapshot { id: Some(id), .. } => (format!("snapshot {id}"), aws(format!("delete-snapshot --snapshot-id {id}"))),
            Resource::VolumeSnapshot { id: None, volume } => {
                let filter = format!("describe-snapshots --filters Name=volume-id,Values={volume}");
                (format!("possibly a snapshot of volume {volume}"), aws(filter))
            }
            Resource::LaunchedVolumes => {
                let filter = format!("describe-volumes --filters Name=tag:{RUN_TAG},Values={run_id}");
                (format!("possibly volumes with tag {RUN_TAG}={run_id}"), aws(filter))
            }
            Resource::S3Object { name, .. } => {
                let call = format!("s3api delete-object --bucket {} --key {}", quote(&name.bucket), quote(&name.key));
                (format!("object {name}"), region.map_or_else(String::new, |region| aws_service(region.name(), &region.reach, &call)))
            }
            Resource::S3Upload { name, id } => {
                let place = format!("--bucket {}", quote(&name.bucket));
                let call = match id {
                    Some(id) => format!("s3api abort-multipart-upload {place} --key {} --upload-id {}", quote(&name.key), quote(id)),
                    None => format!("s3api list-multipart-uploads {place} --prefix {}", quote(&name.key)),
                };
                let what = format!("{}an unfinished upload of {name}", if id.is_some() { "" } else { "possibly " });
                (what, region.map_or_else(String::new, |region| aws_service(region.name(), &region.reach, &call)))
            }
            Resource::ImportTask { image: Some(image), .. } => {
                (format!("image {image}"), aws(format!("deregister-image --image-id {image} --delete-associated-snapshots")))
            }
            Resource::ImportTask { id: Some(id), .. } => {
                (format!("import task {id}, or the image that it makes"), aws(format!("cancel-import-task --import-task-id {id}")))
            }
            Resource::ImportTask { .. } => {
                let what = format!("possibly an import task with tag {RUN_TAG}={run_id}, or the image that it makes");
                (what, aws("describe-import-image-tasks".to_owned()))
            }
            Resource::Mount { path, .. } => {
                let path = path.display().to_string();
                (format!("what is mounted at {path}"), format!("umount {}", quote(&path)))
            }
            Resource::WorkVolume { id: Some(id), attached: true } => (
                format!("volume {id}, attached"),
                aws(format!("detach-volume --volume-id {id} && {}", aws(format!("delete-volume --volume-id {id}")))),
            ),
            Resource::WorkVolume { id: Some(id), attached: false } => {
                (format!("volume {id}"), aws(format!("delete-volume --volume-id {id}")))
            }
            Resource::WorkVolume { id: None, .. } => {
                let filter = format!("describe-volumes --filters Name=tag:{RUN_TAG},Values={run_id}");
                (format!("possibly a volume with tag {RUN_TAG}={run_id}"), aws(filter))
            }
            Resource::TempPath { path } => {
                let path = path.display().to_string();
                (path.clone(), format!("rm -r {}", quote(&path)))
            }
            Resource::Process { .. } => return None,
        };
        Some(Self { what: format!("{what}{place}"), why: why.to_owned(), command })
    }

    /// A snapshot of an image that could not be deleted.
    pub(super) fn snapshot(region: &AwsRegion, id: &SnapshotId, why: String) -> Self {
        let command = aws(region.name(), &region.reach, &format!("delete-snapshot --snapshot-id {id}"));
        Self { what: format!("snapshot {id} in {}", region.name()), why, command }
    }

    /// A finished image that could not be removed.
    pub(super) fn image(region: &AwsRegion, id: &ImageId, why: String) -> Self {
        let command = aws(region.name(), &region.reach, &format!("deregister-image --image-id {id} --delete-associated-snapshots"));
        Self { what: format!("image {id} in {}", region.name()), why, command }
    }
}

pub(super) fn aws_iam(region: &AwsRegion, call: &str) -> String {
    aws_service(region.name(), &region.reach, &format!("iam {call}"))
}

fn aws(region: &Region, reach: &Reach, call: &str) -> String {
    aws_service(region, reach, &format!("ec2 {call}"))
}

fn aws_service(region: &Region, reach: &Reach, call: &str) -> String {
    let profile = reach.profile.as_ref().map(|p| format!("--profile {} ", quote(p))).unwrap_or_default();
    let endpoint = reach.endpoint.as_ref().map(|e| format!("--endpoint-url {} ", quote(e))).unwrap_or_default();
    format!("aws {profile}{endpoint}--region {region} {call}")
}

/// Quotes a word for a POSIX shell, where it needs it.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
