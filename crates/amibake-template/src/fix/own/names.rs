//! Template texts of builders: functions and variables that have other names today.

use serde_json::{Map, Value as Json};

use crate::fix::sections::{Problem, kind_of};

const IMAGE_NAMES: [&str; 3] = ["ami_name", "bundle_prefix", "snapshot_name"];

/// `{{.CreateTime}}` to `{{timestamp}}`, in names of images only.
pub(in crate::fix) fn create_time(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    for key in IMAGE_NAMES {
        if let Some(Json::String(text)) = builder.get_mut(key)
            && let Some(changed) = with_timestamp(text)
        {
            *text = changed;
        }
    }
    Ok(())
}

/// None where there is nothing to replace.
fn with_timestamp(text: &str) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("{{") {
        // Of three braces the inner two open the action.
        let inside = rest[at..].trim_start_matches('{');
        let start = rest.len() - inside.len();
        let after = inside.trim_start_matches(is_space).strip_prefix(".CreateTime").map(|rest| rest.trim_start_matches(is_space));
        match after.and_then(|rest| rest.strip_prefix("}}")) {
            Some(after) => {
                out.push_str(&rest[..start]);
                out.push_str("timestamp}}");
                rest = after;
            }
            None => {
                out.push_str(&rest[..start]);
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    (out != text).then_some(out)
}

/// White space to Go's regular expressions.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

/// `clean_image_name` and `clean_ami_name` to `clean_resource_name`: in texts, and in texts of objects one level down.
pub(in crate::fix) fn clean_name(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    for (key, value) in builder {
        match value {
            Json::String(text) => rename_function(text),
            Json::Object(members) => {
                for member in members.values_mut() {
                    if let Json::String(text) = member {
                        rename_function(text);
                    }
                }
            }
            other if key == "image_labels" => {
                let message = format!("`image_labels` is {}, not an object", kind_of(other));
                return Err(Problem::new("/image_labels", message, "it looks like {\"NAME\": \"VALUE\"}"));
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => {}
        }
    }
    Ok(())
}

fn rename_function(text: &mut String) {
    for old in ["clean_image_name", "clean_ami_name"] {
        if text.contains(old) {
            *text = text.replace(old, "clean_resource_name");
        }
    }
}
