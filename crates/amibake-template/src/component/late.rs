//! Text that is rendered only while the build runs.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A string that is rendered only while the build runs (`{{ .SourceAMI }}`, `` {{build `ID`}} ``); until then its template text.
///
/// In the schema it carries `"x-amibake-late": true`, which makes the first pass leave it alone (syntax is checked all the same).
/// The keys of a map of `Late` values are late too: Packer renders tag keys and tag values together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Late(pub String);

impl JsonSchema for Late {
    fn schema_name() -> Cow<'static, str> {
        "Late".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-amibake-late": true })
    }
}
