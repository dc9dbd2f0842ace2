//! The powershell provisioner: escapes that were once needed.

use serde_json::{Map, Value as Json};

use crate::fix::sections::Problem;

/// Takes PowerShell's escapes out of user, password and environment variables.
pub(in crate::fix) fn escapes(provisioner: &mut Map<String, Json>) -> Result<(), Problem> {
    for key in ["elevated_user", "elevated_password"] {
        if let Some(Json::String(text)) = provisioner.get_mut(key) {
            *text = unescaped(text);
        }
    }
    if let Some(Json::Array(variables)) = provisioner.get_mut("environment_vars") {
        for variable in variables {
            if let Json::String(text) = variable {
                *text = unescaped(text);
            }
        }
    }
    Ok(())
}

/// One escape after the other, each over the whole text, as Packer does it.
fn unescaped(text: &str) -> String {
    text.replace("`$", "$").replace("`\"", "\"").replace("``", "`").replace("`'", "'")
}
