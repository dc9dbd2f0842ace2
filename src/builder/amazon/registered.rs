//! What only an image that is registered of snapshots can be told: one made of an instance has what the instance has.

use amibake_ec2::model::RegisterImage;
use amibake_template::component::{Check, Given};
use schemars::JsonSchema;
use serde::Deserialize;

use super::run::one_of;

/// The keys about a registered image.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct RegisteredConfig {
    /// Architecture of the image. Default: x86_64.
    #[schemars(extend("x-amibake-choices" = ["arm64", "arm64_mac", "i386", "x86_64", "x86_64_mac"]))]
    pub ami_architecture: Option<String>,
    /// How instances of the image boot. Default: EC2's for the architecture. Since amazon plugin 1.0.5.
    #[schemars(extend("x-amibake-choices" = ["legacy-bios", "uefi", "uefi-preferred"]))]
    pub boot_mode: Option<String>,
    /// UEFI variable store of the image, Base64. Needs `boot_mode` uefi, except on arm64. Since amazon plugin 1.1.6.
    pub uefi_data: Option<String>,
    /// `v2.0` gives instances of the image a NitroTPM. Since amazon plugin 1.2.6.
    #[schemars(extend("x-amibake-choices" = ["v2.0"]))]
    pub tpm_support: Option<String>,
}

impl RegisteredConfig {
    /// The image's architecture.
    pub fn architecture(&self) -> &str {
        self.ami_architecture.given().unwrap_or("x86_64")
    }

    /// Adds what the template says to a request.
    pub fn register(&self, request: RegisterImage) -> RegisterImage {
        let text = |value: &Option<String>| value.given().map(str::to_owned);
        RegisterImage {
            boot_mode: text(&self.boot_mode),
            uefi_data: text(&self.uefi_data),
            tpm_support: text(&self.tpm_support),
            ..request
        }
    }

    /// Checks the values, and UEFI data against the boot mode.
    pub fn check(&self, check: &mut Check<'_>) {
        let known = ["arm64", "arm64_mac", "i386", "x86_64", "x86_64_mac"];
        one_of(check, "ami_architecture", self.ami_architecture.given(), &known);
        one_of(check, "tpm_support", self.tpm_support.given(), &["v2.0"]);
        one_of(check, "boot_mode", self.boot_mode.given(), &["uefi", "legacy-bios", "uefi-preferred"]);
        if self.uefi_data.is_given() {
            self.check_uefi(check);
        }
    }

    fn check_uefi(&self, check: &mut Check<'_>) {
        let architecture = self.architecture();
        let why = match self.boot_mode.given() {
            Some("legacy-bios") => "not `legacy-bios`".to_owned(),
            None if !architecture.starts_with("arm64") => format!("and {architecture} boots by `legacy-bios` unless told otherwise"),
            _ => return,
        };
        check.error("uefi_data", "uefi-boot-mode", format!("`uefi_data` needs `boot_mode` uefi, {why}"), None);
    }
}
