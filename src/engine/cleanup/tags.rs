//! What dead runs left, by the tags on it: for machines whose journals are lost.
//!
//! A tag says less than a journal. Whether its run lives on some other machine is not known, so that its age has to tell (the run's id
//! holds the time it began); and images are not tagged, since they are what builds are for: one that was made of a leftover instance is
//! named, and left to a person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use amibake_ec2::model::{DescribeImages, Filter, Instance, InstanceState, Tag};
use amibake_ec2::{Ec2, Ec2Error, InstanceId, Region, VolumeId};

use super::{DeadRun, Found, Wanted, began_unix};
use crate::engine::account::{Account, AwsRegion};
use crate::engine::journal::{About, Journal};
use crate::engine::teardown::{BUILD_TAG, Lifetime, RUN_TAG, Resource, Teardown};
use crate::event::{Reporter, Speaker};

/// One tagged thing.
struct Tagged {
    run_id: String,
    build: String,
    resource: Resource,
}

/// Looks through regions of an account. `found` knows already what the journals say: living runs are left alone, and of dead ones only
/// that is added which their journals do not name.
pub async fn find(account: &Account, regions: &[Region], wanted: &Wanted, report: &Reporter, found: &mut Found) {
    for name in regions {
        let region = account.region(name);
        match look(&*region.ec2, wanted).await {
            Ok(tagged) => take(tagged, &region, wanted, report, found).await,
            Err(error) => found.trouble.push(format!("cannot look in {name}: {error}")),
        }
    }
}

/// All regions that the account can see.
///
/// # Errors
/// EC2 refuses.
pub async fn all_regions(account: &Account) -> Result<Vec<Region>, Ec2Error> {
    account.region(account.build_region()).ec2.describe_regions().await
}

async fn look(ec2: &dyn Ec2, wanted: &Wanted) -> Result<Vec<Tagged>, Ec2Error> {
    let filters = [match &wanted.run_id {
        Some(run_id) => Filter::new(format!("tag:{RUN_TAG}"), run_id.clone()),
        None => Filter::new("tag-key", RUN_TAG),
    }];
    let (instances, volumes, groups, keys, snapshots) = futures_util::try_join!(
        ec2.describe_instances(&[], &filters),
        ec2.describe_volumes(&[], &filters),
        ec2.describe_security_groups(&[], &filters),
        ec2.describe_key_pairs(&filters),
        ec2.describe_snapshots(&[], &filters),
    )?;
    let mut all = Vec::new();
    let mut add = |tags: &[Tag], resource: Resource| all.extend(tagged(tags, resource));
    let with_instance = volumes_that_go_with(&instances);
    for instance in instances.into_iter().filter(lives) {
        add(&instance.tags, Resource::Instance { client_token: String::new(), id: Some(instance.id) });
    }
    for volume in volumes.into_iter().filter(|volume| !with_instance.contains(&volume.id)) {
        add(&volume.tags, Resource::Volume { id: volume.id });
    }
    for group in groups {
        add(&group.tags, Resource::SecurityGroup { name: group.name, id: Some(group.id) });
    }
    for key in keys {
        add(&key.tags, Resource::KeyPair { name: key.name });
    }
    for snapshot in snapshots {
        add(&snapshot.tags, Resource::Snapshot { id: snapshot.id });
    }
    Ok(all)
}

fn lives(instance: &Instance) -> bool {
    !matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated)
}

fn volumes_that_go_with(instances: &[Instance]) -> BTreeSet<VolumeId> {
    let volumes = instances.iter().flat_map(|instance| &instance.volumes);
    volumes.filter(|volume| volume.delete_on_termination).map(|volume| volume.volume.clone()).collect()
}

/// What carries both of our tags. One alone is not ours: somebody copied it.
fn tagged(tags: &[Tag], resource: Resource) -> Option<Tagged> {
    let value = |key: &str| tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.clone()).filter(|value| !value.is_empty());
    Some(Tagged { run_id: value(RUN_TAG)?, build: value(BUILD_TAG)?, resource })
}

async fn take(tagged: Vec<Tagged>, region: &AwsRegion, wanted: &Wanted, report: &Reporter, found: &mut Found) {
    let mut runs: BTreeMap<String, BTreeMap<String, Vec<Resource>>> = BTreeMap::new();
    for Tagged { run_id, build, resource } in tagged {
        runs.entry(run_id).or_default().entry(build).or_default().push(resource);
    }
    for (run_id, builds) in runs {
        if found.alive.iter().any(|about| about.run_id == run_id) {
            continue;
        }
        if let Err(why) = wanted.takes(&run_id, began_unix(&run_id)) {
            found.spared.push(why);
            continue;
        }
        for (build, resources) in builds {
            add(&run_id, &build, resources, region, report, found).await;
        }
    }
}

async fn add(run_id: &str, build: &str, resources: Vec<Resource>, region: &AwsRegion, report: &Reporter, found: &mut Found) {
    let images = images_of(&resources, region).await;
    let run = run_of(run_id, &mut found.dead);
    let known: BTreeSet<String> = run.left().into_iter().map(|left| left.what).collect();
    let journal = Arc::new(Journal::new(None, run_id));
    let stack = Teardown::new(run_id, build, i128::MAX, journal, report.as_speaker(Speaker::Build(build.to_owned())));
    for resource in resources {
        // Without a journal on disk nothing can fail.
        if let Ok(entry) = stack.own(Some(region), resource, Lifetime::Build)
            && stack.remaining("").first().is_some_and(|newest| known.contains(&newest.what))
        {
            stack.release(entry);
        }
    }
    let images = images.into_iter().filter(|(id, _)| !known.iter().any(|what| what.contains(id.as_str())));
    run.notes.extend(images.map(|(_, note)| note));
    run.stacks.push(stack);
}

fn run_of<'a>(run_id: &str, dead: &'a mut Vec<DeadRun>) -> &'a mut DeadRun {
    let at = dead.iter().position(|run| run.about.run_id == run_id).unwrap_or_else(|| {
        let about = About { run_id: run_id.to_owned(), started_unix: began_unix(run_id), ..About::default() };
        dead.push(DeadRun { about, notes: Vec::new(), stacks: Vec::new(), journal: None });
        dead.len() - 1
    });
    &mut dead[at]
}

/// Images that were made of these instances: whether they are what their build was for, or half of it, no tag says.
async fn images_of(resources: &[Resource], region: &AwsRegion) -> Vec<(String, String)> {
    let instances: Vec<&InstanceId> = resources.iter().filter_map(instance).collect();
    if instances.is_empty() {
        return Vec::new();
    }
    let filter = Filter { name: "source-instance-id".to_owned(), values: instances.iter().map(ToString::to_string).collect() };
    let request = DescribeImages { owners: vec!["self".to_owned()], filters: vec![filter], ..DescribeImages::default() };
    let images = region.ec2.describe_images(request).await.unwrap_or_default();
    let note = |image: amibake_ec2::model::Image| {
        let text = format!(
            "image {} ({}) in {} was made of that instance, and is left alone: `amibake adopt {0} TEMPLATE` finishes it",
            image.id,
            image.name,
            region.name()
        );
        (image.id.to_string(), text)
    };
    images.into_iter().map(note).collect()
}

fn instance(resource: &Resource) -> Option<&InstanceId> {
    match resource {
        Resource::Instance { id, .. } => id.as_ref(),
        _ => None,
    }
}
