//! A machine for `amazon-chroot` to run on: an instance of the lab, whose devices appear when they are attached.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use amibake::builder::amazon_chroot::host;
use amibake::builder::amazon_chroot::metadata::Identity;
use amibake_ec2::{InstanceId, VolumeId};
use async_trait::async_trait;

use super::ebs_lab::REGION;

/// The machine.
pub struct Host {
    instance: InstanceId,
    folder: tempfile::TempDir,
    looks: AtomicU32,
}

impl Host {
    /// This instance of the lab.
    pub fn of(instance: &InstanceId) -> Self {
        Self { instance: instance.clone(), folder: tempfile::tempdir().unwrap(), looks: AtomicU32::new(0) }
    }
}

#[async_trait]
impl host::Host for Host {
    async fn identity(&self, _: &BTreeMap<String, String>) -> Result<Identity, String> {
        Ok(Identity { instance_id: self.instance.to_string(), region: REGION.to_owned() })
    }

    /// A device that nothing makes appears after it was looked at twice: before the volume is made, and before it is attached.
    fn exists(&self, path: &Path) -> bool {
        match path.to_str() {
            Some("/dev/xvdzz") => self.looks.fetch_add(1, Ordering::Relaxed) >= 2,
            _ => path.exists(),
        }
    }

    fn prefix(&self) -> &'static str {
        "xvd"
    }

    fn nvme(&self, _: &VolumeId) -> Option<PathBuf> {
        None
    }

    fn lock(&self) -> PathBuf {
        self.folder.path().join("lock/file")
    }
}
