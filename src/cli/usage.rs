//! What to say about a command line that cannot be understood: one line in Packer's words, then what to do.

use amibake_template::finding::nearest;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A wrong command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    message: String,
    hint: Option<String>,
}

impl UsageError {
    /// An error without more to say.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// A flag that the command does not have; names the nearest one.
    pub fn unknown_flag<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let hint = nearest(name, known).map(|known| format!("did you mean -{known}?"));
        Self { message: format!("flag provided but not defined: -{name}"), hint }
    }

    /// What clap found, in Packer's words where it has some.
    pub fn from_clap(error: &clap::Error) -> Self {
        match error.kind() {
            ErrorKind::MissingRequiredArgument => Self::new("a template is needed: its path, or - for standard input"),
            ErrorKind::UnknownArgument => Self {
                message: format!("one argument too many: {}", context(error, ContextKind::InvalidArg)),
                hint: Some("one template is built at a time".to_owned()),
            },
            ErrorKind::InvalidValue | ErrorKind::ValueValidation => Self::new(invalid_value(error)),
            // Clap spells flags with two dashes.
            _ => Self::new(error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").replace("'--", "'-")),
        }
    }

    /// The whole text for a command.
    pub fn text(&self, command: &mut clap::Command) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("{hint}\n")).unwrap_or_default();
        let (usage, name) = (command.render_usage(), command.get_name());
        format!("{}\n{hint}\n{usage}\n`amibake {name} -help` lists the flags.", self.message)
    }
}

fn invalid_value(error: &clap::Error) -> String {
    let flag = context(error, ContextKind::InvalidArg);
    let flag = flag.split([' ', '=']).next().unwrap_or_default().trim_start_matches('-');
    let value = context(error, ContextKind::InvalidValue);
    let reason = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => {
            format!("expected one of [{}]", valid.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(" "))
        }
        _ => match std::error::Error::source(error) {
            Some(source) if !source.is::<std::num::ParseIntError>() => source.to_string(),
            _ => "parse error".to_owned(),
        },
    };
    format!("invalid value {value:?} for flag -{flag}: {reason}")
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    error.get(kind).map(ToString::to_string).unwrap_or_default()
}
