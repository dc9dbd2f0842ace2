//! Template strings: compile once, render as often as needed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::context::Context;
use super::error::LangError;
use super::lexer::{Openings, Origin};
use super::lower::{self, Program};
use super::machine;
use super::parser;

/// Rounds of [`render_until_stable`]; Packer has no limit and hangs.
const MAX_ROUNDS: usize = 100;

/// A compiled template string.
#[derive(Debug, Clone)]
pub struct Template {
    text: String,
    /// None where there is nothing to render.
    compiled: Option<Arc<Compiled>>,
}

#[derive(Debug)]
struct Compiled {
    program: Program,
    user: Vec<UserReference>,
    functions: Vec<(String, Range<usize>)>,
}

/// A place where a text names a user variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserReference {
    /// The variable.
    pub name: String,
    /// Bytes of the name in the string, quotes included.
    pub range: Range<usize>,
}

impl Template {
    /// Whether the text has anything to render.
    pub fn has_actions(text: &str) -> bool {
        has_actions(text, Origin::Written)
    }

    /// Compiles a string as it was written.
    ///
    /// # Errors
    /// A syntax error, an unknown function, or a construct that cannot be carried over, with its place.
    pub fn compile(text: &str) -> Result<Self, LangError> {
        Self::of(text, Origin::Written)
    }

    /// Compiles what a rendering made: only `{{ }}` counts there, since Packer renders some texts more than once.
    ///
    /// # Errors
    /// As [`Template::compile`].
    pub fn compile_rendered(text: &str) -> Result<Self, LangError> {
        Self::of(text, Origin::Rendered)
    }

    fn of(text: &str, origin: Origin) -> Result<Self, LangError> {
        if !has_actions(text, origin) {
            return Ok(Self { text: text.to_owned(), compiled: None });
        }
        let mut tree = parser::parse(text, origin)?;
        let user = std::mem::take(&mut tree.user).into_iter().map(|(name, range)| UserReference { name, range }).collect();
        let functions = std::mem::take(&mut tree.functions);
        let compiled = Compiled { program: lower::lower(tree), user, functions };
        Ok(Self { text: text.to_owned(), compiled: Some(Arc::new(compiled)) })
    }

    /// Renders once.
    ///
    /// # Errors
    /// A function that fails or is not allowed here, wrong arguments, a missing field under `strict_data`.
    pub fn render(&self, cx: &Context<'_>) -> Result<String, LangError> {
        let Some(compiled) = &self.compiled else { return Ok(self.text.clone()) };
        machine::run(&compiled.program, cx).map_err(|error| self.spelled(error))
    }

    /// Reasons that end in the spelling of the node: `expected string; found 5`.
    fn spelled(&self, mut error: LangError) -> LangError {
        if error.reason.ends_with(' ') {
            error.reason.push_str(self.text.get(error.range.clone()).unwrap_or_default());
        }
        error
    }

    /// Names of the user variables that the text refers to, for pointing at where a value came from.
    pub fn user_variables(&self) -> Vec<String> {
        let mut names: Vec<String> = self.user_references().iter().map(|reference| reference.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The places where the text names user variables.
    pub fn user_references(&self) -> &[UserReference] {
        self.compiled.as_ref().map(|compiled| compiled.user.as_slice()).unwrap_or_default()
    }

    /// The functions that the text calls, and where.
    pub fn functions(&self) -> &[(String, Range<usize>)] {
        self.compiled.as_ref().map(|compiled| compiled.functions.as_slice()).unwrap_or_default()
    }
}

fn has_actions(text: &str, origin: Origin) -> bool {
    Openings::new(text, origin).next(0).is_some()
}

/// Renders a text as it was written again and again until it no longer changes (late fields, names); at most 100 times.
///
/// # Errors
/// As [`Template::render`], for the text of any round; `the text never stops changing` after the last.
pub fn render_until_stable(text: &str, cx: &Context<'_>) -> Result<String, LangError> {
    render_rounds(text, Origin::Written, cx)
}

/// As [`render_until_stable`], for a text that was rendered before (run-time fields that the first pass rendered too).
///
/// # Errors
/// As [`render_until_stable`].
pub fn render_again_until_stable(text: &str, cx: &Context<'_>) -> Result<String, LangError> {
    render_rounds(text, Origin::Rendered, cx)
}

fn render_rounds(text: &str, mut origin: Origin, cx: &Context<'_>) -> Result<String, LangError> {
    let mut text = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        if !has_actions(&text, origin) {
            return Ok(text);
        }
        let rendered = Template::of(&text, origin)?.render(cx)?;
        if rendered == text {
            return Ok(text);
        }
        (text, origin) = (rendered, Origin::Rendered);
    }
    Err(LangError::execution(0..text.len(), format!("the text still changes after {MAX_ROUNDS} rounds of rendering")))
}

/// What `build NAME` gives in the first pass: for every known name the text `{{.NAME}}`, which the run replaces.
pub fn placeholders<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
    names.into_iter().map(|name| (name.to_owned(), format!("{{{{.{name}}}}}"))).collect()
}
