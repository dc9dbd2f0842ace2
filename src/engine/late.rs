//! Strings that only a running build can render: `{{ .SourceAMI }}`, `` {{build `ID`}} ``, `{{ .Vars }}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use amibake_template::component::Late;
use amibake_template::lang::{Context, Host, LangError, Scope, render_again_until_stable, render_until_stable};
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
    /// Renders a field that the first pass left alone (`execute_command`) until it is stable; `.` holds the build data and `extra`
    /// (`Path`, `Vars`); a missing field prints `<no value>`.
    ///
    /// # Errors
    /// What the template language reports.
    pub fn render_late(&self, late: &Late, extra: &BTreeMap<&str, String>) -> Result<String, LangError> {
        render_until_stable(&late.0, &self.context(&self.data(extra), false))
    }

    /// As [`LateContext::render_late`], for a field that the first pass has rendered before (`inline`).
    ///
    /// # Errors
    /// What the template language reports.
    pub fn render(&self, text: &str, extra: &BTreeMap<&str, String>) -> Result<String, LangError> {
        render_again_until_stable(text, &self.context(&self.data(extra), false))
    }

    /// Renders an Amazon tag or description: `.` is Packer's structure of build information, an unknown field an error.
    ///
    /// # Errors
    /// What the template language reports.
    pub fn render_strict(&self, late: &Late, data: &Value) -> Result<String, LangError> {
        render_until_stable(&late.0, &self.context(data, true))
    }

    fn data(&self, extra: &BTreeMap<&str, String>) -> Value {
        let own = self.build_data.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
        Value::Object(own.chain(extra.iter().map(|(name, value)| ((*name).to_owned(), Value::String(value.clone())))).collect())
    }

    fn context<'c>(&'c self, data: &'c Value, strict_data: bool) -> Context<'c> {
        Context {
            host: &self.host,
            scope: Scope::Component { amazon: true },
            user: &self.user,
            build: Some((&self.build_name, &self.build_type)),
            data,
            strict_data,
            build_data: Some(&self.build_data),
        }
    }
}
