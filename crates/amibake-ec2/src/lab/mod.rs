//! An EC2 in memory.
