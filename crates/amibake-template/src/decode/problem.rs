//! Findings about template strings.

use crate::finding::Finding;
use crate::lang::LangError;
use crate::source::Span;

/// A template string that does not compile or render. `what` names it for people: ``the value of variable `x` ``.
pub(crate) fn template_problem(what: &str, span: Span, error: &LangError) -> Finding {
    let finding = Finding::error("bad-template", format!("{what} cannot be rendered: {}", error.reason), span);
    match &error.help {
        Some(help) => finding.with_help(help.clone()),
        None => finding,
    }
}
