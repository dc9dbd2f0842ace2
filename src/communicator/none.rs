//! No guest to talk to: every command succeeds without running, files cannot be moved (reference: communicators, section 6).
