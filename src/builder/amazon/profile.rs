//! The policy of an instance profile that only lives for the build.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the source instance may do during the build: an IAM policy.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    /// Version of the policy language: `2012-10-17`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What is allowed or denied.
    #[serde(default)]
    pub statement: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Name of the statement. (Packer does not know it.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// `Allow` or `Deny`.
    #[schemars(extend("x-amibake-choices" = ["Allow", "Deny"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// Actions: `logs:PutLogEvents`, `s3:*`.
    #[serde(default)]
    pub action: Vec<String>,
    /// What they act on, by ARN; `*` for all.
    #[serde(default)]
    pub resource: Vec<String>,
    /// When the statement applies. (Packer does not know it.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

impl PolicyDocument {
    /// Whether anything is asked for.
    pub fn is_given(&self) -> bool {
        !self.statement.is_empty()
    }

    /// The document as IAM takes it.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
