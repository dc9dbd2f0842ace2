//! The vagrant post-processor: settings for one provider.

use serde_json::{Map, Value as Json};

use crate::fix::sections::Problem;

const PROVIDERS: [&str; 4] = ["aws", "digitalocean", "virtualbox", "vmware"];

/// Keys named after a provider move into `override`, in place of what stands there.
pub(in crate::fix) fn overrides(post_processor: &mut Map<String, Json>) -> Result<(), Problem> {
    let mut moved = Map::new();
    for provider in PROVIDERS {
        if let Some(settings) = post_processor.shift_remove(provider) {
            moved.insert(provider.to_owned(), settings);
        }
    }
    if !moved.is_empty() {
        post_processor.insert("override".to_owned(), Json::Object(moved));
    }
    Ok(())
}
