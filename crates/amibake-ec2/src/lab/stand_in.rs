//! Images that a rehearsal takes to exist: those of accounts that nobody can ask, and builds of public ones with a date of their own.
//!
//! The catalogue has a build or two of each line. A template that names another one (`...-server-20201014`) gets the line's newest under
//! that name; one that names no line of the publisher gets nothing, as on EC2.

use super::assume::{NAMED, had_to_match, matching, named};
use super::catalogue;
use super::filter::{like, matches};
use super::fit::{Fit, example, fitted};
use super::instance_type;
use super::platform::Platform;
use super::record::{ImageRecord, SnapshotRecord};
use super::refusal::Answer;
use super::world::{Place, State};
use crate::id::ImageId;
use crate::model::{BlockDevice, DescribeImages, Filter, RunInstances};

impl Place<'_> {
    /// Images that are asked for.
    pub(super) fn assume_images(&mut self, request: &DescribeImages) -> Answer<()> {
        for id in &request.ids {
            self.assume_image(id, request.owners.first().map(String::as_str), &request.filters);
        }
        if !self.options.assume || !request.ids.is_empty() || is_look_for_own_name(request) {
            return Ok(());
        }
        if !self.describe_images(request)?.is_empty() || self.assume_build(request) || all_known(&request.owners) {
            return Ok(());
        }
        let id = ImageId::with_hex(&self.ids.hex());
        let owner = request.owners.iter().find(|owner| !catalogue::publishes(owner)).map(String::as_str);
        let fresh = self.fresh_image(id, owner);
        if let Some(mut image) = fitted(fresh.0, &request.filters, &self.zones()) {
            image.platform = image.platform.or_else(|| Platform::of_name(&image.name));
            if !named(&request.filters, "architecture") {
                self.state.assumed.loose.insert(image.id.to_string());
            }
            self.add_stand_in(image, fresh.1, &had_to_match(&request.filters));
        }
        Ok(())
    }

    /// An image that is named: a stand-in, of which no more is known than what the filters beside it ask for.
    pub(super) fn assume_image(&mut self, id: &ImageId, owner: Option<&str>, filters: &[Filter]) {
        if self.state.images.contains_key(id) || !self.may_be(id.as_str()) {
            return;
        }
        let (image, snapshot) = self.fresh_image(id.clone(), owner);
        // With filters that it cannot match it is still there: EC2 then answers that nothing is found.
        let image = fitted(image.clone(), filters, &self.zones()).unwrap_or(image);
        if !named(filters, "architecture") {
            self.state.assumed.loose.insert(id.to_string());
        }
        self.add_stand_in(image, snapshot, NAMED);
    }

    fn fresh_image(&mut self, id: ImageId, owner: Option<&str>) -> (ImageRecord, SnapshotRecord) {
        let mut made = catalogue::stand_in(self.region, &id, self.now);
        match owner {
            Some("self") => made.0.owner.clone_from(&self.options.account),
            Some(account) if account.bytes().all(|byte| byte.is_ascii_digit()) => account.clone_into(&mut made.0.owner),
            // An alias says nothing about the account; nor does an id alone.
            Some(_) | None => {}
        }
        made.0.owner_alias = owner.filter(|owner| *owner == "aws-marketplace").map(str::to_owned);
        made.0.creation_date = self.date();
        made
    }

    fn add_stand_in(&mut self, image: ImageRecord, snapshot: SnapshotRecord, why: &str) {
        self.note("image", image.id.as_str(), why);
        self.state.snapshots.insert(snapshot.id.clone(), snapshot);
        self.state.images.insert(image.id.clone(), image);
    }

    /// Architecture and virtualization of a stand-in are what its first instance's type can run; its root device is the
    /// usual one that the launch names.
    pub(super) fn settle_image(&mut self, id: &ImageId, request: &RunInstances) {
        if !self.state.assumed.loose.remove(id.as_str()) {
            return;
        }
        let Some(image) = self.state.images.get_mut(id) else { return };
        let architectures = instance_type::architectures(&request.instance_type).unwrap_or_default();
        if let Some(first) = architectures.first().filter(|_| !architectures.contains(&image.architecture.as_str())) {
            image.architecture = (*first).to_owned();
        }
        let virtualizations = instance_type::virtualizations(&request.instance_type);
        if let Some(first) = virtualizations.first().filter(|_| !virtualizations.contains(&image.virtualization_type.as_str())) {
            image.virtualization_type = (*first).to_owned();
        }
        let usual = |device: &&BlockDevice| matches!(device.device_name.as_str(), "/dev/xvda" | "/dev/sda1");
        if let Some(device) = request.block_devices.iter().find(usual) {
            let _ = image.set("root-device-name", &device.device_name);
        }
    }

    /// Makes another build of a line that the request's name speaks of; true where there is such a line.
    fn assume_build(&mut self, request: &DescribeImages) -> bool {
        let Some(name) = request.filters.iter().find(|filter| filter.name == "name") else { return false };
        let Some((build, name)) = name.values.iter().find_map(|name| Some((self.state.build_of(name, request)?.clone(), name))) else {
            return false;
        };
        let build = ImageRecord { id: ImageId::with_hex(&self.ids.hex()), name: example(name), ..build };
        self.note("image", build.id.as_str(), &format!("another build of what had to match {}", matching(&request.filters)));
        self.state.images.insert(build.id.clone(), build);
        true
    }
}

