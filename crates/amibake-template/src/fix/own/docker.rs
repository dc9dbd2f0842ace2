//! The docker-tag post-processor: one list of tags.

use serde_json::{Map, Value as Json};

use crate::fix::sections::Problem;

/// `tag` and `tags`, lists or texts with commas, to the list `tags` without duplicates. It is written even where there is no tag.
pub(in crate::fix) fn tags(post_processor: &mut Map<String, Json>) -> Result<(), Problem> {
    let mut all: Vec<Json> = Vec::new();
    for key in ["tag", "tags"] {
        for tag in post_processor.shift_remove(key).as_ref().map(texts).unwrap_or_default() {
            let tag = Json::String(tag);
            if !all.contains(&tag) {
                all.push(tag);
            }
        }
    }
    post_processor.insert("tags".to_owned(), Json::Array(all));
    Ok(())
}

fn texts(value: &Json) -> Vec<String> {
    match value {
        Json::String(text) => text.split(',').map(|tag| tag.trim().to_owned()).collect(),
        Json::Array(elements) => elements.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
