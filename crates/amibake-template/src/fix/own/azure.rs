//! Azure builders: a misspelt key.

use serde_json::{Map, Value as Json};

use crate::fix::sections::Problem;

/// `exlude_from_latest` in `shared_image_destination`.
pub(in crate::fix) fn exclude_from_latest(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    if let Some(Json::Object(destination)) = builder.get_mut("shared_image_destination")
        && let Some(value) = destination.shift_remove("exlude_from_latest")
    {
        destination.insert("exclude_from_latest".to_owned(), value);
    }
    Ok(())
}
