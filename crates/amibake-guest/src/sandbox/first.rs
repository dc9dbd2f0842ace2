//! The first process of a guest, once everything stands: it buries the dead, and ends when its owner is gone, which ends everything.

use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::fault::{During as _, Fault};
use super::launch::{Said, say};

/// `__guest-first`
pub(super) fn stay() -> Result<(), Fault> {
    // Else the guest could open our end of the owner's line, and we would never hear that it is gone.
    nix::sys::prctl::set_dumpable(false).during(|| "closing a guest's first process".to_owned())?;
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_set_mask().during(|| "signals of a guest's first process".to_owned())?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .during(|| "signals of a guest's first process".to_owned())?;
    say(&Said::Done(serde_json::Value::Null))?;
    loop {
        let owner = rustix::stdio::stdin();
        let mut waits = [PollFd::new(owner, PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waits, PollTimeout::NONE).is_err() {
            continue;
        }
        // The owner says nothing any more: this is its end.
        if waits[0].any().unwrap_or(true) {
            return Ok(());
        }
        while let Ok(Some(_)) = signals.read_signal() {}
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                break;
            }
        }
    }
}
