//! The device that the volume is attached as, and where it then is on this machine.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use amibake_ec2::VolumeId;
use amibake_ec2::model::Instance;
use amibake_template::component::Given;
use tokio::time::Instant;

use super::config::AmazonChroot;
use super::host::Host;
use crate::builder::BuildError;
use crate::builder::amazon::call::{fail, go_on, sleep};
use crate::engine::context::BuildContext;

/// How often the lock is tried and a device looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long an attached volume's device may take to appear.
const APPEARS: Duration = Duration::from_secs(60);

/// The volume's device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What EC2 is told, and pre- and post-mount commands by `{{.Device}}`: `/dev/xvdf`; where the template leaves it to us and the
    /// machine shows the volume as NVMe, that device.
    pub name: String,
    /// What is mounted, before the partition: `/dev/xvdf`, `/dev/nvme1n1p`.
    pub mounted: String,
}

impl Device {
    /// Name without its folder, for `{{.Device}}` of the mount path.
    pub fn base(&self) -> &str {
        self.mounted.rsplit('/').next().unwrap_or_default()
    }
}

/// Waits for the lock that builds of this machine share while they choose a device and attach to it. Closing the file gives it up.
///
/// # Errors
/// The file cannot be made; the build is cancelled.
pub async fn lock(cx: &BuildContext, host: &dyn Host) -> Result<File, BuildError> {
    let path = host.lock();
    let failed = |what: &str, error: std::io::Error| fail(cx, format!("Error {what} lock: {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed("creating", error))?;
    }
    let file = File::options().create(true).append(true).open(&path).map_err(|error| failed("creating", error))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => sleep(cx, LOOK_EVERY).await.map_err(|_| BuildError::Cancelled)?,
            Err(TryLockError::Error(error)) => return Err(failed("taking the", error)),
        }
    }
}

/// Chooses the device: the template's, or the first that neither this machine nor EC2 has in use. (A machine with NVMe disks shows
/// none of these names.)
///
/// # Errors
/// It is in use; none is free.
pub fn choose(cx: &BuildContext, host: &dyn Host, config: &AmazonChroot, instance: &Instance) -> Result<String, BuildError> {
    let attached = |name: &str| instance.volumes.iter().any(|volume| short(&volume.device_name) == short(name));
    if let Some(given) = config.device_path.given() {
        return match host.exists(Path::new(given)) || attached(given) {
            true => Err(fail(cx, format!("Device is in use: {given}"))),
            false => Ok(given.to_owned()),
        };
    }
    let prefix = host.prefix();
    let names = ('f'..='p').map(|letter| format!("/dev/{prefix}{letter}"));
    let free = |name: &String| {
        let partition = format!("{name}1");
        !attached(name) && !host.exists(Path::new(name)) && !host.exists(Path::new(&partition))
    };
    names.into_iter().find(free).ok_or_else(|| {
        fail(cx, format!("Error finding available device: available device could not be found, of /dev/{prefix}f to /dev/{prefix}p"))
    })
}

/// What EC2 is told: it knows no `xvd`.
pub fn at_ec2(name: &str) -> String {
    name.replacen("/xvd", "/sd", 1)
}

/// `f` of `/dev/sdf` and `/dev/xvdf`, which are the same to EC2.
fn short(name: &str) -> &str {
    let name = name.trim_start_matches("/dev/");
    name.strip_prefix("sd").or_else(|| name.strip_prefix("xvd")).unwrap_or(name)
}

/// Waits until this machine shows the attached volume.
///
/// # Errors
/// It does not within a minute; the build is cancelled.
pub async fn appeared(
    cx: &BuildContext,
    host: &dyn Host,
    config: &AmazonChroot,
    volume: &VolumeId,
    name: String,
) -> Result<Device, BuildError> {
    let deadline = Instant::now() + APPEARS;
    loop {
        go_on(cx)?;
        if let Some(device) = look(host, config, volume, &name) {
            return Ok(device);
        }
        if Instant::now() >= deadline {
            let looked = config.nvme_device_path.given().unwrap_or(&name);
            let text = format!(
                "Error waiting for the device of volume {volume}: there is neither {looked} nor an NVMe disk with the volume's id after {} \
                 seconds",
                APPEARS.as_secs()
            );
            return Err(fail(cx, text));
        }
        sleep(cx, LOOK_EVERY).await.map_err(|_| BuildError::Cancelled)?;
    }
}

fn look(host: &dyn Host, config: &AmazonChroot, volume: &VolumeId, name: &str) -> Option<Device> {
    let there = |path: &str| host.exists(Path::new(path));
    if let Some(nvme) = config.nvme_device_path.given() {
        // `/dev/nvme1n1p` is no device itself: `/dev/nvme1n1` is, or the name that EC2 was told.
        let disk = nvme.strip_suffix('p').filter(|disk| disk.ends_with(|c: char| c.is_ascii_digit()));
        let here = there(nvme) || disk.is_some_and(there) || there(name);
        return here.then(|| Device { name: name.to_owned(), mounted: nvme.to_owned() });
    }
    if there(name) {
        return Some(Device { name: name.to_owned(), mounted: name.to_owned() });
    }
    let disk: PathBuf = host.nvme(volume)?;
    let disk = disk.to_string_lossy().into_owned();
    Some(Device { mounted: disk.clone(), name: disk })
}

/// What is mounted: the partition of an hvm image, else the whole device.
pub fn with_partition(device: &Device, config: &AmazonChroot, virtualization_type: &str) -> String {
    let partition = config.mount_partition.given().unwrap_or("1");
    let mounted = &device.mounted;
    if virtualization_type != "hvm" || partition == "0" {
        return mounted.clone();
    }
    // A name that ends with a digit has a `p` before the partition, as the kernel names it. The template's own has it already.
    let own = config.nvme_device_path.is_given();
    let between = if !own && mounted.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    format!("{mounted}{between}{partition}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_in_every_place() {
        assert_eq!((at_ec2("/dev/xvdf"), at_ec2("/dev/sdf")), ("/dev/sdf".to_owned(), "/dev/sdf".to_owned()));
        assert_eq!((short("/dev/xvdf"), short("sdf"), short("/dev/xvda1")), ("f", "f", "a1"));
    }

    #[track_caller]
    fn check(mounted: &str, keys: serde_json::Value, kind: &str, expected: &str) {
        let config: AmazonChroot = serde_json::from_value(keys).unwrap();
        let device = Device { name: "/dev/xvdf".to_owned(), mounted: mounted.to_owned() };
        assert_eq!(with_partition(&device, &config, kind), expected);
    }

    #[test]
    fn partitions_are_named_as_the_kernel_names_them() {
        use serde_json::json;
        check("/dev/xvdf", json!({}), "hvm", "/dev/xvdf1");
        check("/dev/xvdf", json!({"mount_partition": "2"}), "hvm", "/dev/xvdf2");
        check("/dev/xvdf", json!({"mount_partition": "0"}), "hvm", "/dev/xvdf");
        check("/dev/xvdf", json!({}), "paravirtual", "/dev/xvdf");
        check("/dev/nvme1n1", json!({}), "hvm", "/dev/nvme1n1p1");
        check("/dev/nvme1n1p", json!({"nvme_device_path": "/dev/nvme1n1p"}), "hvm", "/dev/nvme1n1p1");
    }
}
