//! How a lab is set up.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::features::WindowsPassword;
use super::machines::Machines;
use crate::id::Region;

/// How long things take. All on tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// One call, there and back.
    pub round_trip: Duration,
    /// `pending` to `running`.
    pub running: Duration,
    /// `stopping` to `stopped`.
    pub stop: Duration,
    /// `shutting-down` to `terminated`.
    pub terminate: Duration,
    /// CreateImage to `available`.
    pub image: Duration,
    /// CopyImage to `available`.
    pub copy: Duration,
    /// AddRoleToInstanceProfile until EC2 takes the profile.
    pub profile: Duration,
    /// ImportImage to `completed`.
    pub import: Duration,
    /// Launch until SSH answers. The lab only keeps it, for what stands behind its instances.
    pub ssh: Duration,
}

impl Times {
    /// What a small Linux instance takes on AWS.
    pub const fn real() -> Self {
        Self {
            round_trip: Duration::from_millis(30),
            running: Duration::from_secs(6),
            stop: Duration::from_secs(11),
            terminate: Duration::from_secs(9),
            image: Duration::from_secs(47),
            copy: Duration::from_secs(60),
            profile: Duration::from_secs(8),
            import: Duration::from_secs(20 * 60),
            ssh: Duration::from_secs(17),
        }
    }

    /// The same states, seconds apart.
    pub const fn fast() -> Self {
        Self {
            round_trip: Duration::from_millis(5),
            running: Duration::from_secs(1),
            stop: Duration::from_millis(1500),
            terminate: Duration::from_secs(1),
            image: Duration::from_secs(4),
            copy: Duration::from_secs(4),
            profile: Duration::from_millis(700),
            import: Duration::from_secs(6),
            ssh: Duration::from_millis(2500),
        }
    }

    /// Each state is over by the next call.
    pub const fn instant() -> Self {
        Self {
            round_trip: Duration::ZERO,
            running: Duration::ZERO,
            stop: Duration::ZERO,
            terminate: Duration::ZERO,
            image: Duration::ZERO,
            copy: Duration::ZERO,
            profile: Duration::ZERO,
            import: Duration::ZERO,
            ssh: Duration::ZERO,
        }
    }
}

/// How a lab is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long things take.
    pub times: Times,
    /// Answer `RequestLimitExceeded` past EC2's request token buckets.
    pub limits: bool,
    /// Whether each region has a default VPC.
    pub default_vpc: bool,
    /// The region of a build whose template names none; None: such a build is refused as it is on AWS.
    pub default_region: Option<Region>,
    /// Names of the instance profiles that exist.
    pub instance_profiles: BTreeSet<String>,
    /// Instance types and availability zones that have no capacity left.
    pub no_capacity: BTreeSet<String>,
    /// This machine's address as AWS sees it; None: it cannot be asked.
    pub own_address: Option<IpAddr>,
    /// Names of the S3 buckets that exist.
    pub buckets: BTreeSet<String>,
    /// Our account.
    pub account: String,
    /// What the lab's calendar says when it opens, RFC 3339. Image dates come from it.
    pub opened_at: jiff::Timestamp,
    /// Where the ids of this lab begin: labs with the same seed that are asked the same hand out the same ids.
    pub seed: u64,
    /// What runs behind the instances; None: nothing, they are only records.
    pub machines: Option<Arc<dyn Machines>>,
    /// What Windows instances set as their password; None: they never do.
    pub windows_password: Option<WindowsPassword>,
    /// Whether what a request names of our account is taken to exist ([`super::Assumption`]). A lab without it refuses as EC2 does.
    pub assume: bool,
}

impl Options {
    /// Default VPCs, no request limits, these times.
    pub fn new(times: Times) -> Self {
        Self {
            times,
            limits: false,
            default_vpc: true,
            default_region: None,
            instance_profiles: BTreeSet::new(),
            no_capacity: BTreeSet::new(),
            // An address that nobody has (RFC 5737).
            own_address: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7))),
            buckets: BTreeSet::new(),
            account: "123456789012".to_owned(),
            // 2026-11-02T08:00:00Z: after every image of the catalogue. A number, because tests must not see the real date.
            opened_at: jiff::Timestamp::constant(1_793_606_400, 0),
            seed: 0,
            machines: None,
            windows_password: None,
            assume: false,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new(Times::instant())
    }
}
