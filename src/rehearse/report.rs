//! What a rehearsal found out.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use amibake_ec2::lab::Lab;
use amibake_guest::layer::{Change, Kind};
use serde::Serialize;

use super::machines::Known;
use super::store::{Kept, line};
use crate::event::{Event, Speaker, What};

/// Version of the report's data.
const VERSION: u32 = 1;
/// Lines of a list that are shown; all of them are in the output folder.
const SHOWN: usize = 12;

/// What a rehearsal found out; written as `report.json`.
#[derive(Debug, Serialize)]
pub struct Report {
    version: u32,
    /// Always true: nothing of it is in AWS.
    rehearsal: bool,
    /// What the guests were.
    guests: String,
    /// By build: how long each step took.
    pub steps: BTreeMap<String, Vec<StepTime>>,
    /// The images that a build would have made.
    pub images: Vec<ImageReport>,
    /// By instance: commands that a stand-in took instead of a package or service manager.
    pub stand_ins: BTreeMap<String, Vec<String>>,
    /// By operation: calls that a build makes.
    pub calls: BTreeMap<String, Counted>,
    /// What was taken for given, since there is no account to ask.
    pub assumed: Vec<String>,
    /// What was not as in a build.
    pub notes: Vec<String>,
}

/// A step.
#[derive(Debug, Serialize)]
pub struct StepTime {
    /// By Packer's name: `StepConnect`.
    pub step: &'static str,
    /// How long it took.
    pub seconds: f64,
}

/// Calls of one operation.
#[derive(Debug, Default, Serialize)]
pub struct Counted {
    /// How many.
    pub count: usize,
    /// Whether it changes something.
    pub changes: bool,
}

/// An image.
#[derive(Debug, Serialize)]
pub struct ImageReport {
    /// Its id in the rehearsal.
    pub id: String,
    /// Region.
    pub region: String,
    /// Name.
    pub name: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Its folder.
    pub folder: String,
    /// Paths added, changed and removed.
    pub counts: [usize; 3],
    /// The paths.
    #[serde(skip)]
    pub changes: Vec<Change>,
}

