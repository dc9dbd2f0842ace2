//! Events as Packer 1.6.6 words them. Both forms of output, for people and for programs, print what is told here.

use crate::event::{ArtifactSummary, Event, Speaker, Stream, Summary, What};

use super::duration::in_words;
use super::paint::Ink;

/// One thing to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A text for people; in machine-readable form a `ui` line.
    Text(Text),
    /// Only for programs.
    Fact {
        /// A build's name, or empty.
        target: String,
        /// `artifact-count`
        kind: &'static str,
        /// What follows.
        data: Vec<String>,
    },
    /// A question: its text without the line feed at the end.
    Question(String),
}

/// A text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// How Packer's machine-readable form calls it.
    pub tone: Tone,
    /// With prefixes, without the last line feed.
    pub text: String,
    /// Its colour.
    pub ink: Ink,
    /// The build that it belongs to: whose colour it has, and whether `-timestamp-ui` stamps it.
    pub build: Option<String>,
}

/// Packer's kinds of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// `say`
    Say,
    /// `message`
    Message,
    /// `error`
    Error,
}

impl Tone {
    /// The word in machine-readable lines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Say => "say",
            Self::Message => "message",
            Self::Error => "error",
        }
    }
}

impl Piece {
    /// A text of the run itself: no prefix, no colour.
    pub fn plain(tone: Tone, text: impl Into<String>) -> Self {
        Self::Text(Text { tone, text: text.into(), ink: Ink::Plain, build: None })
    }

    /// A line that only programs see.
    pub fn fact(target: &str, kind: &'static str, data: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::Fact { target: target.to_owned(), kind, data: data.into_iter().map(Into::into).collect() }
    }
}

/// What is to be printed of an event.
pub fn tell(event: &Event) -> Vec<Piece> {
    let speaker = &event.speaker;
    match &event.what {
        What::Say(text) => vec![spoken(speaker, Tone::Say, text)],
        What::Detail(text) => vec![spoken(speaker, Tone::Message, text)],
        What::Error(text) => vec![spoken(speaker, Tone::Error, text)],
        What::Question(text) => vec![Piece::Question(prefixed(speaker, Tone::Say, text))],
        What::Output { stream, text } => text.split('\n').map(|line| command_line(speaker, *stream, line)).collect(),
        What::Hide(_) | What::Step(_) | What::Builds(_) => Vec::new(),
        What::BuildEnded { took, error } => vec![build_ended(speaker, &in_words(*took), error.as_deref())],
        What::RunEnded(summary) => run_ended(summary),
    }
}

fn spoken(speaker: &Speaker, tone: Tone, text: &str) -> Piece {
    let ink = match tone {
        Tone::Say => Ink::Bold,
        Tone::Message => Ink::Normal,
        Tone::Error => Ink::Error,
    };
    Piece::Text(Text { tone, text: prefixed(speaker, tone, text), ink, build: build_of(speaker).map(str::to_owned) })
}

/// A line of a command's output: without white space at its end, and only what a terminal would still show after the last
/// carriage return.
fn command_line(speaker: &Speaker, stream: Stream, line: &str) -> Piece {
    let line = line.trim_end();
    let visible = line.rsplit('\r').next().unwrap_or(line);
    let tone = match stream {
        Stream::Out => Tone::Message,
        Stream::Err => Tone::Error,
    };
    spoken(speaker, tone, visible)
}

/// Every line of the text behind the speaker's prefix; white space at the end of the whole is cut.
fn prefixed(speaker: &Speaker, tone: Tone, text: &str) -> String {
    let name = match speaker {
        Speaker::Run => return text.to_owned(),
        Speaker::Build(name) => name.clone(),
        Speaker::PostProcessor { build, type_name } => format!("{build} ({type_name})"),
    };
    let arrow = match tone {
        Tone::Say | Tone::Error => "==>",
        Tone::Message => "   ",
    };
    let lines: Vec<_> = text.split('\n').map(|line| format!("{arrow} {name}: {line}")).collect();
    lines.join("\n").trim_end().to_owned()
}

fn build_of(speaker: &Speaker) -> Option<&str> {
    match speaker {
        Speaker::Run => None,
        Speaker::Build(build) | Speaker::PostProcessor { build, .. } => Some(build),
    }
}

fn build_ended(speaker: &Speaker, took: &str, error: Option<&str>) -> Piece {
    let name = build_of(speaker).unwrap_or_default();
    let (tone, ink, text) = match error {
        None => (Tone::Say, Ink::Bold, format!("Build '{name}' finished after {took}.")),
        Some(error) => (Tone::Error, Ink::Error, format!("Build '{name}' errored after {took}: {error}")),
    };
    Piece::Text(Text { tone, text, ink, build: Some(name.to_owned()) })
}

fn run_ended(summary: &Summary) -> Vec<Piece> {
    let mut pieces = vec![Piece::plain(Tone::Say, format!("\n==> Wait completed after {}", in_words(summary.took)))];
    if summary.cancelled {
        pieces.push(Piece::plain(Tone::Say, "Cleanly cancelled builds after being interrupted."));
        return pieces;
    }
    errors(&summary.errors, &mut pieces);
    artifacts(&summary.artifacts, &mut pieces);
    pieces
}

fn errors(errors: &[(String, String)], pieces: &mut Vec<Piece>) {
    if errors.is_empty() {
        return;
    }
    pieces.push(Piece::fact("", "error-count", [errors.len().to_string()]));
    pieces.push(Piece::plain(Tone::Error, "\n==> Some builds didn't complete successfully and had errors:"));
    for (build, error) in sorted(errors) {
        pieces.push(Piece::fact(build, "error", [error.as_str()]));
        pieces.push(Piece::plain(Tone::Error, format!("--> {build}: {error}")));
    }
}

fn artifacts(artifacts: &[(String, Vec<ArtifactSummary>)], pieces: &mut Vec<Piece>) {
    if artifacts.is_empty() {
        pieces.push(Piece::plain(Tone::Say, "\n==> Builds finished but no artifacts were created."));
        return;
    }
    pieces.push(Piece::plain(Tone::Say, "\n==> Builds finished. The artifacts of successful builds are:"));
    for (build, made) in sorted(artifacts) {
        pieces.push(Piece::fact(build, "artifact-count", [made.len().to_string()]));
        for (index, artifact) in made.iter().enumerate() {
            artifact_facts(build, &index.to_string(), artifact, pieces);
            pieces.push(Piece::plain(Tone::Say, format!("--> {build}: {}", artifact.text)));
        }
        if made.is_empty() {
            pieces.push(Piece::plain(Tone::Say, format!("--> {build}: <nothing>")));
        }
    }
}

fn artifact_facts(build: &str, index: &str, artifact: &ArtifactSummary, pieces: &mut Vec<Piece>) {
    let mut fact = |data: &[&str]| {
        let data = std::iter::once(index).chain(data.iter().copied());
        pieces.push(Piece::fact(build, "artifact", data));
    };
    fact(&["builder-id", &artifact.builder_id]);
    fact(&["id", &artifact.id]);
    fact(&["string", &artifact.text]);
    fact(&["files-count", &artifact.files.len().to_string()]);
    for (number, file) in artifact.files.iter().enumerate() {
        fact(&["file", &number.to_string(), file]);
    }
    fact(&["end"]);
}

/// By build name: Packer's order is that of Go's maps, at random.
fn sorted<T>(of_builds: &[(String, T)]) -> Vec<&(String, T)> {
    let mut sorted: Vec<_> = of_builds.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    sorted
}
