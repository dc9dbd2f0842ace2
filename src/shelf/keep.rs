//! Which of several images stay, and why.

use std::time::Duration;

use amibake_ec2::model::ImageState;
use jiff::Timestamp;

use super::find::Found;
use super::used::Uses;

/// What shall stay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rule {
    /// The newest so many; None: one.
    pub newest: Option<usize>,
    /// All that are younger.
    pub younger_than: Option<Duration>,
    /// Look for uses only where that is possible: places that cannot be looked at do not protect.
    pub trusting: bool,
}

/// What becomes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes.
    Goes,
    /// It stays, for this reason.
    Stays(String),
}

/// Decides about images of one region and one template, the newest first.
pub fn decide(images: &[Found], rule: Rule, now: Timestamp, uses: &Uses) -> Vec<Fate> {
    // A failed image is no newest one that could be launched.
    let ready = |found: &&Found| found.image.state == ImageState::Available;
    let newest: Vec<_> = images.iter().filter(ready).take(rule.newest.unwrap_or(1)).map(|found| found.image.id.clone()).collect();
    let fate = |found: &Found| match newest.iter().position(|id| *id == found.image.id) {
        Some(0) => Fate::Stays("the newest".to_owned()),
        Some(_) => Fate::Stays(format!("one of the newest {}", newest.len())),
        None => of_the_rest(found, rule, now, uses),
    };
    images.iter().map(fate).collect()
}

fn of_the_rest(found: &Found, rule: Rule, now: Timestamp, uses: &Uses) -> Fate {
    if let Some(limit) = rule.younger_than {
        let Some(age) = age(found, now) else { return Fate::Stays("its age is not known".to_owned()) };
        if age < limit {
            return Fate::Stays(format!("{} old", days(age)));
        }
    }
    match (found.image.state, uses.by(found), uses.unseen(found).as_slice()) {
        (ImageState::Pending, ..) => Fate::Stays("being made".to_owned()),
        (_, [], []) => Fate::Goes,
        (_, [], _) if rule.trusting => Fate::Goes,
        (_, [], unseen) => Fate::Stays(format!("may be used: cannot look at {}", unseen.join(", "))),
        (_, [by], _) => Fate::Stays(format!("used by {by}")),
        (_, [by, more @ ..], _) => Fate::Stays(format!("used by {by} and {} more", more.len())),
    }
}

/// How old an image is; nothing for one of the future.
pub fn age(found: &Found, now: Timestamp) -> Option<Duration> {
    let made: Timestamp = found.image.creation_date.parse().ok()?;
    Some(Duration::try_from(now.duration_since(made)).unwrap_or_default())
}

/// `3 days`, `5 h`.
pub fn days(age: Duration) -> String {
    match age.as_secs() / 3600 {
        hours @ 0..48 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    }
}
