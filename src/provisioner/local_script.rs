//! Scripts on this machine: what the provisioner and the post-processor `shell-local` both are.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{ExitStatus, Stdio};

use amibake_template::component::{Check, Given as _, Late};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::ProvisionError;
use super::script::{self, Given};
use crate::communicator::ssh::relay::relay_both;
use crate::engine::context::AWS_ACCESS;
use crate::engine::late::LateContext;
use crate::event::Reporter;

/// Runs scripts on this machine.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LocalScript {
    /// Commands, one a line, joined into one script. Not together with `script`, `scripts` or `command`. Since Packer 1.2.4.
    pub inline: Vec<String>,
    /// Path of a script. Since Packer 1.2.4.
    pub script: Option<String>,
    /// Paths of scripts, run in order. Since Packer 1.2.4.
    pub scripts: Vec<String>,
    /// One command; the old form of `inline`.
    pub command: Option<String>,
    /// Exit statuses that count as success. Default: `[0]`. Since Packer 1.4.0.
    pub valid_exit_codes: Vec<i64>,
    /// Variables of the script's environment, as `NAME=value`. Since Packer 1.2.4.
    pub environment_vars: Vec<String>,
    /// The same as a map; wins over `environment_vars`. Since Packer 1.8.0.
    pub env: BTreeMap<String, String>,
    /// Pattern (Go's printf) that puts a variable's name and value into the command line. Default: `%s='%s' `. Since
    /// Packer 1.2.4.
    pub env_var_format: Option<String>,
    /// Program and arguments that run the script. Knows `{{.Vars}}`, `{{.Script}}`, `{{.Command}}` and the build's data.
    /// Default: `["/bin/sh", "-c", "{{.Vars}} {{.Script}}"]`.
    pub execute_command: Vec<Late>,
    /// Interpreter of an inline script, without `#!`. Default: `/bin/sh -e`. Since Packer 1.2.4.
    pub inline_shebang: Option<String>,
    /// Run only on these systems: `linux`, `darwin`, `windows`, `freebsd`, `openbsd`, `solaris`. Default: on all. Since
    /// Packer 1.3.2.
    pub only_on: Vec<String>,
    /// Suffix of the temporary file that holds an inline script, without its dot. Default: none. Since Packer 1.2.4.
    pub tempfile_extension: Option<String>,
    /// Only for Windows with WSL: no effect here. Since Packer 1.2.4.
    pub use_linux_pathing: bool,
}

/// Where Packer names systems otherwise than Rust does.
fn this_system() -> &'static str {
    if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS }
}

impl LocalScript {
    /// Reports clashes between the keys, and scripts that do not exist.
    pub fn check(&self, check: &mut Check<'_>) {
        if self.command().is_some() && !(self.inline.is_empty() && self.given().files().is_empty()) {
            check.error("command", "exclude-each-other", "`command` cannot be given together with other scripts", None);
        } else if self.command().is_none() {
            self.given().check(check);
        }
        script::check_environment(check, &self.environment_vars);
        for (index, system) in self.only_on.iter().enumerate() {
            if !["darwin", "freebsd", "linux", "openbsd", "solaris", "windows"].contains(&system.as_str()) {
                check.error(&format!("only_on/{index}"), "unknown-system", format!("there is no system `{system}`"), None);
            }
        }
    }

    /// Runs the scripts.
    ///
    /// # Errors
    /// A script that cannot be started or fails; being told to stop.
    pub async fn run(&self, report: &Reporter, late: &LateContext, cancel: &CancellationToken) -> Result<(), ProvisionError> {
        if !self.only_on.is_empty() && !self.only_on.iter().any(|system| system == this_system()) {
            report.say(format!("Skipping shell-local due to runtime OS. Only running on: [{}]", self.only_on.join(" ")));
            return Ok(());
        }
        // The file lives as long as this: dropping it on any way out removes it.
        let inline = self.inline_file(late)?;
        let inline = inline.as_ref().map(|file| file.to_string_lossy().into_owned());
        let given = self.given();
        for path in inline.as_deref().into_iter().chain(given.files()) {
            report.say(format!("Running local shell script: {path}"));
            let status = run_one(&self.argv(path, late)?, &late.host.env, report, cancel).await?;
            script::judge(i64::from(code(status)), &self.valid_exit_codes).map_err(ProvisionError::Failed)?;
        }
        Ok(())
    }

    fn command(&self) -> Option<&str> {
        self.command.given()
    }

    fn given(&self) -> Given<'_> {
        Given { inline: &self.inline, script: self.script.given(), scripts: &self.scripts }
    }

    fn inline_file(&self, late: &LateContext) -> Result<Option<tempfile::TempPath>, ProvisionError> {
        let lines: Vec<&str> = self.command().into_iter().chain(self.inline.iter().map(String::as_str)).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let lines = lines.iter().map(|line| render(late, line)).collect::<Result<Vec<_>, _>>()?;
        let shebang = self.inline_shebang.given().unwrap_or("/bin/sh -e");
        let suffix = self.tempfile_extension.given();
        let suffix = suffix.map(|text| format!(".{}", text.trim_start_matches('.'))).unwrap_or_default();
        let failed = |error: std::io::Error| ProvisionError::Failed(format!("cannot write the temporary script: {error}"));
        let mut file = tempfile::Builder::new().prefix("packer-shell").suffix(&suffix).tempfile().map_err(failed)?;
        file.write_all(script::inline_script(shebang, &lines).as_bytes()).map_err(failed)?;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
        Ok(Some(file.into_temp_path()))
    }

    fn argv(&self, path: &str, late: &LateContext) -> Result<Vec<String>, ProvisionError> {
        let mut variables = script::environment(&late.build_name, &late.build_type, &self.environment_vars, &self.env);
        for value in variables.values_mut() {
            *value = render(late, value)?;
        }
        let vars = script::format_environment(self.env_var_format.as_deref().unwrap_or("%s='%s' "), &variables);
        let data = BTreeMap::from([("Vars", vars), ("Script", path.to_owned()), ("Command", path.to_owned())]);
        let default = ["/bin/sh", "-c", "{{.Vars}} {{.Script}}"].map(|word| Late(word.to_owned()));
        let words = if self.execute_command.is_empty() { &default[..] } else { &self.execute_command };
        let failed = |word: &Late, error| ProvisionError::Failed(format!("Error interpolating `{}`: {error}", word.0));
        words.iter().map(|word| late.render_late(word, &data).map_err(|error| failed(word, error))).collect()
    }
}

fn render(late: &LateContext, text: &str) -> Result<String, ProvisionError> {
    late.render(text, &BTreeMap::new()).map_err(|error| ProvisionError::Failed(format!("Error interpolating `{text}`: {error}")))
}

/// A script's status as a shell would tell it: 128 + n for signal n.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or_default())
}

async fn run_one(
    argv: &[String],
    env: &BTreeMap<String, String>,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<ExitStatus, ProvisionError> {
    let failed =
        |error: std::io::Error| ProvisionError::Failed(format!("cannot run `{}`: {error}", argv.first().map_or("", String::as_str)));
    let [program, arguments @ ..] = argv else {
        return Err(ProvisionError::Failed("`execute_command` is empty".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // What the run's environment says of AWS holds here too: a rehearsal hides it.
    for name in AWS_ACCESS {
        match env.get(name) {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command.spawn().map_err(failed)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let relay = async {
        relay_both(out, err, report).await?;
        child.wait().await
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(ProvisionError::Cancelled),
        status = relay => status.map_err(failed),
    }
}
