//! Key pairs, made as EC2 makes them.
