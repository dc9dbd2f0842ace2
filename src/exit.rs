//! Exit statuses (reference: Packer's command line, 1.16 where it differs from 1.6.6).

/// All went well; warnings do not count.
pub const SUCCESS: u8 = 0;
/// Any error, a wrong use of the command line, a failed or cancelled build.
pub const FAILURE: u8 = 1;
/// `cleanup` found something, and nobody told it to remove that.
pub const FOUND: u8 = 2;
/// `fmt -check` found a file that is not laid out.
pub const UNFORMATTED: u8 = 3;
/// No command, or one that does not exist.
pub const NO_COMMAND: u8 = 127;
/// A third interrupt: the program stopped without finishing its teardown. 128 + SIGINT.
pub const KILLED: u8 = 130;
