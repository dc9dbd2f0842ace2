//! `shell-local`: runs scripts on this machine when a build has made its artifact.

use std::path::Path;

use amibake_template::component::{Check, Component, Kind};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PostProcessContext, PostProcessor, Processed, Rehearsed};
use crate::artifact::Artifact;
use crate::provisioner::local_script::LocalScript;

/// Runs scripts on this machine when the artifact is made; passes it on and keeps it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ShellLocal(LocalScript);

impl Component for ShellLocal {
    const KIND: Kind = Kind::PostProcessor;
    const TYPE: &'static str = "shell-local";
    const EXAMPLE: &'static str = r#"{
  "type": "shell-local",
  "inline": ["echo baked"]
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.0.check(check);
    }
}

#[async_trait]
impl PostProcessor for ShellLocal {
    async fn process(&self, cx: &PostProcessContext<'_>, input: Artifact) -> Result<Processed, String> {
        self.0.run(cx.report, cx.late, cx.cancel).await.map_err(|error| error.to_string())?;
        Ok(Processed { artifact: Some(input), keep_input: true, insists: true })
    }

    /// Its commands would hand on an image that does not exist, and could reach AWS by themselves.
    fn rehearsed(&self, _output: &Path) -> Rehearsed {
        let note =
            "post-processors `shell-local` are not run: the image that they would get does not exist (-post-process runs them)".to_owned();
        Rehearsed::Skipped { note }
    }
}
