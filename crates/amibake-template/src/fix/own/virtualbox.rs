//! The virtualbox builder, before and after it was renamed.

use serde_json::{Map, Value as Json, json};

use crate::fix::sections::{Problem, kind_of};

/// `guest_additions_attach` to `guest_additions_mode`.
pub(in crate::fix) fn guest_additions(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    if let Some(Json::Bool(attach)) = builder.get("guest_additions_attach") {
        let mode = if *attach { "attach" } else { "upload" };
        builder.shift_remove("guest_additions_attach");
        builder.insert("guest_additions_mode".to_owned(), json!(mode));
    }
    Ok(())
}

/// What provisioners say about the builder `virtualbox` is about `virtualbox-iso`.
pub(in crate::fix) fn overrides(provisioner: &mut Map<String, Json>) -> Result<(), Problem> {
    let Some(value) = provisioner.get("override") else { return Ok(()) };
    let mut builders = Map::new();
    merge(value, "/override", &mut builders)?;
    if let Some(settings) = builders.shift_remove("virtualbox") {
        builders.insert("virtualbox-iso".to_owned(), settings);
        provisioner.insert("override".to_owned(), Json::Object(builders));
    }
    Ok(())
}

/// Packer decodes this key weakly: a list of objects is their union.
fn merge(value: &Json, pointer: &str, into: &mut Map<String, Json>) -> Result<(), Problem> {
    match value {
        Json::Null => Ok(()),
        Json::Object(members) => {
            into.extend(members.clone());
            Ok(())
        }
        Json::Array(elements) => {
            elements.iter().enumerate().try_for_each(|(index, element)| merge(element, &format!("{pointer}/{index}"), into))
        }
        Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            let message = format!("`override` is {}, not an object", kind_of(value));
            Err(Problem::new(pointer, message, "it looks like {\"BUILDER\": {...}}"))
        }
    }
}
