//! From an ordinary process to the first process of a guest.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, send, socket};
use serde::{Deserialize, Serialize};

use super::fault::{During as _, Fault, Step};
use super::launch::{Said, become_root, say, wait};
use super::tree::Tree;
use super::{limits, root};

/// What a guest shall be, as far as its first process must know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Its directory, below the run's.
    pub(super) dir: String,
    /// Its overlays, the root first.
    pub(super) trees: Vec<Tree>,
    /// Its host name.
    pub(super) hostname: String,
    /// Whether it shares this machine's network.
    pub(super) network: bool,
    /// Whether it has users other than root.
    pub(super) many: bool,
}

/// `__guest-init PLAN`: makes the namespaces, starts the first process in them and ends.
pub(super) fn namespaces(plan: &str) -> Result<(), Fault> {
    become_root()?;
    let network = parse(plan)?.network;
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWCGROUP;
    if !network {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    unshare(flags).at(Step::Namespaces, || "making the namespaces of a guest".to_owned())?;
    let first = Command::new("/proc/self/exe")
        .arg0("amibake")
        .args(["__guest-root", plan])
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .during(|| "starting the first process of a guest".to_owned())?;
    say(&Said::First(first.id()))
}

/// `__guest-root PLAN`: makes the guest's world and becomes its first process.
pub(super) fn first(plan: &str) -> Result<(), Fault> {
    // Not before the owner holds on to this process.
    wait()?;
    let plan = parse(plan)?;
    nix::unistd::sethostname(&plan.hostname).during(|| "a guest's host name".to_owned())?;
    if !plan.network {
        loopback_up()?;
    }
    root::enter(&plan)?;
    limits::drop_capabilities()?;
    // From here on what runs is a file that the guest sees but cannot write.
    let failed = Command::new("/run/amibake/program").arg0("init").arg("__guest-first").env_clear().exec();
    Err(failed).during(|| "becoming the first process of a guest".to_owned())
}

fn parse(plan: &str) -> Result<Plan, Fault> {
    serde_json::from_str(plan).map_err(io::Error::from).during(|| "the plan of a guest".to_owned())
}

/// Switches `lo` on, as `ip link set lo up` does: a request RTM_NEWLINK for interface 1 with the flag IFF_UP.
fn loopback_up() -> Result<(), Fault> {
    const RTM_NEWLINK: u16 = 16;
    const NLM_F_REQUEST: u16 = 1;
    const IFF_UP: u32 = 1;
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    message.extend([0; 8]); // sequence, port
    message.extend([0; 4]); // family, padding, device type
    message.extend(1_i32.to_ne_bytes()); // the first interface of a network namespace is its loopback
    message.extend(IFF_UP.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes()); // which flags change
    let route = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute);
    route
        .and_then(|route| send(std::os::fd::AsRawFd::as_raw_fd(&route), &message, MsgFlags::empty()))
        .map(drop)
        .during(|| "switching on a guest's loopback interface".to_owned())
}
