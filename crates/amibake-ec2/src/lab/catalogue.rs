//! Regions, and the public images that templates start from: owners, names and devices as on AWS, build numbers made up.
//!
//! Releases that AWS has long deprecated (Amazon Linux 1, Ubuntu 14.04, CentOS 7, ...) have one image each, so that old
//! templates can be rehearsed.

use std::sync::LazyLock;

use tokio::time::Instant;

use super::features::Features;
use super::platform::Platform;
use super::record::{EbsSpec, ImageRecord, ImageTarget, SnapshotRecord};
use crate::id::{ImageId, Region, SnapshotId};
use crate::model::ImageState;

/// Regions that every account can see, with the letters of their zones.
const REGIONS: [(&str, &str); 17] = [
    ("ap-northeast-1", "acd"),
    ("ap-northeast-2", "abcd"),
    ("ap-northeast-3", "abc"),
    ("ap-south-1", "abc"),
    ("ap-southeast-1", "abc"),
    ("ap-southeast-2", "abc"),
    ("ca-central-1", "abd"),
    ("eu-central-1", "abc"),
    ("eu-north-1", "abc"),
    ("eu-west-1", "abc"),
    ("eu-west-2", "abc"),
    ("eu-west-3", "abc"),
    ("sa-east-1", "abc"),
    ("us-east-1", "abcdef"),
    ("us-east-2", "abc"),
    ("us-west-1", "ac"),
    ("us-west-2", "abcd"),
];

/// Regions that an account sees once it has opted in, and those of the other partitions.
const MORE_REGIONS: [(&str, &str); 21] = [
    ("af-south-1", "abc"),
    ("ap-east-1", "abc"),
    ("ap-east-2", "abc"),
    ("ap-south-2", "abc"),
    ("ap-southeast-3", "abc"),
    ("ap-southeast-4", "abc"),
    ("ap-southeast-5", "abc"),
    ("ap-southeast-6", "abc"),
    ("ap-southeast-7", "abc"),
    ("ca-west-1", "abc"),
    ("eu-central-2", "abc"),
    ("eu-south-1", "abc"),
    ("eu-south-2", "abc"),
    ("il-central-1", "abc"),
    ("me-central-1", "abc"),
    ("me-south-1", "abc"),
    ("mx-central-1", "abc"),
    ("cn-north-1", "abd"),
    ("cn-northwest-1", "abc"),
    ("us-gov-east-1", "abc"),
    ("us-gov-west-1", "abc"),
];

/// The regions of an account, with the letters of their zones: those that it sees at once, or `all` that there are.
fn regions(all: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    REGIONS.into_iter().chain(MORE_REGIONS.into_iter().filter(move |_| all))
}

/// The letters of a region's zones; None: the account has no such region.
pub(super) fn zones(region: &Region, all: bool) -> Option<&'static str> {
    regions(all).find(|(name, _)| *name == region.as_str()).map(|(_, zones)| zones)
}

/// What DescribeRegions answers in a region: those of its partition.
pub(super) fn seen_from(region: &Region, all: bool) -> Vec<Region> {
    let partition =
        |name: &str| name.split('-').next().filter(|_| name.starts_with("cn-") || name.starts_with("us-gov-")).map(str::to_owned);
    let own = partition(region.as_str());
    regions(all).filter(|(name, _)| partition(name) == own).map(|(name, _)| Region::new(name)).collect()
}

/// Owner of an image of which only the id is known.
const SOMEBODY: &str = "000000000000";

