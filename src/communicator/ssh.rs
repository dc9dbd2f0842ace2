//! SSH by the system's `ssh`, one multiplexed connection a build.
