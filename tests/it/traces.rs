//! What Packer 1.6.6 did with a template on an EC2 mock, amibake must do on the lab: the same calls that change something, the same exit
//! status, the same words. A recording that differs has a file beside it that says why (`differences`); the test fails where a
//! difference is not listed, and where a listed one is gone.
//!
//! - `trace`: a recording; `account`: what existed before it, and what was made to go wrong, on the lab;
//! - `replay`: the run, by plan and scheduler as in the program; `guest`: what the scripts run on;
//! - `effects`, `words`: the form in which both sides compare.

mod account;
mod differences;
mod effects;
mod guest;
pub mod replay;
pub mod trace;
mod words;

use std::collections::BTreeSet;

use differences::Differences;
use trace::Trace;

/// Why a trace is not replayed.
enum Why {
    /// The template is refused: amibake does not act on this key yet.
    NotYet(&'static str),
    /// The lab stands in for EC2, not for what this trace is about.
    NotOnLab(&'static str),
}

/// Names of traces, separated by blanks, and why they are not replayed.
const LEFT_OUT: &[(Why, &str)] = &[
    (Why::NotYet("winrm"), "ebs-winrm ebs-winrm-password ebs-winrm-windows"),
    (
        Why::NotOnLab("the lab asks nobody for credentials: finding them is what crates/amibake-aws does"),
        "assume-role-fails credentials-config-region credentials-none credentials-profile-missing",
    ),
    (Why::NotOnLab("the mock has no ImportImage, the lab has"), "import-unsupported-by-moto"),
    (Why::NotOnLab("the lab has the regions of the partition `aws` only"), "aws-endpoints-china aws-endpoints-govcloud"),
];

/// All traces that were recorded.
const INDEX: &str = include_str!("traces/index.txt");

#[test]
fn every_trace_is_replayed_or_left_out_for_a_reason() {
    let left_out = LEFT_OUT.iter().flat_map(|(_, names)| names.split_whitespace().map(str::to_owned));
    let mut named: Vec<String> = REPLAYED.iter().map(|name| name.replace('_', "-")).chain(left_out).collect();
    named.sort();
    let mut index: Vec<_> = INDEX.lines().collect();
    index.sort_unstable();
    assert_eq!(named, index);
}

#[test]
fn recordings_are_those_that_are_used() {
    let needed = LEFT_OUT.iter().filter(|(why, _)| matches!(why, Why::NotYet(_))).flat_map(|(_, names)| names.split_whitespace());
    let needed: BTreeSet<String> = REPLAYED.iter().map(|name| name.replace('_', "-")).chain(needed.map(str::to_owned)).collect();
    let files = std::fs::read_dir(trace::recorded()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let (recordings, others): (BTreeSet<_>, BTreeSet<_>) = files.partition(|file| file.ends_with(".json"));
    assert_eq!(recordings, needed.iter().map(|name| format!("{name}.json")).collect());
    for file in others {
        let name = file.strip_suffix(".differs").unwrap_or_else(|| panic!("{file}: not a recording, nor what differs from one"));
        assert!(needed.contains(name), "{file}: there is no such recording");
    }
}

#[test]
fn what_is_left_out_does_not_work_yet() {
    for (why, names) in LEFT_OUT {
        match why {
            Why::NotYet(key) => names.split_whitespace().for_each(|name| refused(name, key)),
            Why::NotOnLab(reason) => assert!(!reason.is_empty()),
        }
    }
}

/// A template is refused because of a key that amibake knows and does not act on.
#[track_caller]
fn refused(name: &str, key: &str) {
    let mistakes = replay::mistakes(&Trace::read(name));
    assert!(mistakes.iter().any(|(code, message)| *code == "not-supported-yet" && message.contains(key)), "{name}: {mistakes:?}");
}

/// Whether a trace of this name is replayed.
pub fn is_replayed(name: &str) -> bool {
    REPLAYED.iter().any(|replayed| replayed.replace('_', "-") == name)
}

/// The template of a trace.
pub fn template(name: &str) -> serde_json::Value {
    Trace::read(name).template
}

/// Builds what a trace builds, and compares.
async fn compare(name: &str) {
    let trace = Trace::read(name);
    let ours = replay::replay(&trace).await;
    Differences::between(&replay::recorded(&trace), &ours).check(name);
}

macro_rules! replayed {
    ($($name:ident)*) => {
        /// Traces that are replayed.
        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                compare(&stringify!($name).replace('_', "-")).await;
            }
        )*
    };
}

replayed! {
    assume_role
    aws_endpoints
    chroot_encrypt_regions
    chroot_from_scratch
    chroot_not_on_ec2
    chroot_options
    chroot_register_fails
    chroot_simple
    chroot_validate_errors
    chroot_validate_errors_2
    credentials_no_region
    credentials_profile
    credentials_profile_with_env
    credentials_shared_file
    credentials_template
    decode_authorization
    ebs_ami_name_functions
    ebs_ami_regions
    ebs_ami_regions_kms
    ebs_block_device_invalid
    ebs_block_device_orphans
    ebs_block_devices
    ebs_block_devices_io1
    ebs_clear_authorized_keys
    ebs_communicator_none
    ebs_copy_fails
    ebs_create_image_fails
    ebs_create_image_retry
    ebs_create_keypair_retry
    ebs_create_tags_retry
    ebs_debug
    ebs_delete_keypair_fails
    ebs_delete_sg_fails
    ebs_delete_sg_retry
    ebs_describe_instances_race
    ebs_disable_stop_instance
    ebs_ena_false
    ebs_ena_pv_source
    ebs_ena_sriov
    ebs_encrypt_boot
    ebs_encrypt_boot_false_regions
    ebs_encrypt_boot_kms
    ebs_filters_network
    ebs_force_delete_snapshot
    ebs_force_delete_snapshot_alone
    ebs_force_deregister
    ebs_force_flag
    ebs_generated_data
    ebs_generated_data_unknown
    ebs_iam_instance_profile
    ebs_iam_instance_profile_missing
    ebs_iam_profile_propagation
    ebs_image_failed
    ebs_image_pending
    ebs_image_timeout
    ebs_instance_pending
    ebs_instance_terminated_on_launch
    ebs_key_case
    ebs_late_vars_in_ami_name
    ebs_manifest
    ebs_name_conflict
    ebs_no_ephemeral
    ebs_on_error_ask
    ebs_poll_config_wins
    ebs_poll_defaults
    ebs_poll_timeout_env
    ebs_private_key_file_only
    ebs_provisioner_fails
    ebs_provisioner_fails_abort
    ebs_provisioner_fails_cleanup_provisioner
    ebs_public_ip_without_subnet
    ebs_region_invalid
    ebs_run_instances_no_default_vpc
    ebs_run_instances_unauthorized
    ebs_run_options
    ebs_run_tags_no_name
    ebs_security_group_filter_nomatch
    ebs_security_group_id
    ebs_security_group_ids
    ebs_security_group_unknown
    ebs_session_manager
    ebs_session_manager_port_in_use
    ebs_sharing
    ebs_sharing_regions
    ebs_sigint_image_wait
    ebs_sigint_provisioning
    ebs_sigint_ssh_wait
    ebs_sigint_twice
    ebs_simple_source_ami
    ebs_skip_create_ami
    ebs_skip_profile_validation
    ebs_skip_region_validation
    ebs_skip_save_build_region
    ebs_snapshot_tags_only
    ebs_source_ami_and_filter
    ebs_source_ami_filter
    ebs_source_ami_filter_ambiguous
    ebs_source_ami_filter_nomatch
    ebs_spot_auto
    ebs_spot_price_types
    ebs_spot_subnet
    ebs_spot_tags
    ebs_spot_zero
    ebs_ssh_interface_bad
    ebs_ssh_interface_default
    ebs_ssh_interface_private_dns
    ebs_ssh_interface_private_ip
    ebs_ssh_interface_public_dns
    ebs_ssh_interface_public_ip
    ebs_ssh_keypair_name
    ebs_ssh_password
    ebs_stop_fails
    ebs_stop_retry
    ebs_subnet_filter_ambiguous
    ebs_subnet_filter_nomatch
    ebs_subnet_only
    ebs_tags
    ebs_tags_bad_template
    ebs_temporary_iam_profile
    ebs_temporary_key_pair_name
    ebs_temporary_sg_cidrs
    ebs_terminate_fails
    ebs_throttled
    ebs_two_builders
    ebs_unknown_keys
    ebs_user_data
    ebs_user_data_accidental_base64
    ebs_user_data_base64
    ebs_user_data_file
    ebs_validate_errors_empty
    ebs_validate_errors_many
    ebs_vpc_filter_nomatch
    ebs_vpc_subnet
    ebs_vpc_subnet_az
    ebs_vpc_subnet_no_public_ip
    ebs_vpc_unknown
    ebs_vpc_without_subnet
    ebs_wrong_root_device
    ebsvolume_ena
    ebsvolume_run_volume_tags
    ebsvolume_simple
    import_full
    import_minimal
    import_no_file
    import_validate_errors
    instance_defaults
    instance_simple
    instance_upload_fails
    instance_validate_errors
    surrogate_encrypt_regions
    surrogate_register_fails
    surrogate_spot
    surrogate_simple
    surrogate_two_volumes_omit
    surrogate_validate_errors
}