/// What images of one publisher have in common.
#[derive(Clone, Copy)]
struct Kind {
    owner: &'static str,
    /// Whether `amazon` is another name for the owner.
    amazon: bool,
    /// How a name spells x86_64 and arm64; empty: not made for it.
    spelling: [&'static str; 2],
    root: &'static str,
    /// GiB
    size: i32,
    volume_type: &'static str,
    /// Days until an image that has a successor is deprecated, as its owner sets it.
    deprecated_after: Option<i32>,
}

const AL2023: Kind = Kind {
    owner: "137112412989",
    amazon: true,
    spelling: ["x86_64", "arm64"],
    root: "/dev/xvda",
    size: 8,
    volume_type: "gp3",
    deprecated_after: Some(90),
};
const AL2: Kind = Kind { volume_type: "gp2", deprecated_after: None, ..AL2023 };
const AL2_MINIMAL: Kind = Kind { size: 2, volume_type: "standard", ..AL2 };
const AL2_EBS: Kind = Kind { volume_type: "standard", ..AL2 };
const AL1: Kind = Kind { spelling: ["x86_64", ""], ..AL2 };
const ECS: Kind = Kind { owner: "591542846629", size: 30, volume_type: "gp3", ..AL2 };
const ECS_X86: Kind = Kind { spelling: ["x86_64", ""], ..ECS };
const EKS: Kind = Kind { owner: "602401143452", size: 20, volume_type: "gp3", ..AL2 };
const EKS_X86: Kind = Kind { spelling: ["x86_64", ""], ..EKS };
const EKS_ARM: Kind = Kind { spelling: ["", "arm64"], ..EKS };
const DEEP_LEARNING: Kind =
    Kind { owner: "898082745236", spelling: ["x86_64", ""], root: "/dev/sda1", size: 75, volume_type: "gp3", ..AL2 };
const WINDOWS: Kind = Kind { owner: "801119661308", spelling: ["x86_64", ""], root: "/dev/sda1", size: 30, ..AL2 };
const SUSE: Kind = Kind { owner: "013907871322", root: "/dev/sda1", size: 10, volume_type: "gp3", ..AL2 };
const UBUNTU: Kind = Kind {
    owner: "099720109477",
    amazon: false,
    spelling: ["amd64", "arm64"],
    root: "/dev/sda1",
    size: 8,
    volume_type: "gp2",
    deprecated_after: Some(730),
};
const UBUNTU_GP3: Kind = Kind { volume_type: "gp3", ..UBUNTU };
const UBUNTU_X86: Kind = Kind { spelling: ["amd64", ""], ..UBUNTU };
const DEBIAN: Kind = Kind { owner: "136693071363", root: "/dev/xvda", volume_type: "gp3", ..UBUNTU };
const DEBIAN_9: Kind = Kind { owner: "379101102735", spelling: ["x86_64", ""], volume_type: "gp2", ..DEBIAN };
const RHEL: Kind =
    Kind { owner: "309956199498", spelling: ["x86_64", "arm64"], size: 10, volume_type: "gp3", deprecated_after: None, ..UBUNTU };
const CENTOS: Kind = Kind { owner: "125523088429", spelling: ["x86_64", "aarch64"], ..RHEL };
const CENTOS_7: Kind = Kind { volume_type: "gp2", size: 8, ..CENTOS };
const ROCKY: Kind = Kind { owner: "792107900819", ..CENTOS };
const ALMA: Kind = Kind { owner: "764336703387", ..CENTOS };

/// Images that differ by version, date and architecture.
struct Line {
    kind: &'static Kind,
    /// `VER`, `DATE`, `DOTS` (the date with dots), `DASHES` and `ARCH` stand for themselves.
    name: &'static str,
    versions: &'static [&'static str],
    /// yyyymmdd, oldest first.
    dates: &'static [&'static str],
}

const fn line(kind: &'static Kind, name: &'static str, versions: &'static [&'static str], dates: &'static [&'static str]) -> Line {
    Line { kind, name, versions, dates }
}

/// Kubernetes versions of the EKS images.
const KUBERNETES: &[&str] = &["1.29", "1.30", "1.31", "1.32", "1.33", "1.34"];
/// Kubernetes versions that had images on Amazon Linux 2.
const KUBERNETES_AL2: &[&str] = &["1.24", "1.25", "1.26", "1.27", "1.28", "1.29", "1.30", "1.31", "1.32"];
/// Systems of the deep learning images.
const DEEP_SYSTEMS: &[&str] = &["Amazon Linux 2023", "Ubuntu 22.04", "Ubuntu 24.04"];
const ONE: &[&str] = &[""];

