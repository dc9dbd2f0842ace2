//! Images that rehearsals made, on disk.
//!
//! `FOLDER/images/AMI/`: `layer.tar` (what the image holds beyond its source, an OCI layer), `files.txt` (the same for people), `image.json`
//! (the image as `aws ec2 describe-images` prints it, with its region), `below/` (layers of the rehearsed images that it was made from,
//! hard links: no image needs another one's folder). A folder without `image.json` is of a rehearsal that did not come to its end; the
//! next one removes it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amibake_ec2::lab::images;
use amibake_ec2::lab::record::ImageRecord;
use amibake_ec2::{ImageId, InstanceId};
use amibake_guest::guest::System;
use amibake_guest::layer::{Change, Kind};
use serde_json::{Value, json};

pub(super) const LAYER: &str = "layer.tar";
const BELOW: &str = "below";
const FILES: &str = "files.txt";
const IMAGE: &str = "image.json";
/// Held by a rehearsal that writes the folder.
const LOCK: &str = "lock";

/// The folder. Clones name the same one.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    /// Held while an image is being made, and given up by the system when the program ends, however it does: that is what the next
    /// rehearsal asks.
    locks: Arc<Mutex<BTreeMap<ImageId, File>>>,
}

/// An image on disk.
#[derive(Debug, Clone)]
pub struct Kept {
    /// As the lab knows it.
    pub record: ImageRecord,
    /// Where it is.
    pub region: String,
    /// Its layers, the oldest first.
    pub layers: Vec<PathBuf>,
}

impl Store {
    /// Opens the folder, makes it where it is not there. Nothing in it is for version control, and it says so itself.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        // Guests write through paths that must hold from any directory.
        let folder = std::path::absolute(folder)?;
        fs::create_dir_all(folder.join("images"))?;
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            fs::write(ignore, "*\n")?;
        }
        Ok(Self { folder, locks: Arc::default() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The images that are there, and what could not be read of them. What unfinished rehearsals left is removed.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn images(&self) -> io::Result<(Vec<Kept>, Vec<String>)> {
        let (mut kept, mut unreadable) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(self.folder.join("images"))? {
            let folder = entry?.path();
            match read(&folder) {
                Ok(Some(image)) => kept.push(image),
                Ok(None) => remove_unless_held(&folder)?,
                Err(why) => unreadable.push(format!("`{}` is left out: {why}", folder.join(IMAGE).display())),
            }
        }
        kept.sort_by(|a, b| a.record.id.cmp(&b.record.id));
        Ok((kept, unreadable))
    }

    /// Where the layer of an image that is being made goes.
    ///
    /// # Errors
    /// The image's folder cannot be made.
    pub(super) fn layer(&self, image: &ImageId) -> io::Result<PathBuf> {
        let folder = self.of(image);
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join(LOCK))?;
        lock.try_lock().map_err(|error| io::Error::other(error.to_string()))?;
        self.locks().insert(image.clone(), lock);
        Ok(folder.join(LAYER))
    }

    /// Keeps an image: from now on later rehearsals find it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, image: &Kept, changes: &[Change]) -> io::Result<PathBuf> {
        let folder = self.of(&image.record.id);
        fs::create_dir_all(&folder)?;
        self.link_layers(&folder, &image.layers)?;
        self.list(&folder, changes)?;
        let mut described = images::write(&image.record);
        if let Some(described) = described.as_object_mut() {
            described.insert("Region".to_owned(), json!(image.region));
        }
        let text = serde_json::to_string_pretty(&json!({ "Images": [described] })).map_err(io::Error::other)?;
        // Whole or not at all: this file is what makes the folder an image.
        let unfinished = folder.join(format!("{IMAGE}.new"));
        fs::write(&unfinished, text + "\n")?;
        fs::rename(unfinished, folder.join(IMAGE))?;
        let _ = fs::remove_file(folder.join(LOCK));
        self.locks().remove(&image.record.id);
        Ok(folder)
    }

    /// The last layer is the image's own; of a copy it is the source's.
    fn link_layers(&self, folder: &Path, layers: &[PathBuf]) -> io::Result<()> {
        let Some((own, below)) = layers.split_last() else { return Ok(()) };
        link(own, &folder.join(LAYER))?;
        for (index, layer) in below.iter().enumerate() {
            fs::create_dir_all(folder.join(BELOW))?;
            link(layer, &folder.join(BELOW).join(format!("{index:04}.tar")))?;
        }
        Ok(())
    }

    fn locks(&self) -> MutexGuard<'_, BTreeMap<ImageId, File>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where what a guest held at the end of a failed build goes.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(super) fn failed(&self, instance: &InstanceId) -> io::Result<PathBuf> {
        let folder = self.folder.join("failed").join(instance.as_str());
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Writes the list beside a layer.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn list(&self, folder: &Path, changes: &[Change]) -> io::Result<()> {
        fs::write(folder.join(FILES), listing(changes))
    }

    /// Removes an image. One that is not there is no error.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget(&self, image: &ImageId) -> io::Result<()> {
        self.locks().remove(image);
        match fs::remove_dir_all(self.of(image)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn of(&self, image: &ImageId) -> PathBuf {
        self.folder.join("images").join(image.as_str())
    }
}

