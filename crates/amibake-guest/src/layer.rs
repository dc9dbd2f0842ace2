//! What was changed in a guest, as a tar layer with a readable list.

use serde::{Deserialize, Serialize};

/// How a layer says that a path is gone: a file of this name, with the path's own name behind it. OCI image specification, "whiteouts".
pub const WHITEOUT: &str = ".wh.";

/// How a layer says that nothing of earlier layers is in this directory.
pub const OPAQUE: &str = ".wh..wh..opq";

/// One changed path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// Absolute.
    pub path: String,
    /// What happened.
    pub kind: Kind,
    /// What stands there now; None where it was removed.
    pub entry: Option<Entry>,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// It is new.
    Added,
    /// Content, mode or owner differ.
    Changed,
    /// It is gone.
    Removed,
}

/// A path as the image would have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// `-`, `d`, `l`, `p`, as `ls` writes it.
    pub file_type: char,
    /// Permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// User id in the guest.
    pub uid: u32,
    /// Group id in the guest.
    pub gid: u32,
    /// Bytes; 0 for what is no file.
    pub size: u64,
    /// Of a symbolic link.
    pub target: Option<String>,
}
