//! What a strict schema says about a value's form.

use serde_json::{Map, Value as Json, json};

/// The form of a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape<'s> {
    /// No form of its own.
    Any,
    /// A single value.
    Scalar(Scalar),
    /// A list of these.
    List(&'s Json),
    /// Any keys, values like this.
    Map(&'s Json),
    /// Fixed keys.
    Struct,
}

/// The kinds of single value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    /// Text.
    String,
    /// Text in Go's notation of durations.
    Duration,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// True, false or unset.
    Trilean,
}

impl<'s> Shape<'s> {
    /// Reads a strict schema.
    pub(super) fn of(schema: &'s Json) -> Self {
        match schema.get("type").and_then(Json::as_str) {
            Some("string") if schema.get("format") == Some(&json!("go-duration")) => Self::Scalar(Scalar::Duration),
            Some("string") => Self::Scalar(Scalar::String),
            Some("integer") => Self::Scalar(Scalar::Integer),
            Some("number") => Self::Scalar(Scalar::Number),
            Some("boolean") if schema.get("x-amibake-trilean").is_some() => Self::Scalar(Scalar::Trilean),
            Some("boolean") => Self::Scalar(Scalar::Boolean),
            Some("array") => Self::List(schema.get("items").unwrap_or(&Json::Bool(true))),
            Some("object") => match schema.get("additionalProperties") {
                Some(values) if *values != Json::Bool(false) => Self::Map(values),
                _ => Self::Struct,
            },
            _ => Self::Any,
        }
    }

    pub(super) fn is_scalar(self) -> bool {
        matches!(self, Self::Scalar(_))
    }

    /// Go's zero value.
    pub(super) fn zero(self) -> Json {
        match self {
            Self::Any | Self::Scalar(Scalar::Trilean) => Json::Null,
            Self::Scalar(Scalar::String) => json!(""),
            Self::Scalar(Scalar::Duration) => json!("0s"),
            Self::Scalar(Scalar::Integer | Scalar::Number) => json!(0),
            Self::Scalar(Scalar::Boolean) => json!(false),
            Self::List(_) => Json::Array(Vec::new()),
            Self::Map(_) | Self::Struct => Json::Object(Map::new()),
        }
    }
}
