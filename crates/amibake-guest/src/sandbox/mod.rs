//! Guests in Linux namespaces, over a copy-on-write view of this machine.
