//! Which directories of a guest are overlays, and over what.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One overlay.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tree {
    /// Its name in the root directory; empty: the root itself.
    pub(super) at: String,
    /// What it shows, the topmost first. Relative to the run's directory, so that no odd letter gets into mount options.
    pub(super) lowers: Vec<String>,
}

impl Tree {
    /// The name of its directories.
    pub(super) fn dir(&self) -> &str {
        dir_of(&self.at)
    }
}

/// A directory's name for a tree: `root` is the root itself.
pub(super) fn dir_of(at: &str) -> &str {
    if at.is_empty() { "root" } else { at }
}

/// Directories with this machine's programs. All but `usr` are links to it on most machines, and are links in the guest then.
const OF_THIS_MACHINE: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// The names of a guest's trees: the root, and each directory with this machine's programs.
pub(super) fn names() -> Vec<String> {
    let real = |name: &&str| fs::symlink_metadata(Path::new("/").join(name)).is_ok_and(|found| found.is_dir());
    std::iter::once("").chain(OF_THIS_MACHINE.into_iter().filter(real)).map(str::to_owned).collect()
}

/// Links in the root directory that stand for those directories, with their targets.
pub(super) fn links() -> Vec<(&'static str, std::path::PathBuf)> {
    OF_THIS_MACHINE.into_iter().filter_map(|name| Some((name, fs::read_link(Path::new("/").join(name)).ok()?))).collect()
}

/// The trees of a guest: over its seed are no layers, under it the layers (the newest first), then its system, then what all share.
pub(super) fn trees(names: &[String], seed: &str, layers: &[String], system: &str) -> Vec<Tree> {
    let tree = |at: &String| {
        let dir = dir_of(at);
        let mut lowers: Vec<String> = layers.iter().rev().map(|layer| format!("{layer}/{dir}")).collect();
        lowers.push(format!("{system}/{dir}"));
        lowers.push(format!("shared/base/{dir}"));
        if at.is_empty() {
            lowers.insert(0, seed.to_owned());
        } else {
            lowers.push(format!("/{at}"));
        }
        Tree { at: at.clone(), lowers }
    };
    names.iter().map(tree).collect()
}
