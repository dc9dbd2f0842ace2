//! Keys of very old templates, which Packer knows only to say that they were renamed (reference section 5).

use super::Setting;
use crate::component::Kind;
use crate::finding::Finding;
use crate::json::Member;

/// Renamed for every component but the `file` builder and shell-local.
const EVERYWHERE: [&str; 9] = [
    "iso_md5",
    "ssh_key_path",
    "ssh_disable_agent",
    "ssh_host_port_min",
    "ssh_host_port_max",
    "ssh_skip_nat_mapping",
    "ssh_wait_timeout",
    "iso_checksum_url",
    "iso_checksum_type",
];

/// Renamed for amazon builders.
const AMAZON: [&str; 6] = [
    "shutdown_behaviour",
    "enhanced_networking",
    "ssh_private_ip",
    "temporary_security_group_source_cidr",
    "clean_ami_name",
    "spot_price_auto_product",
];

/// A finding for a key that `amibake fix` brings up to date; only keys at a component's top were ever renamed.
pub(super) fn explain(setting: &Setting<'_>, member: &Member, pointer: &str) -> Option<Finding> {
    let key = member.key.as_str();
    let type_name = setting.type_name;
    let exempt = (setting.kind == Kind::Builder && type_name == "file") || type_name == "shell-local";
    let amazon = setting.kind == Kind::Builder && type_name.starts_with("amazon-");
    let renamed = (!exempt && EVERYWHERE.contains(&key))
        || (amazon && AMAZON.contains(&key))
        || (setting.kind == Kind::PostProcessor && [("manifest", "filename"), ("docker-tag", "tag")].contains(&(type_name, key)));
    if !renamed || !pointer.is_empty() {
        return None;
    }
    let message = format!("the key `{key}` is no longer read: Packer replaced it");
    let help = crate::fix::hint(setting.kind, type_name, key);
    let help = help.unwrap_or_else(|| "`amibake fix` writes the template with today's keys".to_owned());
    Some(Finding::error("renamed-key", message, member.key_span).with_help(help))
}
