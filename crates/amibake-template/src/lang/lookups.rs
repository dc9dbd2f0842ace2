//! Functions that ask a service: `vault`, `consul_key`, `aws_secretsmanager`, `aws_secretsmanager_raw`.
//!
//! Nothing is asked here. A text without an answer fails with the question in its error; who renders it gets the answer and renders
//! again, with the answer in [`super::Host`].

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::context::Scope;
use super::functions::Outcome;
use super::table::{Call, Fault};

/// Which service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookupKind {
    /// `vault PATH KEY`
    Vault,
    /// `consul_key KEY`
    ConsulKey,
    /// `aws_secretsmanager NAME [KEY]`
    SecretsManager,
    /// `aws_secretsmanager_raw NAME`
    SecretsManagerRaw,
}

impl LookupKind {
    /// The function's name.
    pub fn function(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::ConsulKey => "consul_key",
            Self::SecretsManager => "aws_secretsmanager",
            Self::SecretsManagerRaw => "aws_secretsmanager_raw",
        }
    }

    /// Whether an answer is a secret by nature: all of them but Consul's, which keeps settings.
    pub fn is_secret(self) -> bool {
        match self {
            Self::Vault | Self::SecretsManager | Self::SecretsManagerRaw => true,
            Self::ConsulKey => false,
        }
    }

    /// Packer's words for a call outside the `variables` section.
    fn elsewhere(self) -> &'static str {
        match self {
            Self::Vault => "Vault vars are only allowed in the variables section",
            Self::ConsulKey => "consul_key is not allowed here",
            Self::SecretsManager | Self::SecretsManagerRaw => "AWS Secrets Manager is only allowed in the variables section",
        }
    }
}

/// What a service is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The service.
    pub kind: LookupKind,
    /// The function's arguments, rendered.
    pub arguments: Vec<String>,
}

/// What was answered, or why nothing was. `Debug` shows the questions only.
#[derive(Clone, Default)]
pub struct Answers(BTreeMap<Question, Result<String, String>>);

impl Answers {
    /// Puts in an answer, or the reason why there is none (it follows `error calling vault: `).
    pub fn insert(&mut self, question: Question, answer: Result<String, String>) {
        self.0.insert(question, answer);
    }

    /// The answer to a question; None where nobody has asked.
    pub fn get(&self, question: &Question) -> Option<&Result<String, String>> {
        self.0.get(question)
    }

    /// What was asked.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.0.keys()
    }

    /// The answers that must never be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(question, _)| question.kind.is_secret()).filter_map(|(_, answer)| answer.as_deref().ok())
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

pub(crate) fn vault(call: &Call<'_>) -> Outcome {
    answered(call, LookupKind::Vault)
}

pub(crate) fn consul_key(call: &Call<'_>) -> Outcome {
    answered(call, LookupKind::ConsulKey)
}

pub(crate) fn aws_secretsmanager(call: &Call<'_>) -> Outcome {
    answered(call, LookupKind::SecretsManager)
}

pub(crate) fn aws_secretsmanager_raw(call: &Call<'_>) -> Outcome {
    answered(call, LookupKind::SecretsManagerRaw)
}

fn answered(call: &Call<'_>, kind: LookupKind) -> Outcome {
    if call.cx.scope != Scope::Variables {
        return Err(kind.elsewhere().into());
    }
    if kind == LookupKind::SecretsManager && call.arguments.len() > 2 {
        return Err("only secret name and optional secret key can be provided.".into());
    }
    let arguments = call.arguments.iter().filter_map(Json::as_str).map(str::to_owned).collect();
    let question = Question { kind, arguments };
    match call.cx.host.answers.get(&question) {
        Some(Ok(answer)) => Ok(answer.as_str().into()),
        Some(Err(reason)) => Err(reason.as_str().into()),
        None => Err(Fault { question: Some(Box::new(question)), ..Fault::from("nobody has asked for this value") }),
    }
}
