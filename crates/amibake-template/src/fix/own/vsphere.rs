//! The vsphere-iso builder: lists of networks and disks.

use serde_json::{Map, Value as Json};

use crate::fix::sections::{Problem, kind_of};

/// Network and disk of the builder itself become the first of `network_adapters` and `storage`.
pub(in crate::fix) fn network_and_disk(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    let mut adapter = Map::new();
    for (old, new) in [("network", "network"), ("networkCard", "network_card"), ("network_card", "network_card")] {
        take(builder, old, new, &mut adapter);
    }
    put_first(builder, "network_adapters", adapter)?;
    let mut disk = Map::new();
    for key in ["disk_size", "disk_thin_provisioned", "disk_eagerly_scrub"] {
        take(builder, key, key, &mut disk);
    }
    put_first(builder, "storage", disk)
}

fn take(builder: &mut Map<String, Json>, old: &str, new: &str, into: &mut Map<String, Json>) {
    if let Some(value) = builder.shift_remove(old) {
        into.insert(new.to_owned(), value);
    }
}

fn put_first(builder: &mut Map<String, Json>, key: &str, first: Map<String, Json>) -> Result<(), Problem> {
    if first.is_empty() {
        return Ok(());
    }
    match builder.entry(key).or_insert_with(|| Json::Array(Vec::new())) {
        Json::Array(list) => {
            list.insert(0, Json::Object(first));
            Ok(())
        }
        other => {
            let message = format!("`{key}` is {}, not a list", kind_of(other));
            Err(Problem::new(&format!("/{key}"), message, "put it into brackets: [...]"))
        }
    }
}
