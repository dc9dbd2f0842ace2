//! The lines of a journal, and what they say together.

use std::collections::BTreeMap;

use amibake_ec2::Region;
use serde::{Deserialize, Serialize};

use crate::engine::account::Reach;
use crate::engine::teardown::{EntryId, Lifetime, Resource};

/// Version of the records; a reader refuses a higher one.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(super) enum Record {
    /// First line.
    Run {
        version: u32,
        #[serde(flatten)]
        about: About,
    },
    /// Something is about to be created, or is owned from here on.
    Intend { entry: EntryId, build: String, place: Option<Place>, lifetime: Lifetime, resource: Resource },
    /// Its id is known.
    Complete { entry: EntryId, resource: Resource },
    /// It is meant to live differently.
    Live { entry: EntryId, lifetime: Lifetime },
    /// It is gone or handed over.
    Release { entry: EntryId },
}

/// A run, as its journal's first line tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// UUID of the run: the value of the tag `amibake:run-id`.
    pub run_id: String,
    /// Process id of the run, to tell a person which it is; whether it lives is what the lock says.
    pub pid: u32,
    /// When the run began, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_unix: Option<i64>,
    /// The template and the var files, as words of a command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// Where in AWS something is, and how that account was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The region.
    pub region: Region,
    /// The account.
    pub reach: Reach,
}

/// What a run still owned when its journal ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// The run.
    pub about: About,
    /// Its entries, oldest first.
    pub entries: Vec<OpenEntry>,
    /// The highest number of an entry, released ones too.
    pub(super) last_entry: u64,
}

/// One entry that was never released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEntry {
    /// Its number.
    pub entry: EntryId,
    /// The build.
    pub build: String,
    /// Where; None for what is on this machine.
    pub place: Option<Place>,
    /// How long it was meant to live.
    pub lifetime: Lifetime,
    /// What it is. Without its id: the creating call's answer never came.
    pub resource: Resource,
}

/// Why a text is no journal.
pub(super) enum Flaw {
    /// The line (from 1) is no record.
    Malformed(usize, String),
    /// A newer amibake wrote it.
    TooNew(u32),
}

/// What the whole lines of a journal say; a last one cut short by a crash announces a call that was never made, and does not count.
pub(super) fn replay(text: &str) -> Result<Unfinished, Flaw> {
    let mut unfinished = Unfinished::default();
    let mut open: BTreeMap<EntryId, OpenEntry> = BTreeMap::new();
    for (number, line) in text.split_inclusive('\n').filter(|line| line.ends_with('\n')).enumerate() {
        match serde_json::from_str(line) {
            Ok(Record::Run { version, .. }) if version > VERSION => return Err(Flaw::TooNew(version)),
            Ok(Record::Run { about, .. }) => unfinished.about = about,
            Ok(record) => {
                if let Record::Intend { entry, .. } = &record {
                    unfinished.last_entry = unfinished.last_entry.max(entry.0);
                }
                apply(&mut open, record);
            }
            Err(error) => return Err(Flaw::Malformed(number + 1, error.to_string())),
        }
    }
    unfinished.entries = open.into_values().collect();
    Ok(unfinished)
}

fn apply(open: &mut BTreeMap<EntryId, OpenEntry>, record: Record) {
    match record {
        Record::Run { .. } => {}
        Record::Intend { entry, build, place, lifetime, resource } => {
            open.insert(entry, OpenEntry { entry, build, place, lifetime, resource });
        }
        Record::Complete { entry, resource } => {
            if let Some(known) = open.get_mut(&entry) {
                known.resource = resource;
            }
        }
        Record::Live { entry, lifetime } => {
            if let Some(known) = open.get_mut(&entry) {
                known.lifetime = lifetime;
            }
        }
        Record::Release { entry } => {
            open.remove(&entry);
        }
    }
}
