//! Fixers that do more than rename or remove a key; one file for each thing they are about.

pub(super) mod amazon;
pub(super) mod azure;
pub(super) mod docker;
pub(super) mod iso;
pub(super) mod names;
pub(super) mod powershell;
pub(super) mod qemu;
pub(super) mod vagrant;
pub(super) mod virtualbox;
pub(super) mod vmware;
pub(super) mod vsphere;
