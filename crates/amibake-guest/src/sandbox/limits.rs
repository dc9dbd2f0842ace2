//! What a guest may not do.

use std::fs;

use nix::mount::{MsFlags, mount};
use rustix::thread::CapabilitySet;

use super::fault::{During as _, Fault};

/// What the guest's root keeps: docker's list without making devices. Everything is within the guest's own user namespace only.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// No program started from here on gets more than the guest's root may have.
pub(super) fn drop_capabilities() -> Result<(), Fault> {
    for bit in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        if KEPT.contains(capability) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // The kernel knows no more of them.
            Err(rustix::io::Errno::INVAL) => break,
            Err(errno) => return Err(errno).during(|| "giving up rights".to_owned()),
        }
    }
    // May be missing in old kernels; nothing was put there.
    let _ = rustix::thread::clear_ambient_capability_set();
    Ok(())
}

/// Nobody in the guest makes a user namespace of their own: in one they could mount.
pub(super) fn no_more_user_namespaces() -> Result<(), Fault> {
    fs::write("proc/sys/user/max_user_namespaces", "0").during(|| "switching off user namespaces in a guest".to_owned())
}

/// Shown empty: what tells about this machine's devices, memory or keys. Docker hides the same.
const HIDDEN: [&str; 12] = [
    "acpi",
    "asound",
    "config.gz",
    "interrupts",
    "kcore",
    "keys",
    "kmsg",
    "latency_stats",
    "sched_debug",
    "scsi",
    "timer_list",
    "timer_stats",
];

/// Not writable: with this machine's own ids, the guest's root would be the owner.
const READ_ONLY: [&str; 4] = ["bus", "fs", "irq", "sys"];

/// Hides what is this machine's in `proc`, which is the guest's new `/proc`.
pub(super) fn close_proc() -> Result<(), Fault> {
    for entry in fs::read_dir("proc").during(|| "reading /proc".to_owned())?.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(found) = entry.metadata() else { continue };
        if name.starts_with(|first: char| first.is_ascii_digit()) || found.is_symlink() {
            continue;
        }
        let path = format!("proc/{name}");
        if HIDDEN.contains(&name.as_str()) {
            hide(&path, found.is_dir())?;
        } else if READ_ONLY.contains(&name.as_str()) || (found.is_file() && writable(&found)) {
            read_only(&path)?;
        }
    }
    Ok(())
}

fn writable(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.mode() & 0o222 != 0
}

const QUIET: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

fn hide(path: &str, directory: bool) -> Result<(), Fault> {
    if directory {
        mount(Some("none"), path, Some("tmpfs"), QUIET | MsFlags::MS_RDONLY, Some("size=0"))
    } else {
        mount(Some("/dev/null"), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
    }
    .during(|| format!("hiding /{path}"))
}

/// Makes a path unwritable, whoever asks.
pub(super) fn read_only(path: &str) -> Result<(), Fault> {
    mount(Some(path), path, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .and_then(|()| {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | QUIET;
            mount(None::<&str>, path, None::<&str>, flags, None::<&str>)
        })
        .during(|| format!("making /{path} unwritable"))
}
