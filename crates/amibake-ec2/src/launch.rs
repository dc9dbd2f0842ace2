//! What a launch may ask for beyond the usual: reserved capacity, a host, enclaves, licences; and launches by launch template and fleet.

use crate::id::{InstanceId, SubnetId};
use crate::model::{RunInstances, Tag};

/// What few launches ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaunchOptions {
    /// Reserved capacity; None leaves it to EC2, which takes an open reservation that fits.
    pub capacity: Option<Capacity>,
    /// Dedicated host: `h-…`.
    pub host_id: Option<String>,
    /// Group of dedicated hosts.
    pub host_resource_group_arn: Option<String>,
    /// Nitro Enclaves.
    pub enclave: bool,
    /// License Manager configurations, by ARN.
    pub licenses: Vec<String>,
}

/// Which reserved capacity a launch may use. EC2 takes a preference or a target, never both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capacity {
    /// `open`, `none`.
    Preference(String),
    /// This reservation: `cr-…`.
    Reservation(String),
    /// A reservation of this resource group.
    Group(String),
}

/// A launch template to make: one version, for spot instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateLaunchTemplate {
    /// Idempotency token.
    pub client_token: String,
    /// Name, unique in region and account.
    pub name: String,
    /// Description of its version.
    pub description: String,
    /// The launch. Its own token and shutdown behaviour are not part of a template; an empty instance type is left to the fleet.
    pub launch: RunInstances,
    /// Highest price, dollars an hour; None: up to the on-demand price.
    pub max_price: Option<String>,
    /// Tags of the template itself.
    pub tags: Vec<Tag>,
}

/// A fleet (`instant`) that launches one spot instance by a launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFleet {
    /// Idempotency token.
    pub client_token: String,
    /// The launch template's name.
    pub template: String,
    /// Where and as what the instance may be launched; empty: as the template says.
    pub overrides: Vec<Override>,
    /// `lowest-price`, `diversified`, `capacity-optimized`, ...; None is EC2's default.
    pub allocation_strategy: Option<String>,
    /// Tags of the fleet.
    pub tags: Vec<Tag>,
}

/// One of the ways in which a fleet may launch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Override {
    /// Instead of the template's type.
    pub instance_type: Option<String>,
    /// Subnet.
    pub subnet: Option<SubnetId>,
}

/// What an instant fleet came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fleet {
    /// `fleet-…`.
    pub id: String,
    /// What it launched.
    pub instances: Vec<InstanceId>,
    /// Why it launched nothing, or did so elsewhere than at first: one for each way that was tried.
    pub errors: Vec<FleetError>,
}

/// Why a fleet could not launch in one of its ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetError {
    /// EC2's code: `InsufficientInstanceCapacity`.
    pub code: String,
    /// EC2's message.
    pub message: String,
    /// As what: `t3.micro`.
    pub instance_type: Option<String>,
}
