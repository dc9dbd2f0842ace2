//! Sessions of Systems Manager: rules, and the [`Sessions`] trait on them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;

use super::calls::Parameters;
use super::refusal::{Answer, refuse};
use super::service::LabRegion;
use super::world::Place;
use crate::Result;
use crate::id::InstanceId;
use crate::model::InstanceState;
use crate::session::{ForwardPort, PORT_FORWARDING, Session, Sessions};

/// Sessions of a region that have not ended, with their instances. Stricter than AWS, where a session ends with its instance sooner or
/// later: who starts one ends it.
pub(super) type Active = BTreeMap<String, InstanceId>;

impl Place<'_> {
    /// StartSession.
    fn start_session(&mut self, request: &ForwardPort) -> Answer<Session> {
        let connected = self.state.instances.get(&request.target).is_some_and(|instance| {
            let announced = instance.launched + self.options.times.ssh;
            instance.state == InstanceState::Running && instance.iam_instance_profile.is_some() && announced <= self.now
        });
        if !connected {
            return refuse("TargetNotConnected", format!("{} is not connected.", request.target));
        }
        let id = format!("amibake-{}", self.ids.hex());
        self.state.sessions.insert(id.clone(), request.target.clone());
        let stream_url = format!("wss://ssmmessages.{}.amazonaws.com/v1/data-channel/{id}?role=publish_subscribe", self.region);
        Ok(Session { token: SecretString::from(format!("token-of-{id}")), id, stream_url })
    }

    /// TerminateSession.
    fn terminate_session(&mut self, id: &str) -> Answer<()> {
        match self.state.sessions.remove(id) {
            Some(_) => Ok(()),
            None => refuse("DoesNotExistException", format!("Session {id} does not exist")),
        }
    }
}

#[async_trait]
impl Sessions for LabRegion {
    async fn start(&self, request: &ForwardPort) -> Result<Session> {
        let parameters = Parameters::default()
            .with("Target", Some(&request.target))
            .with("DocumentName", Some(PORT_FORWARDING))
            .with("Parameters.portNumber.1", Some(request.port))
            .with("Parameters.localPortNumber.1", Some(request.local_port));
        self.call("StartSession", parameters, |place| place.start_session(request)).await
    }

    async fn terminate(&self, session: &str) -> Result<()> {
        let parameters = Parameters::default().with("SessionId", Some(session));
        match self.call("TerminateSession", parameters, |place| place.terminate_session(session)).await {
            Err(error) if error.is("DoesNotExistException") => Ok(()),
            answer => answer,
        }
    }

    async fn active(&self, target: &InstanceId) -> Result<Vec<String>> {
        let parameters =
            Parameters::default().with("State", Some("Active")).with("Filters.1.key", Some("Target")).with("Filters.1.value", Some(target));
        self.call("DescribeSessions", parameters, |place| {
            let of_it = place.state.sessions.iter().filter(|(_, instance)| *instance == target);
            Ok(of_it.map(|(id, _)| id.clone()).collect())
        })
        .await
    }
}
