//! What happens, told as typed events. Terminal, `-machine-readable` and log are renderers of the same events (see `ui`).
//!
//! Nothing below the renderers prints. Secrets are redacted where the renderers receive an event.

use std::sync::mpsc;
use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Who speaks: a build, or the run itself.
    pub speaker: Speaker,
    /// What happened.
    pub what: What,
}

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaker {
    /// The run.
    Run,
    /// A build, by name.
    Build(String),
    /// A post-processor of a build: `BUILD (TYPE)`.
    PostProcessor {
        /// The build.
        build: String,
        /// The post-processor's type.
        type_name: String,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A headline: `==> NAME: text`.
    Say(String),
    /// A detail: `    NAME: text`.
    Detail(String),
    /// Something went wrong: `==> NAME: text`, red.
    Error(String),
    /// A question to the person at the terminal: `==> NAME: text`, without a line feed.
    Question(String),
    /// Output of a command: one or more whole lines, without the last line feed.
    Output {
        /// Which of its streams.
        stream: Stream,
        /// The lines.
        text: String,
    },
    /// From now on no renderer shows these texts.
    Hide(Hidden),
    /// A build begins a step, by Packer's name of it. Nobody reads it on a screen; timelines are made of it.
    Step(&'static str),
    /// The builds about to run, sorted; decides the colours.
    Builds(Vec<String>),
    /// A build has ended.
    BuildEnded {
        /// How long it took.
        took: Duration,
        /// Its error, if it failed.
        error: Option<String>,
    },
    /// All builds have ended.
    RunEnded(Summary),
}

/// Secrets that came up while a build ran.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Vec<String>);

impl Hidden {
    /// Takes them over; an empty one hides nothing.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self(secrets.into_iter().collect())
    }

    /// The secrets, for the one place that looks for them.
    pub fn expose(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<sensitive>")
    }
}

/// A stream of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What a run left.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How long all builds took.
    pub took: Duration,
    /// Interrupted by a signal.
    pub cancelled: bool,
    /// Failed builds with their errors.
    pub errors: Vec<(String, String)>,
    /// Builds with what they made (may be empty).
    pub artifacts: Vec<(String, Vec<ArtifactSummary>)>,
}

/// An artifact as renderers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactSummary {
    /// `mitchellh.amazonebs`
    pub builder_id: String,
    /// `us-east-1:ami-…`
    pub id: String,
    /// For people; may have several lines.
    pub text: String,
    /// Files.
    pub files: Vec<String>,
}

/// Where events go. Cheap to clone; never blocks; a closed receiver is ignored.
#[derive(Debug, Clone)]
pub struct Reporter {
    speaker: Speaker,
    to: mpsc::Sender<Event>,
}

impl Reporter {
    /// The run's own voice, and where its events arrive.
    pub fn new() -> (Self, mpsc::Receiver<Event>) {
        let (to, events) = mpsc::channel();
        (Self { speaker: Speaker::Run, to }, events)
    }

    /// The same destination with another voice.
    #[must_use]
    pub fn as_speaker(&self, speaker: Speaker) -> Self {
        Self { speaker, to: self.to.clone() }
    }

    /// Tells what happened.
    pub fn tell(&self, what: What) {
        let _ = self.to.send(Event { speaker: self.speaker.clone(), what });
    }

    /// Has a secret kept out of all output from here on.
    pub fn hide(&self, secret: &str) {
        self.tell(What::Hide(Hidden::new([secret.to_owned()])));
    }

    /// A headline.
    pub fn say(&self, text: impl Into<String>) {
        self.tell(What::Say(text.into()));
    }

    /// A detail.
    pub fn detail(&self, text: impl Into<String>) {
        self.tell(What::Detail(text.into()));
    }

    /// Something went wrong.
    pub fn error(&self, text: impl Into<String>) {
        self.tell(What::Error(text.into()));
    }
}
