//! Where the source instance stands in the network, and who may reach it.

use amibake_template::component::{Check, Given, Trilean};
use schemars::JsonSchema;
use serde::Deserialize;

use super::filter::{ResourceFilter, SubnetFilter};
use super::given::given_list;

/// The keys about VPC, subnet and security groups.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct NetworkConfig {
    /// VPC of the source instance: `vpc-...`. Other than the default VPC it needs a subnet as well. Default: the subnet's, else the
    /// default VPC.
    pub vpc_id: Option<String>,
    /// Finds the VPC by its properties; exactly one must match. Ignored where `vpc_id` is set.
    pub vpc_filter: Option<ResourceFilter>,
    /// Subnet of the source instance: `subnet-...`. Default: EC2 takes one of the default VPC.
    pub subnet_id: Option<String>,
    /// Finds the subnet by its properties, among those of the VPC and of `availability_zone` where these are known. Ignored where
    /// `subnet_id` is set.
    pub subnet_filter: Option<SubnetFilter>,
    /// Availability zone of the source instance: `us-east-2a`. Default: EC2 takes one.
    pub availability_zone: Option<String>,
    /// Give the source instance a public address, or do not. Needs a subnet. Default: what the subnet says.
    #[serde(default)]
    pub associate_public_ip_address: Trilean,
    /// One existing security group for the source instance; it must let amibake in. Default: a temporary one.
    pub security_group_id: Option<String>,
    /// Existing security groups for the source instance; they must let amibake in.
    #[serde(default)]
    pub security_group_ids: Vec<String>,
    /// Finds existing security groups by their properties; all that match are used.
    pub security_group_filter: Option<ResourceFilter>,
    /// Who may reach the source instance through the temporary security group, as address ranges: `["203.0.113.7/32"]`.
    /// Default: `0.0.0.0/0`; `::/0` where `ssh_interface` is ipv6.
    #[serde(default)]
    pub temporary_security_group_source_cidrs: Vec<String>,
    /// Let only this machine's public address reach the source instance, as checkip.amazonaws.com tells it. No effect beside
    /// `temporary_security_group_source_cidrs`. Default: false. Since amazon plugin 1.1.4.
    #[serde(default)]
    pub temporary_security_group_source_public_ip: bool,
}

/// Which security groups the source instance has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// These.
    Ids(Vec<String>),
    /// Those that a filter finds.
    Filter,
    /// A temporary one, open to these address ranges.
    Temporary {
        /// Address ranges.
        cidrs: Vec<String>,
    },
    /// A temporary one, open to this machine's public address.
    OwnAddress,
}

impl NetworkConfig {
    /// Which security groups the source instance has. `ipv6`: amibake connects by IPv6.
    pub fn groups(&self, ipv6: bool) -> Groups {
        let mut ids = given_list(&self.security_group_ids);
        if let Some(id) = self.security_group_id.given() {
            ids = vec![id.to_owned()];
        }
        if !ids.is_empty() {
            return Groups::Ids(ids);
        }
        if self.security_group_filter.as_ref().is_some_and(|filter| !filter.filters().is_empty()) {
            return Groups::Filter;
        }
        let mut cidrs = given_list(&self.temporary_security_group_source_cidrs);
        if cidrs.is_empty() && self.temporary_security_group_source_public_ip {
            return Groups::OwnAddress;
        }
        if cidrs.is_empty() {
            cidrs.push(if ipv6 { "::/0" } else { "0.0.0.0/0" }.to_owned());
        }
        Groups::Temporary { cidrs }
    }

    /// Checks groups and address ranges.
    pub fn check(&self, check: &mut Check<'_>) {
        if self.security_group_id.is_given() && !given_list(&self.security_group_ids).is_empty() {
            check.error(
                "security_group_id",
                "exclude-each-other",
                "only one of `security_group_id` and `security_group_ids` can be given",
                Some("put the group into `security_group_ids`".to_owned()),
            );
        }
        if self.temporary_security_group_source_public_ip && !given_list(&self.temporary_security_group_source_cidrs).is_empty() {
            let key = "temporary_security_group_source_public_ip";
            let message = format!("`{key}` has no effect beside `temporary_security_group_source_cidrs`");
            check.warning(key, "no-effect", message, Some("remove one of them".to_owned()));
        }
        for (index, cidr) in self.temporary_security_group_source_cidrs.iter().enumerate() {
            if !cidr.trim().is_empty() && !is_cidr(cidr.trim()) {
                check.error(
                    &format!("temporary_security_group_source_cidrs/{index}"),
                    "cidr",
                    format!("`{cidr}` is not an address range"),
                    Some("write `203.0.113.0/24`, or `203.0.113.7/32` for one address".to_owned()),
                );
            }
        }
    }
}

/// Whether a text is an address range, IPv4 or IPv6.
fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    !bits.starts_with('+') && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(is_cidr(text), expected, "{text}");
    }

    #[test]
    fn address_ranges() {
        check("0.0.0.0/0", true);
        check("203.0.113.7/32", true);
        check("::/0", true);
        check("2001:db8::/64", true);
        check("203.0.113.7", false);
        check("203.0.113.7/33", false);
        check("203.0.113.7/+1", false);
        check("10.0.0/8", false);
        check("::/129", false);
    }

    #[test]
    fn a_single_group_is_a_list_of_one() {
        let config = NetworkConfig { security_group_id: Some("sg-1".to_owned()), ..NetworkConfig::default() };
        assert_eq!(config.groups(false), Groups::Ids(vec!["sg-1".to_owned()]));
    }

    #[test]
    fn without_groups_a_temporary_one_is_open_to_all() {
        assert_eq!(NetworkConfig::default().groups(false), Groups::Temporary { cidrs: vec!["0.0.0.0/0".to_owned()] });
        assert_eq!(NetworkConfig::default().groups(true), Groups::Temporary { cidrs: vec!["::/0".to_owned()] });
    }
}