const LINES: &[Line] = &[
    line(&AL2023, "al2023-ami-2023.12.DATE.0-kernel-6.1-ARCH", ONE, &["20260608", "20260907", "20261019"]),
    line(&AL2023, "al2023-ami-2023.12.DATE.0-kernel-VER-ARCH", &["6.12", "6.18"], &["20260907", "20261019"]),
    line(
        &Kind { size: 2, ..AL2023 },
        "al2023-ami-minimal-2023.12.DATE.0-kernel-VER-ARCH",
        &["6.1", "6.12", "6.18"],
        &["20260907", "20261019"],
    ),
    line(&ECS, "al2023-ami-ecs-hvm-2023.0.DATE-kernel-6.1-ARCH", ONE, &["20260910", "20261012"]),
    line(&ECS_X86, "al2023-ami-ecs-gpu-hvm-2023.0.DATE-kernel-6.1-ARCH-ebs", ONE, &["20261012"]),
    line(&EKS, "amazon-eks-node-al2023-ARCH-standard-VER-vDATE", KUBERNETES, &["20261007"]),
    line(&EKS, "amazon-eks-node-al2023-ARCH-nvidia-VER-vDATE", KUBERNETES, &["20261007"]),
    line(&DEEP_LEARNING, "Deep Learning Base OSS Nvidia Driver GPU AMI (VER) DATE", DEEP_SYSTEMS, &["20261009"]),
    line(&DEEP_LEARNING, "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.7 (VER) DATE", DEEP_SYSTEMS, &["20261009"]),
    line(&AL2, "amzn2-ami-hvm-2.0.DATE.0-ARCH-gp2", ONE, &["20260302", "20260601"]),
    line(&AL2, "amzn2-ami-kernel-5.10-hvm-2.0.DATE.0-ARCH-gp2", ONE, &["20260302", "20260601"]),
    line(&AL2_MINIMAL, "amzn2-ami-minimal-hvm-2.0.DATE.0-ARCH-ebs", ONE, &["20260302", "20260601"]),
    line(&AL2_EBS, "amzn2-ami-hvm-2.0.DATE.0-ARCH-ebs", ONE, &["20260302", "20260601"]),
    line(&Kind { volume_type: "gp2", ..ECS_X86 }, "amzn2-ami-ecs-gpu-hvm-2.0.DATE-ARCH-ebs", ONE, &["20260604"]),
    line(&Kind { volume_type: "gp2", ..ECS }, "amzn2-ami-ecs-hvm-2.0.DATE-ARCH-ebs", ONE, &["20260305", "20260604"]),
    line(&Kind { volume_type: "gp2", ..ECS }, "amzn2-ami-ecs-kernel-5.10-hvm-2.0.DATE-ARCH-ebs", ONE, &["20260305", "20260604"]),
    line(&EKS_X86, "amazon-eks-node-VER-vDATE", KUBERNETES_AL2, &["20251120"]),
    line(&EKS_X86, "amazon-eks-gpu-node-VER-vDATE", KUBERNETES_AL2, &["20251120"]),
    line(&EKS_ARM, "amazon-eks-arm64-node-VER-vDATE", KUBERNETES_AL2, &["20251120"]),
    line(&AL1, "amzn-ami-hvm-2018.03.0.DATE.0-ARCH-gp2", ONE, &["20231218"]),
    line(&Kind { volume_type: "standard", ..AL1 }, "amzn-ami-hvm-2018.03.0.DATE.0-ARCH-ebs", ONE, &["20231218"]),
    line(&Kind { volume_type: "standard", ..AL1 }, "amzn-ami-vpc-nat-2018.03.0.DATE.0-ARCH-ebs", ONE, &["20231218"]),
    line(&AL1, "amzn-ami-hvm-2017.09.1.DATE-ARCH-gp2", ONE, &["20180307"]),
    line(&Kind { spelling: ["x86_64", ""], ..AL2_MINIMAL }, "amzn-ami-minimal-hvm-2018.03.0.DATE.0-ARCH-ebs", ONE, &["20231218"]),
    line(&Kind { spelling: ["x86_64", ""], volume_type: "gp2", ..ECS }, "amzn-ami-2018.03.DATE-amazon-ecs-optimized", ONE, &["20231207"]),
    line(&WINDOWS, "Windows_Server-VER-English-Full-Base-DOTS", &["2016", "2019", "2022", "2025"], &["20260909", "20261014"]),
    line(&WINDOWS, "Windows_Server-VER-English-Core-Base-DOTS", &["2016", "2019", "2022", "2025"], &["20260909", "20261014"]),
    line(&WINDOWS, "Windows_Server-VER-English-Full-ContainersLatest-DOTS", &["2019", "2022"], &["20260114"]),
    line(&WINDOWS, "Windows_Server-VER-English-Core-ContainersLatest-DOTS", &["2019", "2022"], &["20260114"]),
    line(
        &WINDOWS,
        "Windows_Server-VER-DOTS",
        &["2019-English-Full-SQL_2019_Standard", "2022-English-Full-SQL_2022_Standard", "2019-English-Full-HyperV"],
        &["20261014"],
    ),
    line(&WINDOWS, "Windows_Server-2016-English-Full-Containers-DOTS", ONE, &["20231011"]),
    line(&WINDOWS, "Windows_Server-2012-R2_RTM-English-64Bit-Base-DOTS", ONE, &["20231011"]),
    line(&SUSE, "suse-sles-VER-vDATE-hvm-ssd-ARCH", &["12-sp5", "15-sp6", "15-sp7"], &["20260813"]),
    line(&UBUNTU_X86, "ubuntu/images/hvm-ssd/ubuntu-trusty-14.04-ARCH-server-DATE", ONE, &["20191107"]),
    line(&UBUNTU, "ubuntu/images/hvm-ssd/ubuntu-xenial-16.04-ARCH-server-DATE", ONE, &["20210928"]),
    line(&UBUNTU, "ubuntu/images/hvm-ssd/ubuntu-bionic-18.04-ARCH-server-DATE", ONE, &["20230531"]),
    line(&UBUNTU, "ubuntu/images/hvm-ssd/ubuntu-focal-20.04-ARCH-server-DATE", ONE, &["20250424", "20250603"]),
    line(&UBUNTU, "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-ARCH-server-DATE", ONE, &["20260715", "20261008"]),
    line(&UBUNTU_GP3, "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-ARCH-server-DATE", ONE, &["20260720", "20261012"]),
    line(&UBUNTU_GP3, "ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-ARCH-server-DATE", ONE, &["20260423", "20261014"]),
    line(
        &UBUNTU,
        "ubuntu-minimal/images/hvm-ssd/ubuntu-VER-ARCH-minimal-DATE",
        &["bionic-18.04", "focal-20.04", "jammy-22.04"],
        &["20250603"],
    ),
    line(&UBUNTU_GP3, "ubuntu-minimal/images/hvm-ssd-gp3/ubuntu-VER-ARCH-minimal-DATE", &["noble-24.04", "resolute-26.04"], &["20261012"]),
    line(
        &UBUNTU,
        "ubuntu-pro-server/images/hvm-ssd/ubuntu-VER-ARCH-pro-server-DATE",
        &["xenial-16.04", "bionic-18.04", "focal-20.04", "jammy-22.04"],
        &["20260918"],
    ),
    line(
        &UBUNTU_GP3,
        "ubuntu-pro-server/images/hvm-ssd-gp3/ubuntu-VER-ARCH-pro-server-DATE",
        &["noble-24.04", "resolute-26.04"],
        &["20260918"],
    ),
    line(&DEBIAN_9, "debian-stretch-hvm-ARCH-gp2-DASHES-66430", ONE, &["20220701"]),
    line(&DEBIAN, "debian-10-ARCH-DATE-1797", ONE, &["20240703"]),
    line(&DEBIAN, "debian-11-ARCH-DATE-2518", ONE, &["20260511", "20260831"]),
    line(&DEBIAN, "debian-12-ARCH-DATE-2621", ONE, &["20260706", "20261005"]),
    line(&DEBIAN, "debian-13-ARCH-DATE-2623", ONE, &["20260713", "20261012"]),
    line(
        &RHEL,
        "RHEL-VER_HVM-DATE-ARCH-0-Hourly2-GP3",
        &["8.6.0", "8.8.0", "8.10.0", "9.0.0", "9.2.0", "9.4.0", "9.6.0", "10.0.0"],
        &["20260616", "20260922"],
    ),
    line(&RHEL, "RHEL-VER_HVM-DATE-ARCH-0-Access2-GP3", &["8.10.0", "9.6.0", "10.0.0"], &["20260922"]),
    line(&RHEL, "RHEL-7.9_HVM-DATE-ARCH-0-Hourly2-GP3", ONE, &["20240213"]),
    line(&Kind { volume_type: "gp2", ..RHEL }, "RHEL-VER_HVM-DATE-ARCH-0-Hourly2-GP2", &["7.9", "8.6.0", "9.0.0"], &["20221101"]),
    line(&CENTOS, "CentOS Stream VER ARCH DATE", &["9", "10"], &["20260615", "20260921"]),
    line(&CENTOS, "CentOS Stream 8 ARCH DATE", ONE, &["20240513"]),
    line(&CENTOS_7, "CentOS Linux 7 ARCH - 2211", ONE, &["20221105"]),
    line(&Kind { size: 6, ..CENTOS }, "Fedora-Cloud-Base-AmazonEC2.ARCH-VER-1.6", &["42", "43"], &["20251023"]),
    line(&ROCKY, "Rocky-8-EC2-Base-8.10-DATE.0.ARCH", ONE, &["20240528"]),
    line(&ROCKY, "Rocky-9-EC2-VER-9.6-DATE.0.ARCH", &["Base", "LVM"], &["20260531"]),
    line(&ROCKY, "Rocky-10-EC2-VER-10.0-DATE.0.ARCH", &["Base", "LVM"], &["20260609"]),
    line(&ALMA, "AlmaLinux OS VER.DATE ARCH", &["8.10", "9.6", "10.0"], &["20260522"]),
];

