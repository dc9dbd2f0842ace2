//! Strings that only a running build can render: `{{ .SourceAMI }}`, `` {{build `ID`}} ``, `{{ .Vars }}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use amibake_template::component::Late;
use amibake_template::lang::{Context, Host, LangError, Scope, render_until_stable};
use serde_json::Value;

/// What late strings of one build can see.
#[derive(Debug, Clone)]
pub struct LateContext {
    /// The outside world at the run's start.
    pub host: Arc<Host>,
    /// Values of user variables.
    pub user: Arc<BTreeMap<String, String>>,
    /// `build_name`.
    pub build_name: String,
    /// `build_type`.
    pub build_type: String,
    /// What `` {{build `NAME`}} `` gives: instance id, host, source image, ...
    pub build_data: BTreeMap<String, String>,
}

impl LateContext {
    /// Renders a run-time field of a provisioner or post-processor until it is stable; `.` holds the build data and `extra`
    /// (`Path`, `Vars`); a missing field prints `<no value>`.
    ///
    /// # Errors
    /// What the template language reports.
    pub fn render(&self, text: &str, extra: &BTreeMap<&str, String>) -> Result<String, LangError> {
        let mut data: serde_json::Map<String, Value> = self.build_data.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect();
        data.extend(extra.iter().map(|(k, v)| ((*k).to_owned(), Value::String(v.clone()))));
        self.render_with(text, &Value::Object(data), false)
    }

    /// Renders an Amazon tag or description: `.` is Packer's structure of build information, an unknown field an error.
    ///
    /// # Errors
    /// What the template language reports.
    pub fn render_strict(&self, late: &Late, data: &Value) -> Result<String, LangError> {
        self.render_with(&late.0, data, true)
    }

    fn render_with(&self, text: &str, data: &Value, strict_data: bool) -> Result<String, LangError> {
        render_until_stable(
            text,
            &Context {
                host: &self.host,
                scope: Scope::Component { amazon: true },
                user: &self.user,
                build: Some((&self.build_name, &self.build_type)),
                data,
                strict_data,
                build_data: Some(&self.build_data),
            },
        )
    }
}
