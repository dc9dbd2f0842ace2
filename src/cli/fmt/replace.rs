//! Replacing a file's content so that nobody ever sees half of it.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

/// Writes beside the file and renames: mode and, where that is allowed, owner stay; a link stays a link.
pub(in crate::cli) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let metadata = path.metadata()?;
    // A rename would get around a missing right to write.
    std::fs::OpenOptions::new().write(true).open(&path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".amibake-").tempfile_in(folder)?;
    file.write_all(content)?;
    // Only root may give files away; anybody else owns what he may write here, or shares it by its group.
    let _ = fchown(file.as_file(), Some(metadata.uid()), Some(metadata.gid()));
    file.as_file().set_permissions(metadata.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}
