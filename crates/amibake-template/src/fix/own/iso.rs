//! Checksums of ISO images, three keys that became one.

use serde_json::{Map, Value as Json, json};

use crate::fix::sections::Problem;

/// `iso_md5` to a checksum and its type.
pub(in crate::fix) fn md5(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    if builder.get("iso_md5").is_some_and(Json::is_string) {
        let sum = builder.shift_remove("iso_md5").unwrap_or_default();
        builder.insert("iso_checksum".to_owned(), sum);
        builder.insert("iso_checksum_type".to_owned(), json!("md5"));
    }
    Ok(())
}

/// `iso_checksum_url`, else `iso_checksum_type`, into `iso_checksum`; both go. Empty ones say nothing, like values of other types.
pub(in crate::fix) fn checksum(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    let url = builder.shift_remove("iso_checksum_url");
    let kind = builder.shift_remove("iso_checksum_type");
    let sum = if let Some(url) = text(url.as_ref()) {
        format!("file:{url}")
    } else if let (Some(kind), Some(sum)) = (text(kind.as_ref()), text(builder.get("iso_checksum"))) {
        format!("{kind}:{sum}")
    } else {
        return Ok(());
    };
    builder.insert("iso_checksum".to_owned(), Json::String(sum));
    Ok(())
}

fn text(value: Option<&Json>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}
