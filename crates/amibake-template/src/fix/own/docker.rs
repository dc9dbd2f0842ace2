//! The docker-tag post-processor: one list of tags.

use serde_json::{Map, Value as Json};

use crate::fix::sections::{Problem, kind_of};

/// `tag` and `tags`, lists or texts with commas, to the list `tags` without duplicates. It is written even where there is no tag.
pub(in crate::fix) fn tags(post_processor: &mut Map<String, Json>) -> Result<(), Problem> {
    let mut all: Vec<Json> = Vec::new();
    for key in ["tag", "tags"] {
        let tags = post_processor.get(key).map(|value| texts(key, value)).transpose()?;
        for tag in tags.into_iter().flatten().map(Json::from) {
            if !all.contains(&tag) {
                all.push(tag);
            }
        }
    }
    post_processor.shift_remove("tag");
    post_processor.insert("tags".to_owned(), Json::Array(all));
    Ok(())
}

/// Scalars that are no text, and objects, count as no tag.
fn texts<'t>(key: &str, value: &'t Json) -> Result<Vec<&'t str>, Problem> {
    match value {
        Json::String(text) => Ok(text.split(',').map(str::trim).collect()),
        Json::Array(elements) => {
            let texts = elements.iter().enumerate().map(|(index, element)| {
                let pointer = format!("/{key}/{index}");
                let message = || format!("a tag is {}, not a string", kind_of(element));
                element.as_str().ok_or_else(|| Problem::new(&pointer, message(), "put it between double quotes"))
            });
            texts.collect()
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => Ok(Vec::new()),
    }
}
