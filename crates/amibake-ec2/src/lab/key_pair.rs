//! Key pairs that exist.

use super::filter::{Filtered, Filters, one, select};
use super::record::KeyPairRecord;
use super::refusal::Answer;
use super::world::State;
use crate::model::{Filter, KeyPair, Tag};

impl State {
    /// DescribeKeyPairs.
    pub(super) fn describe_key_pairs(&self, filters: &[Filter]) -> Answer<Vec<KeyPair>> {
        let found = select(self.key_pairs.values(), filters, |_| true)?;
        Ok(found.into_iter().map(|key| KeyPair { name: key.name.clone(), tags: key.tags.clone() }).collect())
    }
}

impl Filtered for KeyPairRecord {
    const FILTERS: Filters<Self> = &[("key-pair-id", |it| one(&it.id)), ("key-name", |it| one(&it.name)), ("fingerprint", |_| Vec::new())];

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}
