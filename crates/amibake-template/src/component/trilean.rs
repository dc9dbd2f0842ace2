//! Packer's three-state boolean.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A boolean that knows whether it was set at all (`encrypt_boot`, `ena_support`, a block device's `encrypted`).
///
/// Unlike an `Option<bool>` it takes the empty string for unset, so that a variable may decide; `"x-amibake-trilean": true` in
/// the schema. A field of this type wants `#[serde(default)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trilean(pub Option<bool>);

impl Trilean {
    /// Whether it is set to true.
    pub fn is_true(self) -> bool {
        self.0 == Some(true)
    }

    /// Whether it is set to false.
    pub fn is_false(self) -> bool {
        self.0 == Some(false)
    }
}

impl JsonSchema for Trilean {
    fn schema_name() -> Cow<'static, str> {
        "Trilean".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean", "x-amibake-trilean": true })
    }
}