impl Report {
    /// Nothing found out yet.
    pub fn new(guests: String) -> Self {
        Self {
            version: VERSION,
            rehearsal: true,
            guests,
            steps: BTreeMap::new(),
            images: Vec::new(),
            stand_ins: BTreeMap::new(),
            calls: BTreeMap::new(),
            assumed: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// An image that is kept.
    pub fn add_image(&mut self, image: &Kept, folder: &Path, changes: Vec<Change>) {
        let count = |kind: Kind| changes.iter().filter(|change| change.kind == kind).count();
        self.images.push(ImageReport {
            id: image.record.id.to_string(),
            region: image.region.clone(),
            name: image.record.name.clone(),
            tags: image.record.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
            folder: folder.to_string_lossy().into_owned(),
            counts: [count(Kind::Added), count(Kind::Changed), count(Kind::Removed)],
            changes,
        });
    }

    /// What the lab and the guests know.
    pub fn learn(&mut self, lab: &Lab, known: &Known) {
        for call in lab.calls() {
            let counted = self.calls.entry(call.operation.to_owned()).or_default();
            counted.count += 1;
            counted.changes = call.changes;
        }
        self.assumed.extend(lab.assumptions().iter().map(ToString::to_string));
        let known = known.lock();
        self.stand_ins = known.stand_ins.iter().map(|(instance, asked)| (instance.to_string(), asked.clone())).collect();
        self.notes.extend(known.notes.iter().cloned());
    }

    /// Takes secrets out of all texts that a template or a guest may have put them into.
    pub fn clean(&mut self, clean: impl Fn(&str) -> String) {
        let tags = self.images.iter_mut().flat_map(|image| image.tags.values_mut());
        let asked = self.stand_ins.values_mut().flatten();
        for text in tags.chain(asked).chain(&mut self.assumed).chain(&mut self.notes) {
            *text = clean(text);
        }
    }

    /// Writes `report.json`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        std::fs::write(folder.join("report.json"), text + "\n")
    }

    /// The text for people; `folder` is the output folder as they call it.
    pub fn text(&self, folder: &str) -> String {
        let mut text = "\n==> Rehearsal: nothing was created in AWS.\n".to_owned();
        for image in &self.images {
            text += &image.text(folder);
        }
        let paragraph = |title: &str, lines: &[String]| paragraph(title, lines, folder);
        for commands in self.stand_ins.values().filter(|commands| !commands.is_empty()) {
            text += &paragraph("Not run here, stand-ins took them; on EC2 they do their work", commands);
        }
        let taken: Vec<_> = self.steps.iter().map(|(build, steps)| format!("{build}: {}", times(steps))).collect();
        if !taken.is_empty() {
            text += &paragraph("Time, where it was worth a word", &taken);
        }
        if !self.calls.is_empty() {
            text += &format!("\n    A build makes these calls: {}\n", self.call_list());
        }
        if !self.assumed.is_empty() {
            text += &paragraph("Taken for given, since no account was asked", &self.assumed);
        }
        if !self.notes.is_empty() {
            text += &paragraph("Not as in a build", &self.notes);
        }
        text
    }

    /// Changing calls by name; the others change with the time that AWS takes.
    fn call_list(&self) -> String {
        let named = |(operation, counted): (&String, &Counted)| match counted.count {
            1 => operation.clone(),
            count => format!("{operation} ({count})"),
        };
        let changing: Vec<_> = self.calls.iter().filter(|(_, counted)| counted.changes).map(named).collect();
        let asking = self.calls.iter().filter(|(_, counted)| !counted.changes).map(|(operation, _)| operation.clone());
        format!("{}; to look and to wait: {}", changing.join(", "), asking.collect::<Vec<_>>().join(", "))
    }
}

impl ImageReport {
    fn text(&self, folder: &str) -> String {
        let [added, changed, removed] = self.counts;
        let mut text = format!("\n    The image `{}` ({} in {}) would have beyond its source: ", self.name, self.id, self.region);
        if added + changed + removed == 0 {
            return text + "nothing\n";
        }
        text += &format!("{added} paths added, {changed} changed, {removed} removed\n");
        let mut shown: Vec<_> = self.changes.iter().filter(|change| is_news(change)).map(line).collect();
        let hidden = self.changes.len() - shown.len().min(SHOWN);
        shown.truncate(SHOWN);
        text.extend(shown.iter().map(|line| format!("      {line}\n")));
        let rest = if hidden > 0 { format!("and {hidden} more: ") } else { "also in ".to_owned() };
        let folder = format!("{folder}/images/{}", self.id);
        text + &format!("      {rest}{folder}/files.txt; the layer: {folder}/layer.tar\n")
    }
}

/// Directories that changed only because something in them did are no news.
fn is_news(change: &Change) -> bool {
    change.kind != Kind::Changed || change.entry.as_ref().is_some_and(|entry| entry.file_type != 'd')
}

fn paragraph(title: &str, lines: &[String], folder: &str) -> String {
    let shown: String = lines.iter().take(SHOWN).map(|line| format!("      {line}\n")).collect();
    let more = match lines.len().saturating_sub(SHOWN) {
        0 => String::new(),
        hidden => format!("      and {hidden} more: {folder}/report.json\n"),
    };
    format!("\n    {title}:\n{shown}{more}")
}

/// Steps under the names that people have for them; the quick ones are not worth a word.
fn times(steps: &[StepTime]) -> String {
    let names = [
        ("StepPreValidate", "looking around"),
        ("StepKeyPair", "key pair and security group"),
        ("StepRunSourceInstance", "launch"),
        ("StepConnect", "SSH"),
        ("StepProvision", "provisioners"),
        ("StepStopEBSBackedInstance", "stop"),
        ("stepCreateAMI", "image"),
        ("StepAMIRegionCopy", "copies"),
        ("StepModifyAMIAttributes", "attributes"),
        ("StepCreateTags", "tags"),
    ];
    let name = |step: &'static str| names.iter().find(|(known, _)| *known == step).map_or(step, |(_, name)| name);
    let told = steps.iter().filter(|time| time.seconds >= 0.05).map(|time| format!("{} {:.1} s", name(time.step), time.seconds));
    let told: Vec<_> = told.collect();
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}

/// Notes when steps began, from the events of a run.
#[derive(Debug, Default)]
pub struct Timeline {
    running: BTreeMap<String, (&'static str, Instant)>,
    done: BTreeMap<String, Vec<StepTime>>,
}

impl Timeline {
    /// Looks at an event as it comes by.
    pub fn see(&mut self, event: &Event, now: Instant) {
        let Speaker::Build(build) = &event.speaker else { return };
        match event.what {
            What::Step(step) => {
                self.end(build, now);
                self.running.insert(build.clone(), (step, now));
            }
            What::BuildEnded { .. } => self.end(build, now),
            _ => {}
        }
    }

    fn end(&mut self, build: &str, now: Instant) {
        if let Some((step, began)) = self.running.remove(build) {
            let seconds = now.saturating_duration_since(began).as_secs_f64();
            self.done.entry(build.to_owned()).or_default().push(StepTime { step, seconds: round(seconds) });
        }
    }

    /// By build: how long each step took.
    pub fn steps(self) -> BTreeMap<String, Vec<StepTime>> {
        self.done
    }
}

/// Milliseconds.
fn round(seconds: f64) -> f64 {
    Duration::try_from_secs_f64(seconds).map(|time| time.as_millis() as f64 / 1000.0).unwrap_or(seconds)
}
