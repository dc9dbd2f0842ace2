//! Fetches what variables want from Vault, Consul and AWS Secrets Manager, before anything is planned.

use std::collections::BTreeSet;
use std::sync::Arc;

use amibake_template::lang::Question;
use amibake_template::variables::{Lookup, needed_lookups};
use futures_util::future::join_all;

use super::load::Loaded;
use crate::engine::lookup::{LIMIT, SecretStore, Services};
use crate::settings::Settings;

/// An answer can lead to further questions, as variables use variables; more often than that they do so in a circle.
const ROUNDS: usize = 20;

/// Puts the answers into `loaded.host`. What could not be fetched is an answer too: the finding about it names the variable.
pub fn fetch(loaded: &mut Loaded, settings: &Settings, secrets: &Arc<dyn SecretStore>) {
    answer(loaded, |needed| ask(&needed.into_iter().map(|lookup| lookup.question).collect(), settings, secrets));
}

/// What a rehearsal has in place of every answer: it reaches no server, and hands no secret to a guest.
pub const PRETENDED: &str = "rehearsal";

/// Answers everything with [`PRETENDED`]; what was asked for, for people.
pub fn pretend(loaded: &mut Loaded) -> Vec<String> {
    let mut pretended = BTreeSet::new();
    answer(loaded, |needed| {
        let line = |variable: &str| format!("the variable `{variable}` has the value `{PRETENDED}`: nothing is fetched");
        pretended.extend(needed.iter().map(|lookup| line(&lookup.variable)));
        needed.into_iter().map(|lookup| (lookup.question, Ok(PRETENDED.to_owned()))).collect()
    });
    pretended.into_iter().collect()
}

/// An answer to a question.
type Answered = (Question, Result<String, String>);

/// Lets `by` answer what variables want, until they want no more.
fn answer(loaded: &mut Loaded, mut by: impl FnMut(Vec<Lookup>) -> Vec<Answered>) {
    let Some(document) = &loaded.document else { return };
    for _ in 0..ROUNDS {
        let needed = needed_lookups(document, &loaded.given, &loaded.host);
        if needed.is_empty() {
            return;
        }
        for (question, answer) in by(needed) {
            loaded.host.answers.insert(question, answer);
        }
    }
}

/// Asks all at once.
fn ask(questions: &BTreeSet<Question>, settings: &Settings, secrets: &Arc<dyn SecretStore>) -> Vec<Answered> {
    let services = Services { env: &settings.env, secrets: Arc::clone(secrets), limit: LIMIT };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return questions.iter().map(|question| (question.clone(), Err(format!("cannot start: {error}")))).collect(),
    };
    let asked = questions.iter().map(async |question| {
        let answer = services.ask(question).await.map_err(|error| error.to_string());
        (question.clone(), answer)
    });
    let answers = runtime.block_on(join_all(asked));
    // Not waited for: a thread that resolves a name may hang.
    runtime.shutdown_background();
    answers
}