/// Whether the catalogue has a fair choice of this owner's images. One of theirs that it does not have is not likely to exist.
pub(super) fn publishes(owner: &str) -> bool {
    owner == "amazon" || LINES.iter().any(|line| line.kind.owner == owner)
}

/// One public image, in whatever region.
struct Entry {
    kind: &'static Kind,
    name: String,
    architecture: &'static str,
    platform: Option<&'static Platform>,
    creation_date: String,
    deprecated_since: Option<String>,
}

/// The lines, spelled out: once a process, for it takes longer than all that a region does with it.
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let versions = LINES.iter().flat_map(|line| line.versions.iter().map(move |version| (line, *version)));
    versions.flat_map(|(line, version)| line.entries(version)).collect()
});

/// A region's public images with their snapshots. Their ids are the same in every lab.
pub(super) fn images(region: &Region, opened: Instant) -> impl Iterator<Item = (ImageRecord, SnapshotRecord)> {
    ENTRIES.iter().map(move |entry| {
        let (image, snapshot) = made(entry.kind, region, &entry.name, entry.architecture, opened);
        let image = ImageRecord {
            platform: entry.platform,
            creation_date: entry.creation_date.clone(),
            deprecated_since: entry.deprecated_since.clone(),
            ..image
        };
        (image, snapshot)
    })
}

