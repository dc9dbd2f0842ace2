//! How a program's end is told.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use russh::Sig;
use tokio::process::Child;
use tokio::sync::mpsc;

use crate::guest::Guest;

/// How a program ended.
#[derive(Debug)]
pub(super) enum Exit {
    /// By itself.
    Status(u32),
    /// By a signal.
    Signal { name: Sig, core: bool },
}

impl Exit {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            // What a process ends with is one byte.
            (Some(code), _) => Self::Status(u32::from(code.to_le_bytes()[0])),
            (None, Some(number)) => Self::Signal { name: name(number), core: status.core_dumped() },
            (None, None) => Self::Status(255),
        }
    }
}

/// SSH's name of a signal (RFC 4254, section 6.10); others as sshd writes them.
fn name(number: i32) -> Sig {
    match number {
        1 => Sig::HUP,
        2 => Sig::INT,
        3 => Sig::QUIT,
        4 => Sig::ILL,
        6 => Sig::ABRT,
        8 => Sig::FPE,
        9 => Sig::KILL,
        10 => Sig::USR1,
        11 => Sig::SEGV,
        12 => Sig::Custom("USR2".into()),
        13 => Sig::PIPE,
        14 => Sig::ALRM,
        15 => Sig::TERM,
        _ => Sig::Custom("SIG@openssh.com".into()),
    }
}

/// Waits for a program's end, and passes on the signals that the client sends meanwhile.
pub(super) async fn wait(child: &mut Child, signals: &mut mpsc::Receiver<String>, guest: &dyn Guest) -> Exit {
    loop {
        tokio::select! {
            status = child.wait() => return status.map_or(Exit::Status(255), Exit::of),
            Some(name) = signals.recv() => guest.signal(child, &name),
        }
    }
}
