//! The powershell provisioner: escapes that were once needed.

use serde_json::{Map, Value as Json};

use crate::fix::sections::{Problem, kind_of};

/// Takes PowerShell's escapes out of user, password and environment variables.
pub(in crate::fix) fn escapes(provisioner: &mut Map<String, Json>) -> Result<(), Problem> {
    for key in ["elevated_user", "elevated_password"] {
        match provisioner.get_mut(key) {
            None => {}
            Some(Json::String(text)) => *text = unescaped(text),
            Some(other) => {
                let message = format!("`{key}` is {}, not a string", kind_of(other));
                return Err(Problem::new(&format!("/{key}"), message, "put it between double quotes"));
            }
        }
    }
    if let Some(variables) = provisioner.get_mut("environment_vars")
        && let Some(texts) = texts(variables)
    {
        *variables = texts.into_iter().map(unescaped).collect();
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

/// One escape after the other, each over the whole text, as Packer does it.
fn unescaped(text: &str) -> String {
    text.replace("`$", "$").replace("`\"", "\"").replace("``", "`").replace("`'", "'")
}
