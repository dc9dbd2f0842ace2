//! One layout for all templates and var files: what `amibake fmt` writes.
//!
//! Only the white space changes. Order of keys, comments, the spelling of numbers and the bytes of strings stay as they are, which is
//! why this works on the text (`token`, `layout`) and not on [`crate::json`]'s tree; that one only says whether the text is JSON at all.
//!
//! The layout: two blanks a level; each member of an object on a line of its own; a list in one line where that is short and holds nothing
//! that needs lines of its own, else one element a line; at most one blank line between two; trailing commas of `.jsonc` go; one line
//! break at the end. Line breaks are those the file has. Formatting what is formatted changes nothing.

mod layout;
mod print;
mod token;

use crate::finding::{Finding, Severity};
use crate::json::{self, Dialect};
use crate::source::SourceId;

/// Lays a text out; None beside findings that say why it is no JSON.
///
/// A key that stands twice and a number without end are no matter of layout: findings about them are warnings here.
pub fn format(source: SourceId, text: &str, dialect: Dialect) -> (Option<String>, Vec<Finding>) {
    let (tree, mut findings) = json::parse(source, text, dialect);
    for finding in &mut findings {
        if matches!(finding.code, "duplicate-key" | "number-range") {
            finding.severity = Severity::Warning;
        }
    }
    if tree.is_none() || findings.iter().any(|finding| finding.severity == Severity::Error) {
        return (None, findings);
    }
    let file = layout::read(token::tokens(text));
    (Some(print::print(&file, token::line_break(text))), findings)
}
