//! Regions, and the public images that templates start from: owners, names and devices as on AWS, dates and ids made up.

use super::record::{EbsSpec, ImageRecord, ImageTarget, SnapshotRecord};
use super::world::Ids;
use crate::id::{ImageId, Region, SnapshotId};
use crate::model::ImageState;

/// Regions that every account can see, with the letters of their zones.
pub(super) const REGIONS: [(&str, &str); 17] = [
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

/// The letters of a region's zones; None: there is no such region.
pub(super) fn zones(region: &Region) -> Option<&'static str> {
    REGIONS.iter().find(|(name, _)| *name == region.as_str()).map(|(_, zones)| *zones)
}

/// Owner of an image of which only the id is known.
pub(super) const SOMEBODY: &str = "000000000000";

const AMAZON: &str = "137112412989";
const CANONICAL: &str = "099720109477";
const DEBIAN: &str = "136693071363";
const RED_HAT: &str = "309956199498";
const ROCKY: &str = "792107900819";

/// A line of images that differ by date and architecture.
struct Line {
    owner: &'static str,
    /// `DATE` and `ARCH` stand for themselves.
    name: &'static str,
    description: &'static str,
    /// yyyymmdd, oldest first.
    dates: &'static [&'static str],
    /// How the name spells x86_64 and arm64; empty: not made for it.
    spelling: [&'static str; 2],
    root: &'static str,
    size: i32,
    volume_type: &'static str,
    /// Days until deprecation, as its owner sets it.
    deprecated_after: Option<i32>,
}

const LINES: &[Line] = &[
    Line {
        owner: AMAZON,
        name: "al2023-ami-2023.12.DATE.0-kernel-6.1-ARCH",
        description: "Amazon Linux 2023 AMI 2023.12.DATE.0 ARCH HVM kernel-6.1",
        dates: &["20260608", "20260907", "20261019"],
        spelling: ["x86_64", "arm64"],
        root: "/dev/xvda",
        size: 8,
        volume_type: "gp3",
        deprecated_after: Some(90),
    },
    Line {
        owner: AMAZON,
        name: "al2023-ami-2023.12.DATE.0-kernel-6.12-ARCH",
        description: "Amazon Linux 2023 AMI 2023.12.DATE.0 ARCH HVM kernel-6.12",
        dates: &["20260907", "20261019"],
        spelling: ["x86_64", "arm64"],
        root: "/dev/xvda",
        size: 8,
        volume_type: "gp3",
        deprecated_after: Some(90),
    },
    Line {
        owner: AMAZON,
        name: "al2023-ami-minimal-2023.12.DATE.0-kernel-6.12-ARCH",
        description: "Amazon Linux 2023 AMI 2023.12.DATE.0 ARCH Minimal HVM kernel-6.12",
        dates: &["20260907", "20261019"],
        spelling: ["x86_64", "arm64"],
        root: "/dev/xvda",
        size: 2,
        volume_type: "gp3",
        deprecated_after: Some(90),
    },
    Line {
        owner: AMAZON,
        name: "amzn2-ami-hvm-2.0.DATE.0-ARCH-gp2",
        description: "Amazon Linux 2 AMI 2.0.DATE.0 ARCH HVM gp2",
        dates: &["20260302", "20260601"],
        spelling: ["x86_64", "arm64"],
        root: "/dev/xvda",
        size: 8,
        volume_type: "gp2",
        deprecated_after: None,
    },
    Line {
        owner: AMAZON,
        name: "amzn2-ami-kernel-5.10-hvm-2.0.DATE.0-ARCH-gp2",
        description: "Amazon Linux 2 Kernel 5.10 AMI 2.0.DATE.0 ARCH HVM gp2",
        dates: &["20260302", "20260601"],
        spelling: ["x86_64", "arm64"],
        root: "/dev/xvda",
        size: 8,
        volume_type: "gp2",
        deprecated_after: None,
    },
    Line {
        owner: AMAZON,
        name: "amzn2-ami-minimal-hvm-2.0.DATE.0-ARCH-ebs",
        description: "Amazon Linux 2 AMI 2.0.DATE.0 ARCH Minimal HVM ebs",
        dates: &["20260302", "20260601"],
        spelling: ["x86_64", "arm64"],
        root: "/dev/xvda",
        size: 2,
        volume_type: "standard",
        deprecated_after: None,
    },
    Line::ubuntu("ubuntu/images/hvm-ssd/ubuntu-focal-20.04-ARCH-server-DATE", "20.04 LTS", &["20250424", "20250603"]),
    Line::ubuntu("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-ARCH-server-DATE", "22.04 LTS", &["20260715", "20261008"]),
    Line::ubuntu("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-ARCH-server-DATE", "24.04 LTS", &["20260720", "20261012"]),
    Line::ubuntu("ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-ARCH-server-DATE", "26.04 LTS", &["20260423", "20261014"]),
    Line::debian("debian-11-ARCH-DATE-2518", &["20260511", "20260831"]),
    Line::debian("debian-12-ARCH-DATE-2621", &["20260706", "20261005"]),
    Line::debian("debian-13-ARCH-DATE-2623", &["20260713", "20261012"]),
    Line {
        owner: RED_HAT,
        name: "RHEL-9.6.0_HVM-DATE-ARCH-0-Hourly2-GP3",
        description: "Provided by Red Hat, Inc.",
        dates: &["20260616", "20260922"],
        spelling: ["x86_64", "arm64"],
        root: "/dev/sda1",
        size: 10,
        volume_type: "gp3",
        deprecated_after: None,
    },
    Line {
        owner: ROCKY,
        name: "Rocky-9-EC2-Base-9.6-DATE.0.ARCH",
        description: "Rocky-9-EC2-Base-9.6-DATE.0.ARCH",
        dates: &["20260531"],
        spelling: ["x86_64", "aarch64"],
        root: "/dev/sda1",
        size: 10,
        volume_type: "gp3",
        deprecated_after: None,
    },
];

