//! The powershell provisioner: escapes that were once needed.

use serde_json::{Map, Value as Json};

use crate::fix::sections::{Problem, kind_of};

const ELEVATED: [&str; 2] = ["elevated_user", "elevated_password"];

/// Takes PowerShell's escapes out of user, password and environment variables; out of none where the variables are no list of strings.
pub(in crate::fix) fn escapes(provisioner: &mut Map<String, Json>) -> Result<(), Problem> {
    for key in ELEVATED {
        if let Some(other) = provisioner.get(key).filter(|value| !value.is_string()) {
            let message = format!("`{key}` is {}, not a string", kind_of(other));
            return Err(Problem::new(&format!("/{key}"), message, "put it between double quotes"));
        }
    }
    if let Some(variables) = provisioner.get_mut("environment_vars") {
        let Some(texts) = texts(variables) else { return Ok(()) };
        *variables = texts.into_iter().map(unescaped).collect();
    }
    for key in ELEVATED {
        if let Some(Json::String(text)) = provisioner.get_mut(key) {
            *text = unescaped(text);
        }
    }
    Ok(())
}

/// A list of strings; None for anything else, also for a list in which something else stands. To Go, null is an empty list, or text.
fn texts(variables: &Json) -> Option<Vec<&str>> {
    match variables {
        Json::Null => Some(Vec::new()),
        Json::Array(elements) => elements.iter().map(|element| if element.is_null() { Some("") } else { element.as_str() }).collect(),
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => None,
    }
}

/// Takes the backquote from before each `$`, `"`, backquote and `'`, in one pass from left to right.
fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('`') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        out.push_str(before);
        let escaped = after.chars().next().filter(|c| matches!(c, '$' | '"' | '`' | '\''));
        out.push(escaped.unwrap_or('`'));
        rest = &after[escaped.map_or(0, char::len_utf8)..];
    }
    out + rest
}
