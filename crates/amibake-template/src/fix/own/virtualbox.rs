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
    match provisioner.get_mut("override") {
        None | Some(Json::Null) => {}
        Some(Json::Object(builders)) => {
            if let Some(settings) = builders.shift_remove("virtualbox") {
                builders.insert("virtualbox-iso".to_owned(), settings);
            }
        }
        Some(other) => {
            let message = format!("`override` is {}, not an object", kind_of(other));
            return Err(Problem::new("/override", message, "it looks like {\"BUILDER\": {...}}"));
        }
    }
    Ok(())
}