impl State {
    /// The newest image of the line that a name speaks of.
    fn build_of(&self, name: &str, request: &DescribeImages) -> Option<&ImageRecord> {
        let (platform, words) = (Platform::of_name(name)?, without_build(name)?);
        let of_line = |image: &&ImageRecord| {
            let owner = |owner: &String| image.owner == *owner || image.owner_alias.as_ref() == Some(owner);
            image.public
                && image.platform == Some(platform)
                && request.owners.iter().any(owner)
                && without_build(&image.name).is_some_and(|line| like(&words, &line))
                && request.filters.iter().filter(|filter| !of_build(filter)).all(|filter| matches(*image, filter))
        };
        self.images.values().filter(of_line).max_by(|a, b| a.creation_date.cmp(&b.creation_date))
    }
}

fn all_known(owners: &[String]) -> bool {
    owners.iter().all(|owner| catalogue::publishes(owner))
}

/// Builders ask whether the name of the image to be made is free. The answer is yes.
fn is_look_for_own_name(request: &DescribeImages) -> bool {
    let one_name =
        matches!(&request.filters[..], [filter] if filter.name == "name" && !filter.values.iter().any(|name| name.contains(['*', '?'])));
    let own = matches!(&request.owners[..], [owner] if owner == "self");
    one_name && own && request.include_deprecated
}

/// Filters that look at what differs from build to build.
fn of_build(filter: &Filter) -> bool {
    matches!(filter.name.as_str(), "name" | "description" | "creation-date")
}

/// A name without its date, the numbers behind that, and the kernel's version, which goes on within a line; None for one without a date.
fn without_build(name: &str) -> Option<String> {
    let (mut dated, mut before) = (false, "");
    let words = name.split(['-', '_', '/', ' ']).filter(|word| {
        let date = is_date(word);
        dated |= date;
        let kernel = std::mem::replace(&mut before, *word) == "kernel" && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        !(date || kernel || dated && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*'))
    });
    let words: Vec<_> = words.collect();
    dated.then(|| words.join("-"))
}

/// `20201014`, `2.0.20190115`, `2020*`, `v20251120`, `2019.11.13`: no letters, and a year that goes on.
fn is_date(word: &str) -> bool {
    let word = word.strip_prefix('v').unwrap_or(word);
    let mut rest = word;
    let only_numbers = word.bytes().all(|byte| byte.is_ascii_digit() || b".*?".contains(&byte));
    while let Some(start) = rest.find("20") {
        let digits = rest[start..].bytes().take_while(u8::is_ascii_digit).count();
        let goes_on = digits >= 6 || (digits >= 4 && rest.len() > start + digits);
        if goes_on {
            return only_numbers;
        }
        rest = &rest[start + digits.max(2)..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::without_build;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(without_build(name).as_deref(), expected, "{name}");
    }

    #[test]
    fn a_build_is_its_date_and_the_numbers_behind_it() {
        check(
            "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20230115",
            Some("ubuntu-images-hvm-ssd-ubuntu-jammy-22.04-amd64-server"),
        );
        check("debian-11-amd64-20230124-1270", Some("debian-11-amd64"));
        check("amzn2-ami-hvm-2.0.20190115-x86_64-gp2", Some("amzn2-ami-hvm-x86-gp2"));
        check("al2023-ami-2023.4.2024*-kernel-6.1-arm64", Some("al2023-ami-kernel-arm64"));
        check("Windows_Server-2019-English-Full-Base-2019.11.13", Some("Windows-Server-2019-English-Full-Base"));
        check("amazon-eks-node-1.29-v20240202", Some("amazon-eks-node-1.29"));
        check("Windows_Server-2019-English-Full-Base-*", None);
        check("ubuntu-focal-20.04-amd64-server-*", None);
        check("", None);
    }
}
