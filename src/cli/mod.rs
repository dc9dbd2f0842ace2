//! The command line: Packer's spelling of flags, one file a command.
