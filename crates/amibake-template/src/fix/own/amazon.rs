//! Amazon builders: two keys that became others.

use serde_json::{Map, Value as Json, json};

use crate::fix::sections::{Problem, kind_of};

/// `ssh_private_ip` to `ssh_interface`; where that is there, nothing changes, and the old key stays.
pub(in crate::fix) fn private_ip(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    let Some(value) = builder.get("ssh_private_ip") else { return Ok(()) };
    if builder.contains_key("ssh_interface") {
        return Ok(());
    }
    let private = match value {
        Json::Bool(yes) => *yes,
        Json::String(text) => match go_bool(text) {
            Some(yes) => yes,
            None => return Err(no_boolean(&format!("{text:?}"))),
        },
        other => return Err(no_boolean(kind_of(other))),
    };
    builder.shift_remove("ssh_private_ip");
    builder.insert("ssh_interface".to_owned(), json!(if private { "private_ip" } else { "public_ip" }));
    Ok(())
}

fn no_boolean(found: &str) -> Problem {
    let help = "write \"ssh_interface\": \"private_ip\" instead of true, \"public_ip\" instead of false";
    Problem::new("/ssh_private_ip", format!("`ssh_private_ip` is not a boolean, but {found}"), help)
}

/// Go's `strconv.ParseBool`.
fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// `temporary_security_group_source_cidr` to a list of one.
pub(in crate::fix) fn source_cidrs(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    if builder.get("temporary_security_group_source_cidr").is_some_and(Json::is_string) {
        let cidr = builder.shift_remove("temporary_security_group_source_cidr");
        builder.insert("temporary_security_group_source_cidrs".to_owned(), json!([cidr]));
    }
    Ok(())
}
