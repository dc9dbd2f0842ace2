//! `shell-local`: runs scripts on this machine.

use amibake_template::component::{Check, Component, Kind};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::local_script::LocalScript;
use super::{ProvisionContext, ProvisionError, Provisioner};

/// Runs scripts on this machine while the guest is up.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ShellLocal(LocalScript);

impl Component for ShellLocal {
    const KIND: Kind = Kind::Provisioner;
    const TYPE: &'static str = "shell-local";
    const EXAMPLE: &'static str = r#"{
  "type": "shell-local",
  "inline": ["echo hello"]
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.0.check(check);
    }
}

#[async_trait]
impl Provisioner for ShellLocal {
    async fn provision(&self, cx: &ProvisionContext<'_>) -> Result<(), ProvisionError> {
        self.0.run(cx.report, cx.late, cx.cancel).await
    }
}
