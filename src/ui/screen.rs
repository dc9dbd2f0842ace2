//! Where everything ends up that a person or program is to read.

use std::io::{BufWriter, Write};
use std::ops::Range;

use jiff::{Timestamp, tz::TimeZone};

use crate::event::{Event, Speaker, What};

use super::log::Log;
use super::machine;
use super::paint::{Ink, Palette};
use super::redact::Redactor;
use super::story::{Piece, Text, Tone, tell};

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// `-machine-readable`
    pub machine_readable: bool,
    /// Escape codes are written.
    pub color: bool,
    /// The builds' colours are announced: Packer does so even where it writes no codes, unless `-color=false` is given.
    pub announce_colors: bool,
    /// `-timestamp-ui`
    pub timestamps: bool,
}

/// Prints events and the answers of commands.
pub struct Screen {
    out: BufWriter<Box<dyn Write + Send>>,
    look: Look,
    clock: fn() -> Timestamp,
    zone: Option<TimeZone>,
    palette: Palette,
    secrets: Vec<String>,
    redactor: Redactor,
    log: Option<Log>,
}

impl Screen {
    /// A screen that knows no secrets yet.
    pub fn new(out: Box<dyn Write + Send>, look: Look, clock: fn() -> Timestamp) -> Self {
        // The time zone costs a file to read, so it is looked up only where times are shown.
        let zone = look.timestamps.then(TimeZone::system);
        let (palette, redactor) = (Palette::default(), Redactor::none());
        Self { out: BufWriter::new(out), look, clock, zone, palette, secrets: Vec::new(), redactor, log: None }
    }

    /// Keeps a log beside the screen.
    #[must_use]
    pub fn with_log(mut self, log: Option<Log>) -> Self {
        self.log = log;
        self
    }

