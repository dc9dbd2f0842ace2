//! `null`: makes nothing; connects to a host that exists already (or to nothing) and runs the provisioners there.

use std::collections::BTreeMap;

use amibake_template::component::{Check, Component, Given, Kind};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::artifact::Artifact;
use crate::builder::communicator::{CommunicatorConfig, Speaks};
use crate::builder::{BuildError, Builder};
use crate::communicator::none::NoHost;
use crate::communicator::ssh::{self, Address, ConnectError};
use crate::engine::context::BuildContext;

/// Makes nothing: runs the provisioners on a host that exists already, or, with `"communicator": "none"`, those that need no host.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Null {
    /// How the host is reached; `ssh_host` and `ssh_username` must be given, unless `communicator` is `none`.
    #[serde(flatten)]
    pub communicator: CommunicatorConfig,
}

impl Component for Null {
    const KIND: Kind = Kind::Builder;
    const TYPE: &'static str = "null";
    const EXAMPLE: &'static str = r#"{
  "type": "null",
  "communicator": "none"
}"#;

    fn check(&self, check: &mut Check<'_>) {
        self.communicator.check(check);
        if self.communicator.speaks() == Speaks::Ssh {
            self.check_login(check);
        }
    }
}

impl Null {
    fn check_login(&self, check: &mut Check<'_>) {
        let config = &self.communicator;
        if config.ssh_host.given().is_none() {
            check.error("ssh_host", "ssh-host", "`ssh_host` must be given", Some("or `\"communicator\": \"none\"`".to_owned()));
        }
        let password = config.ssh_password.as_ref().is_some_and(|password| !password.expose().is_empty());
        if !password && !config.ssh_agent_auth && config.ssh_private_key_file.given().is_none() {
            let help = "give `ssh_private_key_file`, `ssh_agent_auth` or `ssh_password`";
            check.error("ssh_username", "ssh-login", "no login for the host is given", Some(help.to_owned()));
        }
    }

    async fn by_ssh(&self, cx: &mut BuildContext) -> Result<(), BuildError> {
        let config = self.communicator.ssh(None, &cx.late.host.env);
        let host = self.communicator.ssh_host.given().unwrap_or_default().to_owned();
        let address = Address { host, port: self.communicator.port() };
        let connection = ssh::connect(&config, &address, &cx.report, &cx.cancel).await.map_err(connect_error)?;
        let result = cx.provision(&connection, self.build_data(&address)).await;
        connection.close().await;
        result
    }

    fn build_data(&self, address: &Address) -> BTreeMap<String, String> {
        let config = &self.communicator;
        let password = config.ssh_password.as_ref().map(|password| password.expose().to_owned());
        [
            ("Host", address.host.clone()),
            ("Port", address.port.to_string()),
            ("User", config.ssh_username.clone().unwrap_or_default()),
            ("Password", password.unwrap_or_default()),
            ("ConnType", "ssh".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

fn connect_error(error: ConnectError) -> BuildError {
    match error {
        ConnectError::Cancelled => BuildError::Cancelled,
        other => BuildError::Failed(other.to_string()),
    }
}

#[async_trait]
impl Builder for Null {
    async fn build(&self, cx: &mut BuildContext) -> Result<Option<Artifact>, BuildError> {
        cx.step("StepConnect").await;
        match self.communicator.speaks() {
            Speaks::Ssh => self.by_ssh(cx).await?,
            Speaks::Nothing => cx.provision(&NoHost, BTreeMap::from([("ConnType".to_owned(), "none".to_owned())])).await?,
        }
        Ok(Some(Artifact {
            builder_id: "fnoeding.null",
            id: "Null".to_owned(),
            text: "Did not export anything. This is the null builder".to_owned(),
            files: Vec::new(),
            build_data: cx.late.build_data.clone(),
            destroy: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::testing::context;

    fn null(config: serde_json::Value) -> Null {
        serde_json::from_value(config).unwrap()
    }

    #[tokio::test]
    async fn without_a_communicator_it_makes_packers_artifact_of_nothing() {
        let (mut cx, _events) = context();
        let made = null(serde_json::json!({"communicator": "none"})).build(&mut cx).await.unwrap().unwrap();
        assert_eq!((made.builder_id, made.id.as_str()), ("fnoeding.null", "Null"));
        assert_eq!(made.text, "Did not export anything. This is the null builder");
        assert_eq!(cx.steps(), ["StepConnect", "StepProvision"]);
        let data = |name: &str| made.build_data.get(name).map(String::as_str);
        assert_eq!(data("ID"), Some("ERR_ID_NOT_IMPLEMENTED_BY_BUILDER"));
        assert_eq!((data("ConnType"), data("PackerRunUUID")), (Some("none"), Some("run-1")));
    }

    #[tokio::test]
    async fn the_host_is_build_data() {
        let config = serde_json::json!({"ssh_host": "h", "ssh_username": "u", "ssh_port": 2222, "ssh_password": "p"});
        let data = null(config).build_data(&Address { host: "h".to_owned(), port: 2222 });
        let values: Vec<_> = ["ConnType", "Host", "Password", "Port", "User"].iter().map(|name| data[*name].as_str()).collect();
        assert_eq!(values, ["ssh", "h", "p", "2222", "u"]);
    }
}
