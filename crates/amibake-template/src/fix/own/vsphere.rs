//! The vsphere-iso builder: lists of networks and disks.

use serde_json::{Map, Value as Json};

use crate::fix::sections::Problem;

/// Network and disk of the builder itself become the first of `network_adapters` and `storage`.
pub(in crate::fix) fn network_and_disk(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    let mut adapter = Map::new();
    for (old, new) in [("network", "network"), ("networkCard", "network_card"), ("network_card", "network_card")] {
        take(builder, old, new, &mut adapter);
    }
    put_first(builder, "network_adapters", adapter);
    let mut disk = Map::new();
    for key in ["disk_size", "disk_thin_provisioned", "disk_eagerly_scrub"] {
        take(builder, key, key, &mut disk);
    }
    put_first(builder, "storage", disk);
    Ok(())
}

fn take(builder: &mut Map<String, Json>, old: &str, new: &str, into: &mut Map<String, Json>) {
    if let Some(value) = builder.shift_remove(old) {
        into.insert(new.to_owned(), value);
    }
}

fn put_first(builder: &mut Map<String, Json>, key: &str, first: Map<String, Json>) {
    if first.is_empty() {
        return;
    }
    let mut list = vec![Json::Object(first)];
    if let Some(Json::Array(others)) = builder.shift_remove(key) {
        list.extend(others);
    }
    builder.insert(key.to_owned(), Json::Array(list));
}
