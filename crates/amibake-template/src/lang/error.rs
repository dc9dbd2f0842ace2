//! What can be wrong with a template string.

use std::ops::Range;

use super::lookups::Question;

/// What is wrong with a template string, and which bytes of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct LangError {
    /// Go's reason in Packer's words: `function "f" not defined`, `error calling env: env vars are not allowed here`.
    pub reason: String,
    /// Bytes of the string.
    pub range: Range<usize>,
    /// What to do, where known (nearest function name, quoting).
    pub help: Option<String>,
    /// The reason is `user` naming a variable that is not set: that name.
    pub unset_variable: Option<String>,
    /// The reason is that this has to be asked first.
    pub question: Option<Box<Question>>,
    /// Found while rendering, not while compiling.
    pub executing: bool,
}

impl LangError {
    pub(crate) fn syntax(range: Range<usize>, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), range, help: None, unset_variable: None, question: None, executing: false }
    }

    pub(crate) fn execution(range: Range<usize>, reason: impl Into<String>) -> Self {
        Self { executing: true, ..Self::syntax(range, reason) }
    }

    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The whole message as Packer prints it: `template: root:1: ...`, with the column (bytes from 0) and the node where
    /// rendering failed. `text` is the string that was compiled.
    pub fn packer_message(&self, text: &str) -> String {
        let start = self.range.start.min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        if !self.executing {
            return format!("template: root:{line}: {}", self.reason);
        }
        let column = start - before.rfind('\n').map_or(0, |at| at + 1);
        let node = text.get(start..self.range.end.min(text.len())).unwrap_or_default();
        format!("template: root:{line}:{column}: executing \"root\" at <{node}>: {}", self.reason)
    }
}
