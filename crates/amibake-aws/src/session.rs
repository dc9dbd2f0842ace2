//! The [`Sessions`] trait: three calls of Systems Manager, as signed requests.

use amibake_ec2::session::{ForwardPort, PORT_FORWARDING, Session, Sessions};
use amibake_ec2::{Ec2Error, InstanceId, Result};
use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::signed::Signed;

/// The API's name in `X-Amz-Target`.
const TARGET: &str = "AmazonSSM";

/// Session Manager of one region.
pub(crate) struct AwsSessions {
    pub(crate) ssm: Signed,
}

#[async_trait]
impl Sessions for AwsSessions {
    async fn start(&self, request: &ForwardPort) -> Result<Session> {
        const OPERATION: &str = "StartSession";
        let body = json!({
            "Target": request.target.as_str(),
            "DocumentName": PORT_FORWARDING,
            "Parameters": {"portNumber": [request.port.to_string()], "localPortNumber": [request.local_port.to_string()]},
        });
        // Sent again after a lost reply it would open a second session, and hide the first.
        let reply = parsed(OPERATION, &self.ssm.json_once(OPERATION, TARGET, &body.to_string()).await?)?;
        let text = |key: &str| {
            let missing = || Ec2Error::unknown(OPERATION, format!("the answer has no {key}"));
            reply[key].as_str().map(str::to_owned).ok_or_else(missing)
        };
        Ok(Session { id: text("SessionId")?, stream_url: text("StreamUrl")?, token: SecretString::from(text("TokenValue")?) })
    }

    async fn terminate(&self, session: &str) -> Result<()> {
        let body = json!({"SessionId": session}).to_string();
        match self.ssm.json("TerminateSession", TARGET, &body).await {
            Err(error) if error.is("DoesNotExistException") => Ok(()),
            answer => answer.map(drop),
        }
    }

    async fn active(&self, target: &InstanceId) -> Result<Vec<String>> {
        const OPERATION: &str = "DescribeSessions";
        let mut body = json!({"State": "Active", "Filters": [{"key": "Target", "value": target.as_str()}]});
        let mut found = Vec::new();
        loop {
            let reply = parsed(OPERATION, &self.ssm.json(OPERATION, TARGET, &body.to_string()).await?)?;
            let sessions = reply["Sessions"].as_array().into_iter().flatten();
            found.extend(sessions.filter_map(|session| session["SessionId"].as_str()).map(str::to_owned));
            match reply["NextToken"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => body["NextToken"] = json!(token),
                None => return Ok(found),
            }
        }
    }
}

fn parsed(operation: &'static str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Ec2Error::unknown(operation, format!("the answer is not JSON: {error}")))
}