/// An image of which nothing is known, with its snapshot: the usual one.
pub(super) fn stand_in(region: &Region, id: &ImageId, opened: Instant) -> (ImageRecord, SnapshotRecord) {
    let kind = Kind { owner: SOMEBODY, amazon: false, ..AL2023 };
    let (image, snapshot) = made(&kind, region, &format!("assumed {id}"), "x86_64", opened);
    (ImageRecord { id: id.clone(), description: String::new(), ..image }, snapshot)
}

impl Line {
    fn entries(&'static self, version: &'static str) -> impl Iterator<Item = Entry> {
        let platform = Platform::of_name(&self.name.replace("VER", version));
        let dates = self.dates.iter().enumerate().map(|(index, date)| (*date, index + 1 == self.dates.len()));
        let images = dates.flat_map(|(date, newest)| ["x86_64", "arm64"].map(|architecture| (date, newest, architecture)));
        images.filter_map(move |(date, newest, architecture)| {
            Some(Entry {
                kind: self.kind,
                name: self.spelled(version, date, architecture)?,
                architecture,
                platform,
                creation_date: day(date, 0),
                // The newest is never deprecated, whatever the date: a lab that is opened years later has images too.
                deprecated_since: self.kind.deprecated_after.filter(|_| !newest).map(|days| day(date, days)),
            })
        })
    }