/// An image's folder; None for one that was never finished.
fn read(folder: &Path) -> Result<Option<Kept>, String> {
    let text = match fs::read_to_string(folder.join(IMAGE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let record = images::read(&text)?.into_iter().next().ok_or("it holds no image")?;
    let about: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let about = &about["Images"][0];
    let mut layers: Vec<PathBuf> = match fs::read_dir(folder.join(BELOW)) {
        Ok(below) => below.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(),
    };
    layers.sort();
    layers.push(folder.join(LAYER));
    Ok(Some(Kept { record, region: about["Region"].as_str().unwrap_or_default().to_owned(), layers }))
}

/// A second name for a file, or a copy of it where the file system has no second names.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    if from == to || to.exists() { Ok(()) } else { fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ())) }
}

/// A rehearsal that is alive holds its folders.
fn remove_unless_held(folder: &Path) -> io::Result<()> {
    let held = File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err());
    if held { Ok(()) } else { fs::remove_dir_all(folder) }
}

/// One line a path: what happened, mode, owner, size, path.
fn listing(changes: &[Change]) -> String {
    changes.iter().map(|change| line(change) + "\n").collect()
}

/// `added    -rw-r--r--         0:0         1234 /etc/motd`
pub(super) fn line(change: &Change) -> String {
    let what = match change.kind {
        Kind::Added => "added",
        Kind::Changed => "changed",
        Kind::Removed => "removed",
    };
    let Some(entry) = &change.entry else { return format!("{what:<8} {:<36}{}", "", change.path) };
    let owner = format!("{}:{}", entry.uid, entry.gid);
    let target = entry.target.as_ref().map(|target| format!(" -> {target}")).unwrap_or_default();
    format!("{what:<8} {}{} {owner:>11} {:>12} {}{target}", entry.file_type, rwx(entry.mode), entry.size, change.path)
}

/// Permission bits as `ls` shows them.
fn rwx(mode: u32) -> String {
    let special = [(0o4000, 6, 's', 'S'), (0o2000, 3, 's', 'S'), (0o1000, 0, 't', 'T')];
    special
        .iter()
        .flat_map(|(bit, shift, with, without)| {
            let rights = mode >> shift & 0o7;
            let execute = match (mode & bit != 0, rights & 1 != 0) {
                (true, true) => *with,
                (true, false) => *without,
                (false, true) => 'x',
                (false, false) => '-',
            };
            [if rights & 4 != 0 { 'r' } else { '-' }, if rights & 2 != 0 { 'w' } else { '-' }, execute]
        })
        .collect()
}

/// The operating system of an image, as far as a guest shows it.
pub(super) fn system(image: &ImageRecord) -> System {
    let Some(platform) = image.platform else { return System::default() };
    System { os_release: platform.os_release(), login: platform.login.to_owned(), container: platform.container.to_owned() }
}
