//! Which files of a folder are templates or var files. Folders hold other JSON too, so that what is in a file decides.

use std::path::Path;

use amibake_template::json::{self, Node, Value};
use amibake_template::source::Sources;

use super::super::load::dialect;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Sorted within each folder; a folder's files before its folders.
    pub(super) files: Vec<String>,
    /// Folders that could not be read, and why.
    pub(super) unreadable: Vec<(String, std::io::Error)>,
}

/// The templates and var files of a folder; those of its folders where `recursive`. Hidden ones and links to folders are left alone.
pub(super) fn files(folder: &Path, recursive: bool) -> Found {
    let mut found = Found::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                found.unreadable.push((folder.to_string_lossy().into_owned(), error));
                continue;
            }
        };
        entries.retain(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
        entries.sort_by_key(std::fs::DirEntry::file_name);
        let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        let files = entries.iter().filter(|entry| !is_folder(entry)).map(std::fs::DirEntry::path);
        found.files.extend(files.filter(|path| is_ours(path)).map(|path| path.to_string_lossy().into_owned()));
        if recursive {
            // Last in, first out: in the order of their names.
            folders.extend(entries.iter().rev().filter(|entry| is_folder(entry)).map(std::fs::DirEntry::path));
        }
    }
    found
}

fn is_ours(path: &Path) -> bool {
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json") || extension.eq_ignore_ascii_case("jsonc"));
    if !named {
        return false;
    }
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    let source = Sources::default().add("", "");
    match json::parse(source, &text, dialect(&path.to_string_lossy(), false)) {
        (Some(root), _) => is_template(&root) || is_var_file(&root),
        // A template with a mistake in it is to be told about; of other broken files nothing is known.
        (None, _) => text.contains("\"builders\""),
    }
}

/// A list of builders is what no template goes without.
fn is_template(root: &Node) -> bool {
    matches!(root.get("builders").map(|builders| &builders.value), Some(Value::Array(_)))
}

/// Strings only, as var files are.
fn is_var_file(root: &Node) -> bool {
    let Value::Object(members) = &root.value else { return false };
    !members.is_empty() && members.iter().all(|member| matches!(member.value.value, Value::String(_) | Value::Null))
}
