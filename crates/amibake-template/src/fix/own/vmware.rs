//! The vmware-iso builder on ESXi.

use serde_json::{Map, Value as Json, json};

use crate::fix::sections::Problem;

/// On ESXi only thin disks can be compacted; thick ones are what it makes unless told otherwise.
pub(in crate::fix) fn compaction(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    if builder.get("remote_type").and_then(Json::as_str) != Some("esx5") {
        return Ok(());
    }
    let disk = builder.entry("disk_type_id").or_insert_with(|| json!("zeroedthick"));
    let thick = disk.as_str().is_some_and(|disk| disk != "thin");
    if thick && builder.get("skip_compaction").is_none_or(Json::is_boolean) {
        builder.insert("skip_compaction".to_owned(), Json::Bool(true));
    }
    Ok(())
}
