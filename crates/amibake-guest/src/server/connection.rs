//! One client: authentication, channels, requests.
//!
//! The requests of a channel are answered here, at once and in order, because the protocol knows replies only by their order. What
//! they ask for is done by the channel's own task, which reads the same requests from its channel.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use russh::keys::PublicKey;
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodSet, Pty};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::forward;
use super::listen::Shared;
use super::login::Admission;
use super::session::{self, Seat};

/// Sessions that one connection may have at a time.
///
/// Source: `MaxSessions` of sshd_config(5).
const MAX_SESSIONS: usize = 10;

/// Why a tunnel is refused where the guest has its own network.
const OWN_NETWORK: &str = "this guest has a network of its own, which tunnels do not reach; rehearse with the machine's network";

/// `SSH_OPEN_ADMINISTRATIVELY_PROHIBITED` and `SSH_OPEN_CONNECT_FAILED` of RFC 4254, section 5.1.
const PROHIBITED: u32 = 1;
const CONNECT_FAILED: u32 = 2;

/// A client, as russh drives it.
pub(super) struct Connection {
    shared: Arc<Shared>,
    /// Owns everything that is started for this client.
    tasks: TaskTracker,
    cut: CancellationToken,
    sessions: Arc<Semaphore>,
    admitted: Option<(String, Admission)>,
    /// Channels that were given a program. A channel takes one only.
    given: HashSet<ChannelId>,
    /// Ports that are listened on for the client.
    listening: HashMap<u32, CancellationToken>,
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, tasks: TaskTracker, cut: CancellationToken) -> Self {
        Self {
            shared,
            tasks,
            cut,
            sessions: Arc::new(Semaphore::new(MAX_SESSIONS)),
            admitted: None,
            given: HashSet::new(),
            listening: HashMap::new(),
        }
    }

    fn by_key(&self, user: &str, key: &PublicKey) -> Option<Admission> {
        self.shared.policy.by_key(user, key, &*self.shared.guest)
    }

    fn admit(&mut self, user: &str, admission: Option<Admission>) -> Auth {
        match admission {
            Some(admission) => {
                self.admitted = Some((user.to_owned(), admission));
                Auth::Accept
            }
            None => self.refuse(),
        }
    }

    /// Refused, and may try again in every way: russh would take away the way that failed.
    fn refuse(&self) -> Auth {
        Auth::Reject { proceed_with_methods: Some(MethodSet::from(self.shared.policy.methods())), partial_success: false }
    }

    /// Whether the client may have tunnels; else the reason.
    fn tunnels(&self) -> Result<(), &'static str> {
        match &self.admitted {
            Some((_, Admission::Programs)) if self.shared.policy.network => Ok(()),
            Some((_, Admission::Programs)) => Err(OWN_NETWORK),
            Some((_, Admission::Text(_))) | None => Err("this user has no tunnels"),
        }
    }

    /// Answers a request for a program.
    fn give(&mut self, channel: ChannelId, known: bool, session: &mut Session) -> Result<(), russh::Error> {
        if known && self.given.insert(channel) { session.channel_success(channel) } else { session.channel_failure(channel) }
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Self::Error> {
        Ok(self.refuse())
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(if self.by_key(user, offer.public_key).is_some() { Auth::Accept } else { self.refuse() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let admission = self.by_key(user, key.public_key);
        Ok(self.admit(user, admission))
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let admission = self.shared.policy.by_password(user, password, &*self.shared.guest);
        Ok(self.admit(user, admission))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(mut answers) = response else {
            return Ok(Auth::Partial {
                name: Cow::Borrowed(""),
                instructions: Cow::Borrowed(""),
                prompts: Cow::Borrowed(&[(Cow::Borrowed("Password: "), false)]),
            });
        };
        let password = answers.next().map(|answer| String::from_utf8_lossy(&answer).into_owned()).unwrap_or_default();
        let admission = self.shared.policy.by_password(user, &password, &*self.shared.guest);
        Ok(self.admit(user, admission))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let (Some((user, admission)), Ok(permit)) = (&self.admitted, self.sessions.clone().try_acquire_owned()) else {
            reply.reject(ChannelOpenFailure::Other { code: CONNECT_FAILED, reason: "open failed".into() }).await;
            return Ok(());
        };
        reply.accept().await;
        let seat =
            Seat { guest: self.shared.guest.clone(), user: user.clone(), admission: admission.clone(), permit, cut: self.cut.clone() };
        self.tasks.spawn(session::run(channel, session.handle(), seat));
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.given.remove(&channel);
        Ok(())
    }

    async fn env_request(&mut self, channel: ChannelId, name: &str, _value: &str, session: &mut Session) -> Result<(), Self::Error> {
        if session::accepts_variable(name) { session.channel_success(channel) } else { session.channel_failure(channel) }
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn signal(&mut self, channel: ChannelId, _signal: russh::Sig, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.give(channel, true, session)
    }

    async fn exec_request(&mut self, channel: ChannelId, _command: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.give(channel, true, session)
    }

    async fn subsystem_request(&mut self, channel: ChannelId, name: &str, session: &mut Session) -> Result<(), Self::Error> {
        self.give(channel, name == session::SFTP, session)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match (self.tunnels(), u16::try_from(port)) {
            (Ok(()), Ok(port)) => {
                let to = (host.to_owned(), port);
                self.tasks.spawn(forward::to_guest(channel, session.handle(), to, reply, self.cut.clone()));
            }
            (Err(why), _) => reply.reject(ChannelOpenFailure::Other { code: PROHIBITED, reason: why.into() }).await,
            (Ok(()), Err(_)) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn tcpip_forward(&mut self, address: &str, port: &mut u32, session: &mut Session) -> Result<bool, Self::Error> {
        if let Err(why) = self.tunnels() {
            session.debug(true, why, "")?;
            return Ok(false);
        }
        let Ok(listener) = forward::listen(*port).await else { return Ok(false) };
        *port = u32::from(listener.port);
        let cut = self.cut.child_token();
        self.listening.insert(*port, cut.clone());
        self.tasks.spawn(forward::from_guest(listener, address.to_owned(), session.handle(), cut));
        Ok(true)
    }

    async fn cancel_tcpip_forward(&mut self, _address: &str, port: u32, _session: &mut Session) -> Result<bool, Self::Error> {
        Ok(self.listening.remove(&port).map(|cut| cut.cancel()).is_some())
    }
}
