//! The fixers of Packer 1.6.6, in its order. Later ones see what earlier ones wrote: `iso-md5` feeds `iso-checksum-type-and-url`,
//! `virtualbox-rename` comes between those that look for the old name and those that look for the new one.

use super::own::{amazon, azure, docker, iso, names, powershell, qemu, vagrant, virtualbox, vmware, vsphere};
use super::rule::{Action, Becomes, Both, Fixer, Rename, Rule, Takes, Types};
use crate::component::Kind::{Builder, PostProcessor, Provisioner};
use Becomes::{Inside, Said};
use Both::{NewWins, NewWinsAlways, OldWins};
use Types::{All, Of, Starting};

const AMAZON: Types = Starting("amazon-");
const PARALLELS: Types = Of(&["parallels-iso", "parallels-pvm"]);
const HYPERV: Types = Of(&["hyperv-iso", "hyperv-vmcx"]);

pub(super) const FIXERS: &[Fixer] = &[
    Fixer {
        name: "iso-md5",
        summary: "Replaces \"iso_md5\" of builders by \"iso_checksum\"",
        rules: &[own(Builder, All, &[("iso_md5", Said("iso_checksum"))], iso::md5)],
    },
    Fixer {
        name: "createtime",
        summary: "Replaces {{.CreateTime}} in names of images by {{timestamp}}",
        rules: &[own(Builder, All, &[], names::create_time)],
    },
    Fixer {
        name: "virtualbox-gaattach",
        summary: "Replaces \"guest_additions_attach\" of VirtualBox builders by \"guest_additions_mode\"",
        rules: &[own(
            Builder,
            Of(&["virtualbox"]),
            &[("guest_additions_attach", Said("guest_additions_mode"))],
            virtualbox::guest_additions,
        )],
    },
    Fixer {
        name: "pp-vagrant-override",
        summary: "Moves what the vagrant post-processor does for one provider into \"override\"",
        rules: &[own(
            PostProcessor,
            Of(&["vagrant"]),
            &[
                ("aws", Inside("override")),
                ("digitalocean", Inside("override")),
                ("virtualbox", Inside("override")),
                ("vmware", Inside("override")),
            ],
            vagrant::overrides,
        )],
    },
    Fixer {
        name: "virtualbox-rename",
        summary: "Renames the builder \"virtualbox\" to \"virtualbox-iso\"",
        rules: &[retype(&["virtualbox"], "virtualbox-iso"), own(Provisioner, All, &[], virtualbox::overrides)],
    },
    Fixer {
        name: "vmware-rename",
        summary: "Renames the builder \"vmware\" to \"vmware-iso\"",
        rules: &[retype(&["vmware"], "vmware-iso")],
    },
    Fixer { name: "parallels-headless", summary: "Removes \"headless\" from Parallels builders", rules: &[remove(PARALLELS, "headless")] },
    Fixer {
        name: "parallels-deprecations",
        summary: "Removes \"parallels_tools_host_path\" from Parallels builders and renames \"guest_os_distribution\" to \"guest_os_type\"",
        rules: &[
            remove(PARALLELS, "parallels_tools_host_path"),
            rename(Builder, PARALLELS, "guest_os_distribution", "guest_os_type", Takes::Any, OldWins),
        ],
    },
    Fixer {
        name: "sshkeypath",
        summary: "Renames \"ssh_key_path\" of builders to \"ssh_private_key_file\"",
        rules: &[rename(Builder, All, "ssh_key_path", "ssh_private_key_file", Takes::String, NewWins)],
    },
    Fixer {
        name: "sshdisableagent",
        summary: "Renames \"ssh_disable_agent\" of builders to \"ssh_disable_agent_forwarding\"",
        rules: &[rename(Builder, All, "ssh_disable_agent", "ssh_disable_agent_forwarding", Takes::Bool, NewWins)],
    },
    Fixer {
        name: "scaleway-access-key",
        summary: "Renames \"access_key\" of scaleway builders to \"organization_id\"",
        rules: &[rename(Builder, Of(&["scaleway"]), "access_key", "organization_id", Takes::String, NewWins)],
    },
    Fixer {
        name: "manifest-filename",
        summary: "Renames \"filename\" of the manifest post-processor to \"output\"",
        rules: &[rename(PostProcessor, Of(&["manifest"]), "filename", "output", Takes::String, OldWins)],
    },
    Fixer {
        name: "amazon-shutdown_behavior",
        summary: "Renames \"shutdown_behaviour\" of Amazon builders to \"shutdown_behavior\"",
        rules: &[rename(Builder, AMAZON, "shutdown_behaviour", "shutdown_behavior", Takes::Any, OldWins)],
    },
    Fixer {
        name: "amazon-enhanced-networking",
        summary: "Renames \"enhanced_networking\" of Amazon builders to \"ena_support\"",
        rules: &[rename(Builder, AMAZON, "enhanced_networking", "ena_support", Takes::Bool, OldWins)],
    },
    Fixer {
        name: "amazon-private-ip",
        summary: "Replaces \"ssh_private_ip\": true of Amazon builders by \"ssh_interface\": \"private_ip\"",
        rules: &[own(Builder, AMAZON, &[("ssh_private_ip", Said("ssh_interface"))], amazon::private_ip)],
    },
    Fixer {
        name: "amazon-temp-sec-cidrs",
        summary: "Replaces \"temporary_security_group_source_cidr\" of Amazon builders by the list \"temporary_security_group_source_cidrs\"",
        rules: &[own(
            Builder,
            AMAZON,
            &[("temporary_security_group_source_cidr", Said("temporary_security_group_source_cidrs"))],
            amazon::source_cidrs,
        )],
    },
    Fixer {
        name: "docker-email",
        summary: "Removes \"login_email\" from builders and post-processors",
        rules: &[
            rule(Builder, All, Action::RemoveBesidePostProcessors("login_email")),
            rule(PostProcessor, All, Action::Remove("login_email")),
        ],
    },
    Fixer {
        name: "docker-tag-tags",
        summary: "Replaces \"tag\" of the docker-tag post-processor by the list \"tags\"",
        rules: &[own(PostProcessor, Of(&["docker-tag"]), &[("tag", Said("tags"))], docker::tags)],
    },
    Fixer {
        name: "powershell-escapes",
        summary: "Removes PowerShell's escapes from environment variables, elevated user and password",
        rules: &[own(Provisioner, Of(&["powershell"]), &[], powershell::escapes)],
    },
    Fixer {
        name: "vmware-compaction",
        summary: "Adds \"skip_compaction\": true to vmware-iso builders on ESXi whose disk type cannot be compacted",
        rules: &[own(Builder, Of(&["vmware-iso"]), &[], vmware::compaction)],
    },
    Fixer {
        name: "hyperv-deprecations",
        summary: "Removes \"vhd_temp_path\" from hyperv-iso builders",
        rules: &[remove(Of(&["hyperv-iso"]), "vhd_temp_path")],
    },
    Fixer {
        name: "hyperv-vmxc-typo",
        summary: "Renames \"clone_from_vmxc_path\" of hyperv-vmcx builders to \"clone_from_vmcx_path\"",
        rules: &[rename(Builder, Of(&["hyperv-vmcx"]), "clone_from_vmxc_path", "clone_from_vmcx_path", Takes::Any, OldWins)],
    },
    Fixer {
        name: "hyperv-cpu-and-ram",
        summary: "Renames \"cpu\" of Hyper-V builders to \"cpus\" and \"ram_size\" to \"memory\"",
        rules: &[
            rename(Builder, HYPERV, "cpu", "cpus", Takes::Any, OldWins),
            rename(Builder, HYPERV, "ram_size", "memory", Takes::Any, OldWins),
        ],
    },
    Fixer {
        name: "clean-image-name",
        summary: "Replaces clean_image_name and clean_ami_name in texts of builders by clean_resource_name",
        rules: &[own(Builder, All, &[], names::clean_name)],
    },
    Fixer {
        name: "spot-price-auto-product",
        summary: "Removes \"spot_price_auto_product\" from Amazon builders",
        rules: &[remove(Of(&["amazon-ebs", "amazon-ebssurrogate", "amazon-ebsvolume", "amazon-instance"]), "spot_price_auto_product")],
    },
    Fixer {
        name: "qemu-disk-size",
        summary: "Replaces the number \"disk_size\" of qemu builders by a text with unit",
        rules: &[own(Builder, Of(&["qemu"]), &[], qemu::disk_size)],
    },
    Fixer {
        name: "galaxy-command",
        summary: "Renames \"galaxycommand\" of the ansible-local provisioner to \"galaxy_command\"",
        rules: &[rename(Provisioner, Of(&["ansible-local"]), "galaxycommand", "galaxy_command", Takes::String, NewWinsAlways)],
    },
    Fixer {
        name: "comm-config",
        summary: "Renames \"ssh_host_port_min\", \"ssh_host_port_max\" and \"ssh_skip_nat_mapping\" of VirtualBox builders to the same without \"ssh_\"",
        rules: &[
            rename(Builder, Starting("virtualbox"), "ssh_host_port_min", "host_port_min", Takes::Any, NewWinsAlways),
            rename(Builder, Starting("virtualbox"), "ssh_host_port_max", "host_port_max", Takes::Any, NewWinsAlways),
            rename(Builder, Starting("virtualbox"), "ssh_skip_nat_mapping", "skip_nat_mapping", Takes::Bool, NewWinsAlways),
        ],
    },
    Fixer {
        name: "ssh-wait-timeout",
        summary: "Renames \"ssh_wait_timeout\" of builders to \"ssh_timeout\"",
        rules: &[rename(Builder, All, "ssh_wait_timeout", "ssh_timeout", Takes::String, NewWinsAlways)],
    },
    Fixer {
        name: "vsphere-iso-net-disk",
        summary: "Moves network and disk of vsphere-iso builders into \"network_adapters\" and \"storage\"",
        rules: &[own(
            Builder,
            Of(&["vsphere-iso"]),
            &[
                ("network", Inside("network_adapters")),
                ("networkCard", Inside("network_adapters")),
                ("network_card", Inside("network_adapters")),
                ("disk_size", Inside("storage")),
                ("disk_thin_provisioned", Inside("storage")),
                ("disk_eagerly_scrub", Inside("storage")),
            ],
            vsphere::network_and_disk,
        )],
    },
    Fixer {
        name: "iso-checksum-type-and-url",
        summary: "Puts \"iso_checksum_url\" or \"iso_checksum_type\" of builders into \"iso_checksum\"",
        rules: &[own(
            Builder,
            All,
            &[("iso_checksum_url", Inside("iso_checksum")), ("iso_checksum_type", Inside("iso_checksum"))],
            iso::checksum,
        )],
    },
    Fixer {
        name: "qemu-host-port",
        summary: "Renames \"ssh_host_port_min\" and \"ssh_host_port_max\" of qemu builders to the same without \"ssh_\"",
        rules: &[
            rename(Builder, Of(&["qemu"]), "ssh_host_port_min", "host_port_min", Takes::Any, OldWins),
            rename(Builder, Of(&["qemu"]), "ssh_host_port_max", "host_port_max", Takes::Any, OldWins),
        ],
    },
    Fixer {
        name: "azure-exclude_from_latest",
        summary: "Renames \"exlude_from_latest\" of azure-chroot builders to \"exclude_from_latest\"",
        rules: &[own(Builder, Starting("azure-chroot"), &[], azure::exclude_from_latest)],
    },
    Fixer {
        name: "proxmox-type",
        summary: "Renames the builder \"proxmox\" to \"proxmox-iso\"",
        rules: &[retype(&["proxmox"], "proxmox-iso")],
    },
];

const fn rule(kind: crate::component::Kind, types: Types, action: Action) -> Rule {
    Rule { kind, types, action }
}

const fn rename(kind: crate::component::Kind, types: Types, from: &'static str, to: &'static str, takes: Takes, both: Both) -> Rule {
    rule(kind, types, Action::Rename(Rename { from, to, takes, both }))
}

const fn remove(types: Types, key: &'static str) -> Rule {
    rule(Builder, types, Action::Remove(key))
}

const fn retype(types: &'static [&'static str], to: &'static str) -> Rule {
    rule(Builder, Of(types), Action::Retype(to))
}

const fn own(kind: crate::component::Kind, types: Types, keys: &'static [(&'static str, Becomes)], run: super::rule::Run) -> Rule {
    rule(kind, types, Action::Own { keys, run })
}