    /// How it prints.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Hides these secrets too from now on.
    pub fn hide<'a>(&mut self, secrets: impl IntoIterator<Item = &'a str>) {
        self.secrets.extend(secrets.into_iter().map(str::to_owned));
        self.redactor = Redactor::new(self.secrets.iter().map(String::as_str));
    }

    /// Prints an event.
    pub fn show(&mut self, event: &Event) {
        if let What::Hide(hidden) = &event.what {
            return self.hide(hidden.expose());
        }
        if let What::Builds(builds) = &event.what {
            let builds: Vec<_> = builds.iter().map(|build| self.redactor.clean(build)).collect();
            self.palette.assign(&builds);
            self.announce(&builds);
        }
        for piece in tell(&self.clean(event)) {
            self.print(&piece);
        }
    }

    /// Prints a text of the program itself.
    pub fn say(&mut self, text: impl Into<String>) {
        self.speak(Tone::Say, text.into());
    }

    /// Prints a result that a person asked for; programs get a `message`.
    pub fn message(&mut self, text: impl Into<String>) {
        self.speak(Tone::Message, text.into());
    }

    /// Prints an error of the program itself.
    pub fn error(&mut self, text: impl Into<String>) {
        self.speak(Tone::Error, text.into());
    }

    /// Tells programs a fact; people see nothing of it.
    pub fn fact(&mut self, kind: &'static str, data: &[&str]) {
        let data: Vec<_> = data.iter().map(|datum| self.redactor.clean(datum)).collect();
        self.print(&Piece::fact("", kind, data));
    }

    /// A text without the secrets that are known.
    pub fn cleaned(&self, text: &str) -> String {
        self.redactor.clean(text)
    }

    /// Where the secrets that are known stand in a text, from left to right.
    pub fn secrets_in(&self, text: &str) -> Vec<Range<usize>> {
        self.redactor.find(text)
    }

    /// Prints a document for programs as it is. Its texts have been [`cleaned`](Self::cleaned) one by one: in the whole, a secret such as
    /// `1` would take the document's own signs with it.
    pub fn document(&mut self, text: &str) {
        self.print_line(text.trim_end());
    }

    /// Hands everything printed so far to the operating system.
    pub fn flush(&mut self) {
        let _ = self.out.flush();
    }

    fn speak(&mut self, tone: Tone, text: String) {
        let text = self.redactor.clean(&text);
        self.print(&Piece::plain(tone, text));
    }

    fn announce(&mut self, builds: &[String]) {
        if !self.look.announce_colors || self.look.machine_readable || builds.is_empty() {
            return;
        }
        for build in builds {
            let text = format!("{build}: output will be in this color.");
            let piece = Text { tone: Tone::Say, text, ink: Ink::Bold, build: Some(build.clone()) };
            // Packer stamps only what a build says.
            self.print_text(&piece, None);
        }
        self.print(&Piece::plain(Tone::Say, ""));
    }

    /// The event without secrets.
    fn clean(&self, event: &Event) -> Event {
        let clean = |text: &str| self.redactor.clean(text);
        let what = match &event.what {
            What::Say(text) => What::Say(clean(text)),
            What::Detail(text) => What::Detail(clean(text)),
            What::Error(text) => What::Error(clean(text)),
            What::Question(text) => What::Question(clean(text)),
            What::Output { stream, text } => What::Output { stream: *stream, text: clean(text) },
            What::Hide(hidden) => What::Hide(hidden.clone()),
            What::Step(name) => What::Step(name),
            What::Builds(builds) => What::Builds(builds.clone()),
            What::BuildEnded { took, error } => What::BuildEnded { took: *took, error: error.as_deref().map(clean) },
            What::RunEnded(summary) => {
                let mut summary = summary.clone();
                for (build, error) in &mut summary.errors {
                    (*build, *error) = (clean(build), clean(error));
                }
                for (build, artifacts) in &mut summary.artifacts {
                    *build = clean(build);
                    for artifact in artifacts {
                        artifact.id = clean(&artifact.id);
                        artifact.text = clean(&artifact.text);
                        artifact.files.iter_mut().for_each(|file| *file = clean(file));
                    }
                }
                What::RunEnded(summary)
            }
        };
        let speaker = match &event.speaker {
            Speaker::Run => Speaker::Run,
            Speaker::Build(build) => Speaker::Build(clean(build)),
            Speaker::PostProcessor { build, type_name } => Speaker::PostProcessor { build: clean(build), type_name: type_name.clone() },
        };
        Event { speaker, what }
    }

    fn print(&mut self, piece: &Piece) {
        let now = (self.clock)();
        if let Some(log) = &mut self.log {
            log.add(now, piece);
        }
        match piece {
            Piece::Text(text) => self.print_text(text, text.build.is_some().then_some(now)),
            Piece::Question(text) if self.look.machine_readable => {
                self.print_line(&machine::line(now.as_second(), "", "ui", &["say", text]))
            }
            Piece::Question(text) => {
                let _ = write!(self.out, "{} ", text.trim_end());
                self.flush();
            }
            Piece::Fact { target, kind, data } if self.look.machine_readable => {
                self.print_line(&machine::line(now.as_second(), target, kind, data));
            }
            Piece::Fact { .. } => {}
        }
    }

    fn print_text(&mut self, text: &Text, stamp: Option<Timestamp>) {
        let mut line = text.text.clone();
        if let (Some(now), Some(zone)) = (stamp, &self.zone) {
            line = format!("{}: {line}", rfc3339(now, zone));
        }
        if self.look.machine_readable {
            line = machine::line((self.clock)().as_second(), "", "ui", &[text.tone.word(), &line]);
        } else if self.look.color {
            line = self.palette.paint(&line, text.ink, text.build.as_deref());
        }
        self.print_line(&line);
    }

    fn print_line(&mut self, line: &str) {
        let _ = self.out.write_all(line.as_bytes());
        let _ = self.out.write_all(b"\n");
    }
}

/// Go's RFC 3339: whole seconds, `Z` for UTC.
fn rfc3339(now: Timestamp, zone: &TimeZone) -> String {
    let local = now.to_zoned(zone.clone());
    if local.offset().is_zero() {
        local.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    } else {
        local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}
