//! The port of this machine at which a session is entered.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where Packer looks for a port: below those that systems give to outgoing connections, so that none is taken while a session is opened
/// again.
const PORTS: RangeInclusive<u16> = 8000..=9000;

/// Ports in use by builds of this process. Between two sessions nothing listens there, yet they are taken.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port of this machine that no other build of this process takes as long as this lives.
#[derive(Debug)]
pub struct LocalPort(u16);

impl LocalPort {
    /// Takes a port: this one, or with 0 any that is free.
    ///
    /// # Errors
    /// It is in use. Packer waits for it without end.
    pub fn take(wanted: u16) -> Result<Self, String> {
        const WHAT: &str = "error finding an available port to initiate a session tunnel";
        let mut taken = taken();
        if wanted == 0 {
            let free = PORTS.into_iter().find(|port| !taken.contains(port) && listen(*port).is_ok());
            let port = free.ok_or_else(|| format!("{WHAT}: none of the ports {} to {} is free", PORTS.start(), PORTS.end()))?;
            taken.insert(port);
            return Ok(Self(port));
        }
        let cannot = |why: &str| format!("{WHAT}: port {wanted} cannot be opened: {why} (another `session_manager_port`, or none, may do)");
        if taken.contains(&wanted) {
            return Err(cannot("another build of this run uses it"));
        }
        listen(wanted).map_err(|error| cannot(&error.to_string()))?;
        taken.insert(wanted);
        Ok(Self(wanted))
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.0
    }
}

impl Drop for LocalPort {
    fn drop(&mut self) {
        taken().remove(&self.0);
    }
}

fn taken() -> MutexGuard<'static, BTreeSet<u16>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(port: u16) -> std::io::Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn ports_are_free_and_each_has_one_owner() {
        let (first, second) = (LocalPort::take(0).unwrap(), LocalPort::take(0).unwrap());
        assert_ne!(first.number(), second.number());
        let number = first.number();
        let error = LocalPort::take(number).unwrap_err();
        assert!(error.contains("another build of this run uses it"), "{error}");
        drop(first);
        assert_eq!(LocalPort::take(number).unwrap().number(), number);
    }

    #[test]
    fn a_port_in_use_is_an_error() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        let error = LocalPort::take(port).unwrap_err();
        assert!(
            error.starts_with(&format!("error finding an available port to initiate a session tunnel: port {port} cannot be opened: ")),
            "{error}"
        );
    }
}
