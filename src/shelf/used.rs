//! What uses images.

use std::collections::BTreeMap;

use amibake_ec2::usage::UsedIn;
use amibake_ec2::{Ec2Error, ImageId, Region};
use futures_util::future::join_all;

use super::find::Found;
use crate::engine::account::Account;

/// What uses images of several regions.
#[derive(Debug, Default)]
pub struct Uses {
    by_image: BTreeMap<(Region, ImageId), Vec<String>>,
    /// Places that could not be looked at, and why. As long as there are any, no image is known to be unused.
    pub unknown: Vec<(Region, UsedIn, String)>,
}

impl Uses {
    /// Asks all places in all regions at once.
    pub async fn of(account: &Account, images: &[Found]) -> Self {
        let mut by_region: BTreeMap<Region, Vec<ImageId>> = BTreeMap::new();
        for found in images {
            by_region.entry(found.region.name().clone()).or_default().push(found.image.id.clone());
        }
        let places = by_region.iter().flat_map(|(region, ids)| UsedIn::ALL.map(|place| (region, ids, place)));
        let asked = places.map(async |(region, ids, place)| match account.image_uses(region) {
            Some(uses) => (region, place, uses.uses(place, ids).await),
            None => (region, place, Err(Ec2Error::unknown("DescribeInstances", "nothing can be asked here"))),
        });
        let mut all = Self::default();
        for (region, place, answer) in join_all(asked).await {
            match answer {
                Ok(uses) => uses.into_iter().for_each(|used| {
                    all.by_image.entry((region.clone(), used.image)).or_default().push(used.by);
                }),
                Err(error) => all.unknown.push((region.clone(), place, error.to_string())),
            }
        }
        for by in all.by_image.values_mut() {
            by.sort();
            by.dedup();
        }
        all
    }

    /// What uses an image, as far as is known.
    pub fn by(&self, found: &Found) -> &[String] {
        self.by_image.get(&(found.region.name().clone(), found.image.id.clone())).map_or(&[], Vec::as_slice)
    }

    /// Places of its region that could not be looked at.
    pub fn unseen(&self, found: &Found) -> Vec<&'static str> {
        self.unknown.iter().filter(|(region, ..)| region == found.region.name()).map(|(_, place, _)| place.name()).collect()
    }
}
