//! What dead runs left, by their journals on this machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use amibake_ec2::Region;
use amibake_ec2::model::Access;

use super::{DeadRun, Found, Wanted};
use crate::engine::account::{Accounts, AwsRegion, Reach};
use crate::engine::journal::{self, Dead, OpenEntry};
use crate::engine::teardown::{Past, Teardown};
use crate::event::{Reporter, Speaker};

/// How the accounts of dead runs are reached.
pub struct Ways<'a> {
    /// Opens them.
    pub accounts: &'a Accounts,
    /// Ways that the person names (flags, a template), beside those that the journals know. One that a person named is taken even where
    /// it cannot be told that it leads to the same account.
    pub given: &'a [Access],
}

/// Looks through all journals.
pub async fn find(state_dir: &Path, wanted: &Wanted, ways: &Ways<'_>, report: &Reporter) -> Found {
    let mut found = Found::default();
    let paths = journal::list(state_dir).unwrap_or_else(|error| {
        found.trouble.push(format!("cannot look for journals in {}: {error}", state_dir.display()));
        Vec::new()
    });
    for path in paths {
        match journal::reopen(&path) {
            Ok(journal::Found::Alive(run)) => found.alive.push(run.about),
            Ok(journal::Found::Dead(dead)) => take(dead, wanted, ways, report, &mut found).await,
            Err(error) => found.trouble.push(error.to_string()),
        }
    }
    found
}

async fn take(dead: Dead, wanted: &Wanted, ways: &Ways<'_>, report: &Reporter, found: &mut Found) {
    let about = dead.unfinished.about.clone();
    let silent_for = i64::try_from(dead.age.as_secs()).unwrap_or(i64::MAX);
    let began = about.started_unix.unwrap_or(wanted.now_unix.saturating_sub(silent_for));
    match wanted.takes(&about.run_id, Some(began)) {
        Ok(()) => found.dead.push(resume(dead, ways, report).await),
        Err(why) => found.spared.push(why),
    }
}

/// The stacks of a dead run, one a build.
async fn resume(dead: Dead, ways: &Ways<'_>, report: &Reporter) -> DeadRun {
    let Dead { unfinished, journal, age } = dead;
    let journal = Arc::new(journal);
    let mut notes = Vec::new();
    let mut builds: BTreeMap<String, Vec<(OpenEntry, Option<AwsRegion>)>> = BTreeMap::new();
    for entry in unfinished.entries {
        let region = match &entry.place {
            None => None,
            Some(place) => match ways.reach(&place.reach, &place.region).await {
                Ok(region) => Some(region),
                Err(why) => {
                    notes.push(format!("{} of build `{}` in {}: {why}", entry.resource.noun(), entry.build, place.region));
                    continue;
                }
            },
        };
        builds.entry(entry.build.clone()).or_default().push((entry, region));
    }
    let about = unfinished.about;
    let stacks = builds.into_iter().map(|(build, entries)| {
        let past = Past { run_id: &about.run_id, build: &build, started_unix: about.started_unix, age };
        Teardown::resume(&past, entries, Arc::clone(&journal), report.as_speaker(Speaker::Build(build.clone())))
    });
    DeadRun { stacks: stacks.collect(), journal: Some(journal), about, notes }
}

impl Ways<'_> {
    /// A region of the account that a journal names. "Not found" in another account must not be taken for "gone".
    async fn reach(&self, reach: &Reach, region: &Region) -> Result<AwsRegion, String> {
        let known = Access { region: Some(region.to_string()), ..reach.access() };
        let mut why = String::new();
        for access in self.given.iter().map(|given| Access { region: Some(region.to_string()), ..given.clone() }).chain([known]) {
            match self.accounts.open(&access).await {
                Ok(account) if account.key() == reach.key => return Ok(account.region(region)),
                Ok(_) => {}
                Err(error) => why = error.to_string(),
            }
        }
        if let Some(given) = self.given.first() {
            let access = Access { region: Some(region.to_string()), ..given.clone() };
            return self.accounts.open(&access).await.map(|account| account.region(region)).map_err(|error| error.to_string());
        }
        if why.is_empty() {
            why = "the credentials at hand are not those of that run, and may be another account's; name a -profile or the template".into();
        }
        Err(why)
    }
}
