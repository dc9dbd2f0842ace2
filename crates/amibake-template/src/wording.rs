//! Words and findings that several modules share, so that the same mistake reads the same wherever it is found.

use crate::finding::{Finding, nearest_after};
use crate::json::Value;
use crate::lang::LangError;
use crate::source::Span;

/// A value's kind with its article: `a list`, `an object`.
pub(crate) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Names that a sentence lists at most.
const MOST_NAMES: usize = 50;

/// Names for people: `` `a`, `b` ``; of very many the first ones.
pub(crate) fn name_list(names: &[&str]) -> String {
    let listed = names.iter().take(MOST_NAMES).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// A template string that does not compile or render. `what` names it for people: ``the value of variable `x` ``.
pub(crate) fn template_problem(what: &str, span: Span, error: &LangError) -> Finding {
    let finding = Finding::error("bad-template", format!("{what} cannot be rendered: {}", error.reason), span);
    // What a fixer brings up to date is no misspelling.
    let fixed = ["clean_ami_name", "clean_image_name"].iter().any(|name| error.reason.contains(&format!("\"{name}\" not defined")));
    match &error.help {
        _ if fixed => finding.with_help("the function is called `clean_resource_name` now; `amibake fix` renames it"),
        Some(help) => finding.with_help(help.clone()),
        None => match HELP.iter().find(|(reason, _)| error.reason.contains(reason)) {
            Some((_, help)) => finding.with_help(*help),
            None => finding,
        },
    }
}

/// What to do about mistakes in template texts that the language tells in Go's words.
const HELP: &[(&str, &str)] = &[
    ("unclosed action", "what begins with `{{` ends with `}}`, in the same string"),
    ("bad character U+007D", "what begins with `{{` ends with `}}`"),
    ("unterminated raw quoted string", "the backquote that begins here is never closed"),
    ("unterminated quoted string", "the quote that begins here is never closed"),
    ("expected string; found", "text stands between backquotes: {{user `name`}}"),
    ("unexpected {{end}}", "there is no {{if}}, {{with}} or {{range}} that it could end"),
    ("unexpected EOF", "an {{if}}, {{with}} or {{range}} needs its {{end}}"),
    ("Error validating build variable", "`build` knows what a builder made: only provisioners and post-processors can use it"),
    ("only allowed in the variables section", "give it to a variable, and use that with {{user `name`}} here"),
];

/// A reference to a user variable that is neither declared nor given, in the value of another one: nothing can be made of it. `found` is how
/// many findings there are already.
pub(crate) fn undeclared<'a>(name: &str, span: Span, known: impl IntoIterator<Item = &'a str>, found: usize) -> Finding {
    let help = match nearest_after(found, name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("declare it under `variables`, or give it with -var '{name}=...'"),
    };
    Finding::error("undeclared-variable", format!("the variable `{name}` is not declared"), span).with_help(help)
}

/// The same anywhere else: it renders as nothing, as in Packer, which is seldom meant.
pub(crate) fn renders_empty<'a>(name: &str, span: Span, known: impl IntoIterator<Item = &'a str>, found: usize) -> Finding {
    let message = format!("the variable `{name}` is neither declared nor given: it renders as nothing");
    let meant = nearest_after(found, name, known).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let help = format!("{meant}if nothing is meant, declare it with the default \"\", or give it with -var '{name}='");
    Finding::warning("undeclared-variable", message, span).with_help(help)
}
