//! `shell`: runs scripts on the guest.
//!
//! A script costs three round trips: it is written with its mode, run, removed.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::time::Duration;

use amibake_template::component::{Check, Component, Given as _, GoDuration, Kind, Late};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::sleep;

use super::script::{self, DISCONNECTED, Given};
use super::{PATIENCE, ProvisionContext, ProvisionError, Provisioner};
use crate::communicator::{Content, Ended};

/// Runs scripts on the guest.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Shell {
    /// Commands, one a line, joined into one script. Not together with `script` or `scripts`.
    pub inline: Vec<String>,
    /// Path of a script on this machine.
    pub script: Option<String>,
    /// Paths of scripts on this machine, run in order.
    pub scripts: Vec<String>,
    /// Exit statuses that count as success. Default: `[0]`. Since Packer 1.4.0.
    pub valid_exit_codes: Vec<i64>,
    /// Variables of the script's environment, as `NAME=value`.
    pub environment_vars: Vec<String>,
    /// The same as a map; wins over `environment_vars`. Since Packer 1.8.0.
    pub env: BTreeMap<String, String>,
    /// Pattern (Go's printf) that puts a variable's name and value into the command line.
    /// Default: `%s='%s' `, with `use_env_var_file` `export %s='%s'\n`. Since Packer 1.5.0.
    pub env_var_format: Option<String>,
    /// Upload scripts byte for byte; otherwise CRLF becomes LF. Default: false.
    pub binary: bool,
    /// Full path of the script on the guest. Default: `remote_folder`/`remote_file`.
    pub remote_path: Option<String>,
    /// Existing directory on the guest for scripts. Default: `/tmp`. Since Packer 0.10.1.
    pub remote_folder: Option<String>,
    /// File name of the script on the guest. Default: `script_N.sh`, N random. Since Packer 0.10.1.
    pub remote_file: Option<String>,
    /// Command line that runs the script. Knows `{{.Path}}`, `{{.Vars}}`, `{{.EnvVarFile}}` and the build's data.
    /// Default: `chmod +x {{.Path}}; {{.Vars}} {{.Path}}`.
    pub execute_command: Option<Late>,
    /// Interpreter of an inline script, without `#!`. Default: `/bin/sh -e`.
    pub inline_shebang: Option<String>,
    /// Give the variables in a file that the command sources instead of on the command line. Default: false. Since Packer 1.3.0.
    pub use_env_var_file: bool,
    /// How long starting the script is tried again while the guest cannot be reached. Default: 5m.
    pub start_retry_timeout: Option<GoDuration>,
    /// Pause after the scripts succeeded. Default: none. Since Packer 1.3.3.
    pub pause_after: Option<GoDuration>,
    /// Leave the script on the guest. Default: false.
    pub skip_clean: bool,
    /// The connection may go away while a script runs (it restarts the guest, say). Default: false.
    pub expect_disconnect: bool,
    /// One number for all file names of this provisioner, also when it is tried again.
    #[serde(skip)]
    #[schemars(skip)]
    number: OnceLock<u64>,
}

impl Component for Shell {
    const KIND: Kind = Kind::Provisioner;
    const TYPE: &'static str = "shell";
    const EXAMPLE: &'static str = r#"{
  "type": "shell",
  "inline": ["echo hello"]
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.given().check(check);
        script::check_environment(check, &self.environment_vars);
    }
}

#[async_trait]
impl Provisioner for Shell {
    async fn provision(&self, cx: &ProvisionContext<'_>) -> Result<(), ProvisionError> {
        let remote = self.remote();
        let variables = self.variables(cx)?;
        if self.given().files().is_empty() {
            let text = self.inline(cx)?;
            cx.report.say("Provisioning with shell script: inline");
            self.run_script(cx, &remote, &variables, &self.for_guest(text.into_bytes())).await?;
        }
        for path in self.given().files() {
            cx.report.say(format!("Provisioning with shell script: {path}"));
            let text = self.read(path).await?;
            self.run_script(cx, &remote, &variables, &text).await?;
        }
        match self.pause_after.and_then(GoDuration::positive).filter(|pause| !pause.is_zero()) {
            Some(pause) => {
                cx.report.say(format!("Pausing {} after this provisioner...", self.pause_after.unwrap_or_default()));
                cx.unless_cancelled(sleep(pause)).await
            }
            None => Ok(()),
        }
    }
}

