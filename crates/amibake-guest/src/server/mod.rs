//! The SSH server in front of a guest.
