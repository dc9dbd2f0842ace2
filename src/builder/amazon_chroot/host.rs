//! The machine that a build runs on: which instance it is, its devices, and the lock that builds share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use amibake_ec2::VolumeId;
use async_trait::async_trait;

use super::metadata::{self, Identity};

/// The machine that a build runs on.
#[async_trait]
pub trait Host: Send + Sync {
    /// Which instance it is.
    ///
    /// # Errors
    /// Why that cannot be told.
    async fn identity(&self, env: &BTreeMap<String, String>) -> Result<Identity, String>;

    /// Whether there is a file of this name.
    fn exists(&self, path: &Path) -> bool;

    /// How its disks are called: `sd`, `xvd`.
    fn prefix(&self) -> &'static str;

    /// The NVMe device of a volume.
    fn nvme(&self, volume: &VolumeId) -> Option<PathBuf>;

    /// The file that builds lock while they choose a device.
    fn lock(&self) -> PathBuf;
}

/// This machine.
#[derive(Debug, Clone, Copy)]
pub struct ThisMachine;

#[async_trait]
impl Host for ThisMachine {
    async fn identity(&self, env: &BTreeMap<String, String>) -> Result<Identity, String> {
        metadata::identity(env).await
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn prefix(&self) -> &'static str {
        prefix(&names(Path::new("/sys/block")))
    }

    fn nvme(&self, volume: &VolumeId) -> Option<PathBuf> {
        nvme(Path::new("/sys/block"), volume)
    }

    /// Packer's own: builds of both must not choose the same device.
    fn lock(&self) -> PathBuf {
        PathBuf::from("/var/lock/packer-chroot/lock")
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A machine with NVMe disks only takes any name: EC2 wants `sd`.
fn prefix(disks: &[String]) -> &'static str {
    ["sd", "xvd"].into_iter().find(|prefix| disks.iter().any(|disk| disk.starts_with(prefix))).unwrap_or("sd")
}

/// EBS volumes have their id, without its dash, as the serial number of their NVMe device (EC2 user guide, "NVMe EBS volumes").
fn nvme(blocks: &Path, volume: &VolumeId) -> Option<PathBuf> {
    let wanted = volume.as_str().replace('-', "");
    let has_it = |name: &String| {
        let serial = std::fs::read_to_string(blocks.join(name).join("device/serial"));
        serial.is_ok_and(|serial| serial.trim() == wanted)
    };
    let disk = names(blocks).into_iter().filter(|name| name.starts_with("nvme")).find(has_it)?;
    Some(Path::new("/dev").join(disk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_tell_how_the_next_one_is_called() {
        let disks = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(prefix(&disks(&["loop0", "xvda"])), "xvd");
        assert_eq!(prefix(&disks(&["xvda", "sda"])), "sd");
        assert_eq!(prefix(&disks(&["nvme0n1"])), "sd");
    }

    #[test]
    fn a_volume_is_found_by_its_serial_number() {
        let blocks = tempfile::tempdir().unwrap();
        for (disk, serial) in [("nvme0n1", "vol0aaa\n"), ("nvme1n1", "vol0bbb   \n"), ("xvdf", "vol0ccc\n")] {
            std::fs::create_dir_all(blocks.path().join(disk).join("device")).unwrap();
            std::fs::write(blocks.path().join(disk).join("device/serial"), serial).unwrap();
        }
        let find = |id: &str| nvme(blocks.path(), &VolumeId::new(id).unwrap());
        assert_eq!(find("vol-0bbb"), Some(PathBuf::from("/dev/nvme1n1")));
        assert_eq!((find("vol-0ccc"), find("vol-0ddd")), (None, None));
    }
}