    /// The name of one image; None where there is none for the architecture.
    fn spelled(&self, version: &str, date: &str, architecture: &str) -> Option<String> {
        let spelling = self.kind.spelling[usize::from(architecture == "arm64")];
        let (year, month, day) = (date.get(0..4)?, date.get(4..6)?, date.get(6..8)?);
        let name = self.name.replace("VER", version).replace("DATE", date).replace("DOTS", &format!("{year}.{month}.{day}"));
        let name = name.replace("DASHES", &format!("{year}-{month}-{day}")).replace("ARCH", spelling);
        (!spelling.is_empty()).then_some(name)
    }
}

fn made(kind: &Kind, region: &Region, name: &str, architecture: &str, opened: Instant) -> (ImageRecord, SnapshotRecord) {
    let digits = format!("0{:016x}", mixed(&format!("{region} {name}")));
    let (id, snapshot) = (ImageId::with_hex(&digits), SnapshotId::with_hex(&digits));
    let root = ImageTarget::Ebs(EbsSpec {
        snapshot: Some(snapshot.clone()),
        size: kind.size,
        volume_type: kind.volume_type.to_owned(),
        delete_on_termination: true,
        iops: None,
        throughput: None,
        encrypted: false,
        kms_key_id: None,
    });
    let snapshot = SnapshotRecord {
        id: snapshot,
        owner: kind.owner.to_owned(),
        description: String::new(),
        size: kind.size,
        volume: None,
        during: (opened, opened),
        progress: None,
        completed: true,
        encrypted: false,
        kms_key_id: None,
        users: Vec::new(),
        groups: vec!["all".to_owned()],
        tags: Vec::new(),
    };
    let image = ImageRecord {
        id,
        name: name.to_owned(),
        description: name.to_owned(),
        owner: kind.owner.to_owned(),
        owner_alias: kind.amazon.then(|| "amazon".to_owned()),
        creation_date: String::new(),
        deprecated_since: None,
        state: ImageState::Available,
        until: None,
        progress: None,
        spoiled: None,
        state_reason: None,
        root_device_type: "ebs".to_owned(),
        root_device_name: kind.root.to_owned(),
        location: None,
        virtualization_type: "hvm".to_owned(),
        architecture: architecture.to_owned(),
        platform: None,
        public: true,
        devices: vec![(kind.root.to_owned(), root)],
        source_instance: None,
        copied_from: None,
        users: Vec::new(),
        organizations: Vec::new(),
        product_codes: Vec::new(),
        imds_support: name.starts_with("al2023").then(|| "v2.0".to_owned()),
        features: Features::default(),
        tags: Vec::new(),
    };
    (image, snapshot)
}

/// FNV-1a: a number for a text, the same in every run.
fn mixed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// `20261019` and days to add, as EC2 writes a date.
fn day(date: &str, days: i32) -> String {
    let part = |range: std::ops::Range<usize>| date.get(range).and_then(|text| text.parse().ok()).unwrap_or(1_i16);
    let day = jiff::civil::Date::new(part(0..4), part(4..6) as i8, part(6..8) as i8).unwrap_or(jiff::civil::Date::ZERO);
    let day = day.checked_add(jiff::Span::new().days(days)).unwrap_or(day);
    format!("{day}T05:12:09.000Z")
}