/// Paths on the guest.
struct Remote {
    script: String,
    variables: String,
}

impl Shell {
    fn given(&self) -> Given<'_> {
        Given { inline: &self.inline, script: self.script.given(), scripts: &self.scripts }
    }

    fn start_limit(&self) -> Duration {
        self.start_retry_timeout.and_then(GoDuration::positive).filter(|limit| !limit.is_zero()).unwrap_or(PATIENCE)
    }

    fn remote(&self) -> Remote {
        let number = self.number.get_or_init(|| RandomState::new().hash_one(0) % 9999);
        let folder = self.remote_folder.given().unwrap_or("/tmp");
        let file = self.remote_file.given().map_or_else(|| format!("script_{number}.sh"), str::to_owned);
        let script = self.remote_path.given().map_or_else(|| format!("{folder}/{file}"), str::to_owned);
        Remote { script, variables: format!("{folder}/varfile_{number}.sh") }
    }

    fn variables(&self, cx: &ProvisionContext<'_>) -> Result<BTreeMap<String, String>, ProvisionError> {
        let mut variables = script::environment(&cx.late.build_name, &cx.late.build_type, &self.environment_vars, &self.env);
        for value in variables.values_mut() {
            *value = cx.render(value)?;
        }
        Ok(variables)
    }

    fn inline(&self, cx: &ProvisionContext<'_>) -> Result<String, ProvisionError> {
        let lines = self.inline.iter().map(|line| cx.render(line)).collect::<Result<Vec<_>, _>>()?;
        Ok(script::inline_script(self.inline_shebang.given().unwrap_or("/bin/sh -e"), &lines))
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, ProvisionError> {
        let failed = |error| ProvisionError::Failed(format!("Error opening shell script: open {path}: {error}"));
        Ok(self.for_guest(tokio::fs::read(path).await.map_err(failed)?))
    }

    /// Line ends as the guest needs them.
    fn for_guest(&self, text: Vec<u8>) -> Vec<u8> {
        if self.binary || !text.windows(2).any(|pair| pair == b"\r\n") {
            return text;
        }
        let mut unix = Vec::with_capacity(text.len());
        for (at, byte) in text.iter().enumerate() {
            if *byte != b'\r' || text.get(at + 1) != Some(&b'\n') {
                unix.push(*byte);
            }
        }
        unix
    }

    /// What the file of variables holds, where they go there and not on the command line.
    fn variables_file(&self, variables: &BTreeMap<String, String>) -> Option<String> {
        let format = self.env_var_format.as_deref().unwrap_or("export %s='%s'\n");
        self.use_env_var_file.then(|| script::format_environment(format, variables))
    }

    fn command(&self, cx: &ProvisionContext<'_>, remote: &Remote, variables: &BTreeMap<String, String>) -> Result<String, ProvisionError> {
        let default = if self.use_env_var_file {
            "chmod +x {{.Path}}; . {{.EnvVarFile}} && {{.Path}}"
        } else {
            "chmod +x {{.Path}}; {{.Vars}} {{.Path}}"
        };
        let own = self.execute_command.clone().filter(|late| !late.0.is_empty());
        let template = own.unwrap_or_else(|| Late(default.to_owned()));
        let vars = match self.use_env_var_file {
            true => String::new(),
            false => script::format_environment(self.env_var_format.as_deref().unwrap_or("%s='%s' "), variables),
        };
        let env_file = if self.use_env_var_file { remote.variables.clone() } else { String::new() };
        let data = BTreeMap::from([("Path", remote.script.clone()), ("Vars", vars), ("EnvVarFile", env_file)]);
        let failed = |error| ProvisionError::Failed(format!("Error processing command: {error}"));
        cx.late.render_late(&template, &data).map_err(failed)
    }

    async fn run_script(
        &self,
        cx: &ProvisionContext<'_>,
        remote: &Remote,
        variables: &BTreeMap<String, String>,
        text: &[u8],
    ) -> Result<(), ProvisionError> {
        let command = self.command(cx, remote, variables)?;
        let variables_file = self.variables_file(variables);
        // Upload and start belong together: after a restart of the guest its /tmp may be empty again.
        let ended = cx
            .while_away(self.start_limit(), || async {
                if let Some(text) = &variables_file {
                    cx.communicator.upload(Content::Bytes(text.as_bytes()), &remote.variables, Some(0o600)).await?;
                }
                cx.communicator.upload(Content::Bytes(text), &remote.script, Some(0o755)).await?;
                cx.communicator.run(&command, cx.report).await
            })
            .await?;
        self.judge(ended)?;
        if self.skip_clean {
            return Ok(());
        }
        let mut remove = format!("rm -f {}", remote.script);
        if self.use_env_var_file {
            remove = format!("{remove} {}", remote.variables);
        }
        let failed = |why| ProvisionError::Failed(format!("Error removing temporary script at {}: {why}", remote.script));
        match cx.while_away(self.start_limit(), || cx.communicator.run(&remove, cx.report)).await? {
            Ended::Status(0) => Ok(()),
            // Removed together with the guest's /tmp, or about to be.
            Ended::Disconnected if self.expect_disconnect => Ok(()),
            Ended::Status(status) => Err(failed(format!("exit status {status}"))),
            Ended::Disconnected => Err(failed("the connection was lost".to_owned())),
        }
    }

    fn judge(&self, ended: Ended) -> Result<(), ProvisionError> {
        match ended {
            Ended::Disconnected if self.expect_disconnect || self.valid_exit_codes.contains(&DISCONNECTED) => Ok(()),
            Ended::Disconnected => Err(ProvisionError::Failed(
                "Script disconnected unexpectedly. If you expected your script to disconnect, i.e. from a restart, you can try adding \
                 `\"expect_disconnect\": true` or `\"valid_exit_codes\": [0, 2300218]` to the shell provisioner parameters."
                    .to_owned(),
            )),
            Ended::Status(status) => script::judge(i64::from(status), &self.valid_exit_codes).map_err(ProvisionError::Failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::communicator::{Communicator, CommunicatorError};
    use crate::engine::late::LateContext;
    use crate::event::Reporter;

    /// A guest that writes down what it is told, answers scripts with `ended`, and is away at first as often as `away` says.
    struct Notes {
        told: Mutex<Vec<String>>,
        ended: Ended,
        away: Mutex<u32>,
    }

    #[async_trait]
    impl Communicator for Notes {
        async fn run(&self, command: &str, _output: &Reporter) -> Result<Ended, CommunicatorError> {
            self.told.lock().unwrap().push(command.to_owned());
            Ok(if command.starts_with("rm ") { Ended::Status(0) } else { self.ended })
        }

        async fn upload(&self, content: Content<'_>, remote: &str, mode: Option<u32>) -> Result<(), CommunicatorError> {
            let mut away = self.away.lock().unwrap();
            if *away > 0 {
                *away -= 1;
                return Err(CommunicatorError::Lost);
            }
            let Content::Bytes(text) = content else { return Err(CommunicatorError::Lost) };
            let text = String::from_utf8_lossy(text);
            self.told.lock().unwrap().push(format!("{remote} {:o} {text:?}", mode.unwrap_or_default()));
            Ok(())
        }

        async fn upload_dir(&self, _local: &str, _remote: &str) -> Result<(), CommunicatorError> {
            Err(CommunicatorError::Lost)
        }

        async fn download(&self, _remote: &str, _local: &Path) -> Result<(), CommunicatorError> {
            Err(CommunicatorError::Lost)
        }

        async fn download_dir(&self, _remote: &str, _local: &Path) -> Result<(), CommunicatorError> {
            Err(CommunicatorError::Lost)
        }
    }

    /// What the guest is told, the random number of file names as `N`, and the provisioner's error.
    async fn provision(ended: Ended, away: u32, keys: Value) -> (Vec<String>, Option<String>) {
        let shell: Shell = serde_json::from_value(keys).unwrap();
        let number = shell.remote().variables.replace(|c: char| !c.is_ascii_digit(), "");
        let late = LateContext {
            host: Arc::default(),
            user: Arc::default(),
            build_name: "web".to_owned(),
            build_type: "amazon-ebs".to_owned(),
            build_data: BTreeMap::new(),
        };
        let guest = Notes { told: Mutex::default(), ended, away: Mutex::new(away) };
        let (report, cancel) = (Reporter::new().0, CancellationToken::new());
        let cx = ProvisionContext { report: &report, communicator: &guest, late: &late, cancel: &cancel };
        let error = shell.provision(&cx).await.err().map(|error| error.to_string());
        let told = guest.told.into_inner().unwrap();
        (told.iter().map(|line| line.replace(&format!("_{number}."), "_N.")).collect(), error)
    }

    #[track_caller]
    fn check(keys: Value, expected: &[&str]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (told, error) = runtime.block_on(provision(Ended::Status(0), 0, keys.clone()));
        assert_eq!((told.iter().map(String::as_str).collect::<Vec<_>>(), error), (expected.to_vec(), None), "{keys}");
    }

    #[test]
    fn the_guest_is_told_what_packer_tells_it() {
        let own = "PACKER_BUILDER_TYPE='amazon-ebs' PACKER_BUILD_NAME='web' ";
        let upload = "/tmp/script_N.sh 755 \"#!/bin/sh -e\\na\\nb\\n\"";
        let run = format!("chmod +x /tmp/script_N.sh; {own} /tmp/script_N.sh");
        check(json!({"inline": ["a\r", "b"]}), &[upload, &run, "rm -f /tmp/script_N.sh"]);
        let sudo = json!({"inline": ["a", "b"], "execute_command": "sudo {{.Vars}}{{.Path}}", "skip_clean": true});
        check(sudo, &[upload, &format!("sudo {own}/tmp/script_N.sh")]);
        let variables = "/tmp/varfile_N.sh 600 \"export PACKER_BUILDER_TYPE='amazon-ebs'\\nexport PACKER_BUILD_NAME='web'\\n\"";
        let run = "chmod +x /tmp/script_N.sh; . /tmp/varfile_N.sh && /tmp/script_N.sh";
        let file = json!({"inline": ["a", "b"], "use_env_var_file": true});
        check(file, &[variables, upload, run, "rm -f /tmp/script_N.sh /tmp/varfile_N.sh"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_guest_that_is_away_is_waited_for() {
        let (told, error) = provision(Ended::Status(0), 3, json!({"inline": ["a"]})).await;
        assert_eq!((told.len(), error), (3, None));
        let (told, error) = provision(Ended::Status(0), 1000, json!({"inline": ["a"]})).await;
        assert_eq!((told.len(), error.as_deref()), (0, Some("the connection to the guest was lost")));
    }

    #[tokio::test]
    async fn a_lost_connection_fails_unless_it_is_expected() {
        let (_, error) = provision(Ended::Disconnected, 0, json!({"inline": ["reboot"]})).await;
        assert!(error.unwrap().starts_with("Script disconnected unexpectedly."));
        for keys in [json!({"inline": ["a"], "expect_disconnect": true}), json!({"inline": ["a"], "valid_exit_codes": [0, 2_300_218]})] {
            assert_eq!(provision(Ended::Disconnected, 0, keys).await.1, None);
        }
    }
}