impl Line {
    const fn ubuntu(name: &'static str, description: &'static str, dates: &'static [&'static str]) -> Self {
        Self {
            owner: CANONICAL,
            name,
            description,
            dates,
            spelling: ["amd64", "arm64"],
            root: "/dev/sda1",
            size: 8,
            volume_type: "gp3",
            deprecated_after: Some(730),
        }
    }

    const fn debian(name: &'static str, dates: &'static [&'static str]) -> Self {
        Self {
            owner: DEBIAN,
            name,
            description: "Debian",
            dates,
            spelling: ["amd64", "arm64"],
            root: "/dev/xvda",
            size: 8,
            volume_type: "gp3",
            deprecated_after: Some(730),
        }
    }

    fn image(&self, date: &str, architecture: usize, ids: &mut Ids) -> (ImageRecord, SnapshotRecord) {
        let spelled = |text: &str| text.replace("DATE", date).replace("ARCH", self.spelling[architecture]);
        let (id, snapshot) = (ImageId::with_hex(&ids.hex()), SnapshotId::with_hex(&ids.hex()));
        let root = ImageTarget::Ebs(EbsSpec {
            snapshot: Some(snapshot.clone()),
            size: self.size,
            volume_type: self.volume_type.to_owned(),
            delete_on_termination: true,
            iops: None,
            throughput: None,
            encrypted: false,
            kms_key_id: None,
        });
        let snapshot = SnapshotRecord {
            id: snapshot,
            owner: self.owner.to_owned(),
            description: String::new(),
            size: self.size,
            volume: None,
            during: (ids.opened, ids.opened),
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
            name: spelled(self.name),
            description: spelled(self.description),
            owner: self.owner.to_owned(),
            owner_alias: (self.owner == AMAZON).then(|| "amazon".to_owned()),
            creation_date: day(date, 0),
            deprecated_since: self.deprecated_after.map(|days| day(date, days)),
            state: ImageState::Available,
            until: None,
            progress: None,
            spoiled: None,
            state_reason: None,
            root_device_type: "ebs".to_owned(),
            root_device_name: self.root.to_owned(),
            virtualization_type: "hvm".to_owned(),
            architecture: ["x86_64", "arm64"][architecture].to_owned(),
            public: true,
            devices: vec![(self.root.to_owned(), root)],
            source_instance: None,
            copied_from: None,
            users: Vec::new(),
            organizations: Vec::new(),
            product_codes: Vec::new(),
            imds_support: self.name.starts_with("al2023").then(|| "v2.0".to_owned()),
            tags: Vec::new(),
        };
        (image, snapshot)
    }
}

/// `20261019` and days to add, as EC2 writes a date.
fn day(date: &str, days: i32) -> String {
    let part = |range: std::ops::Range<usize>| date.get(range).and_then(|text| text.parse().ok()).unwrap_or(1_i16);
    let day = jiff::civil::Date::new(part(0..4), part(4..6) as i8, part(6..8) as i8).unwrap_or(jiff::civil::Date::ZERO);
    let day = day.checked_add(jiff::Span::new().days(days)).unwrap_or(day);
    format!("{day}T05:12:09.000Z")
}

/// A region's public images with their snapshots.
pub(super) fn images(ids: &mut Ids) -> Vec<(ImageRecord, SnapshotRecord)> {
    let mut images = Vec::new();
    for line in LINES {
        for date in line.dates {
            for architecture in 0..line.spelling.len() {
                images.push(line.image(date, architecture, ids));
            }
        }
    }
    images
}

/// An image of which nothing is known, with its snapshot: today's usual one.
pub(super) fn stand_in(ids: &mut Ids, id: ImageId) -> (ImageRecord, SnapshotRecord) {
    let line = Line {
        owner: SOMEBODY,
        name: "",
        description: "",
        dates: &[],
        spelling: ["x86_64", "arm64"],
        root: "/dev/xvda",
        size: 8,
        volume_type: "gp3",
        deprecated_after: None,
    };
    let (image, snapshot) = line.image("20260101", 0, ids);
    (ImageRecord { name: format!("assumed {}", id.as_str()), id, ..image }, snapshot)
}
