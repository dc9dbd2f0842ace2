//! Network features of the source instance, which its image takes over.

use amibake_ec2::features::NetworkFeature;
use amibake_template::component::{Check, Trilean};
use schemars::JsonSchema;
use serde::Deserialize;

/// The keys about network features.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct EnhancedNetworking {
    /// Switch enhanced networking (ENA) on or off on the stopped source instance, so that the image has it. Only for HVM images; not for
    /// spot instances (`amazon-ebssurrogate` takes it for the image alone then). Default: as the source image has it.
    #[serde(default)]
    pub ena_support: Trilean,
    /// Switch enhanced networking by the older Intel 82599 interface (SR-IOV) on. Only for HVM images; not for spot instances.
    /// Default: false.
    #[serde(default)]
    pub sriov_support: bool,
}

impl EnhancedNetworking {
    /// What is to be set, in Packer's order.
    pub fn features(&self) -> Vec<NetworkFeature> {
        let sriov = self.sriov_support.then_some(NetworkFeature::Sriov);
        sriov.into_iter().chain(self.ena_support.0.map(NetworkFeature::Ena)).collect()
    }

    /// Whether something is switched on that only HVM images can do.
    pub fn needs_hvm(&self) -> bool {
        self.ena_support.is_true() || self.sriov_support
    }

    /// A spot instance cannot be stopped and changed. (Packer refuses what switches something on, and lets `"ena_support": false` fail when
    /// provisioning is done.)
    pub fn check(&self, check: &mut Check<'_>, spot: bool) {
        if !spot || self.features().is_empty() {
            return;
        }
        let key = if self.sriov_support { "sriov_support" } else { "ena_support" };
        check.error(
            key,
            "enhanced-networking-spot",
            "Spot instances do not support modification, which is required when either `ena_support` or `sriov_support` are set",
            Some("start from an image that has SR-IOV or ENA already, and remove the key".to_owned()),
        );
    }
}
