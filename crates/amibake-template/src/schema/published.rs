//! stub

use crate::registry::Registry;

/// The published schema of a whole template, draft-07 (`schema/packer-template.schema.json`).
pub fn template_schema(_registry: &Registry) -> serde_json::Value {
    serde_json::Value::Null
}

/// The published schema of a var file (`schema/packer-vars.schema.json`).
pub fn vars_schema() -> serde_json::Value {
    serde_json::Value::Null
}
