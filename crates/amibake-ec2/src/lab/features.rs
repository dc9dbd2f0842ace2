//! What images and instances can be given besides the usual: deprecation, protection, fast launch, network features, passwords.
//!
//! Codes and messages are EC2's where they are public; those marked as ours are a guess.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::time::Instant;

use super::calls::Parameters;
use super::record::{ImageRecord, InstanceRecord};
use super::refusal::{Answer, bad_value, refuse};
use super::service::{Lab, LabRegion};
use super::world::Place;
use crate::Result;
use crate::features::{FastLaunch, FastLaunchState, ImageFeatures, InstanceFeatures, LaunchTemplate, LaunchTemplateRef, NetworkFeature};
use crate::id::{ImageId, InstanceId};
use crate::model::{ImageState, InstanceState};

/// How long EC2 knows that a protection with cooldown was switched off before it lets the image go.
const COOLDOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// What was switched on for an image.
#[derive(Debug, Clone, Default)]
pub struct Features {
    /// Against deregistration.
    pub protection: Protection,
    /// Fast launch, as it was asked for, and when its change is over.
    pub fast_launch: Option<(FastLaunch, Instant)>,
    /// Why fast launch fails, where it was made to.
    pub fast_launch_fails: Option<&'static str>,
    /// What its instances' network cards can do: as that of the instance that it was made of.
    pub network: NetworkFeatures,
}

/// Protection of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protection {
    /// It can be deregistered.
    #[default]
    None,
    /// On; with cooldown or without.
    On {
        /// Whether it lasts a day after it was switched off.
        with_cooldown: bool,
    },
    /// Switched off, and in its cooldown until then.
    CoolingDown(Instant),
}

/// Network features of an instance or image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkFeatures {
    /// ENA, where it was set.
    pub ena: Option<bool>,
    /// `simple`.
    pub sriov: bool,
}

/// The password that Windows instances of the lab set.
#[derive(Debug, Clone)]
pub struct WindowsPassword {
    /// The private half of every RSA key pair that the lab makes, PEM.
    pub private_key: SecretString,
    /// The password, encrypted with its public half, base64.
    pub encrypted: String,
    /// How long after the launch Windows has set it.
    pub after: Duration,
}

impl Lab {
    /// Adds a launch template; its id. A region that does not exist gets none.
    pub fn add_launch_template(&self, region: &str, name: &str, latest_version: i64) -> String {
        let region = crate::id::Region::new(region);
        let mut inner = self.lock();
        let Ok(place) = inner.world().place(&region, Instant::now(), None) else { return String::new() };
        let id = format!("lt-{}", place.ids.hex());
        place.state.spot.prepare(LaunchTemplate { id: id.clone(), name: name.to_owned(), latest_version });
        id
    }
}

impl Features {
    /// Those of an image that is made of an instance.
    pub(super) fn of(instance: &InstanceRecord) -> Self {
        Self { network: instance.network, ..Self::default() }
    }
}

impl Place<'_> {
    /// Before DeregisterImage.
    pub(super) fn check_unprotected(&mut self, id: &ImageId) -> Answer<()> {
        let now = self.now;
        match self.own_image(id)?.features.protection {
            Protection::None => Ok(()),
            Protection::CoolingDown(until) if until <= now => Ok(()),
            // Code and message are ours: EC2's are not public.
            Protection::On { .. } | Protection::CoolingDown(_) => {
                refuse("OperationNotPermitted", format!("The image '{id}' is protected against deregistration."))
            }
        }
    }

    fn available_image(&mut self, id: &ImageId) -> Answer<&mut ImageRecord> {
        match self.own_image(id)? {
            image if image.state == ImageState::Available => Ok(image),
            _ => refuse("InvalidAMIID.Unavailable", format!("The image ID '{id}' is not available")),
        }
    }

    fn deprecate(&mut self, id: &ImageId, at: &str) -> Answer<()> {
        let today = self.date();
        let image = self.available_image(id)?;
        let Ok(time) = at.parse::<jiff::Timestamp>() else {
            return bad_value(format!("Value ({at}) for parameter DeprecateAt is invalid. Invalid date format."));
        };
        // EC2 knows minutes only. The wording of the refusal is ours.
        let time = time.round(jiff::Unit::Minute).unwrap_or(time);
        if today.parse::<jiff::Timestamp>().is_ok_and(|today| time <= today) {
            return bad_value(format!("Value ({at}) for parameter DeprecateAt is invalid. The date must be in the future."));
        }
        image.deprecated_since = Some(format!("{time:.3}"));
        Ok(())
    }

    fn protect(&mut self, id: &ImageId, with_cooldown: bool) -> Answer<()> {
        self.available_image(id)?.features.protection = Protection::On { with_cooldown };
        Ok(())
    }

    fn unprotect(&mut self, id: &ImageId) -> Answer<()> {
        let until = self.now + COOLDOWN;
        let image = self.own_image(id)?;
        image.features.protection = match image.features.protection {
            Protection::On { with_cooldown: true } => Protection::CoolingDown(until),
            Protection::On { with_cooldown: false } | Protection::None => Protection::None,
            cooling @ Protection::CoolingDown(_) => cooling,
        };
        Ok(())
    }

    fn enable_fast_launch(&mut self, request: FastLaunch) -> Answer<()> {
        if let Some(template) = &request.template {
            let found = self.launch_templates(&template.template)?;
            if found.iter().any(|known| template.version > known.latest_version) {
                return refuse("InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version for the launch template.");
            }
        }
        let (until, spoil) = (self.now + self.options.times.image, self.spoil);
        let image = self.available_image(&request.image)?;
        if !image.platform.is_some_and(super::Platform::is_windows) {
            // The wording is ours.
            return bad_value(format!("The image '{}' is not a Windows image.", request.image));
        }
        if request.max_parallel_launches.is_some_and(|launches| launches < 6) {
            return bad_value("MaxParallelLaunches must be 6 or higher.");
        }
        image.features.fast_launch = Some((request, until));
        image.features.fast_launch_fails = spoil;
        Ok(())
    }

    fn disable_fast_launch(&mut self, id: &ImageId) -> Answer<()> {
        self.own_image(id)?.features.fast_launch = None;
        Ok(())
    }

    fn fast_launch_state(&mut self, id: &ImageId) -> Answer<Option<FastLaunchState>> {
        let now = self.now;
        let features = &self.own_image(id)?.features;
        Ok(features.fast_launch.as_ref().map(|(_, until)| match features.fast_launch_fails {
            _ if *until > now => FastLaunchState::Changing,
            Some(reason) => FastLaunchState::Failed(Some(reason.to_owned())),
            None => FastLaunchState::Enabled,
        }))
    }

    fn launch_templates(&self, wanted: &LaunchTemplateRef) -> Answer<Vec<LaunchTemplate>> {
        let (code, is): (_, fn(&LaunchTemplate) -> &str) = match wanted {
            LaunchTemplateRef::Id(_) => ("InvalidLaunchTemplateId.NotFound", |template| &template.id),
            LaunchTemplateRef::Name(_) => ("InvalidLaunchTemplateName.NotFoundException", |template| &template.name),
        };
        let found: Vec<_> = self.state.spot.described().filter(|template| is(template) == wanted.as_str()).collect();
        if found.is_empty() {
            return refuse(code, "At least one of the launch templates specified in the request does not exist.");
        }
        Ok(found)
    }

    fn set_network_feature(&mut self, id: &InstanceId, feature: NetworkFeature) -> Answer<()> {
        let instance = self.state.instance_mut(id)?;
        if instance.state != InstanceState::Stopped {
            return refuse("IncorrectInstanceState", format!("The instance '{id}' is not in the 'stopped' state."));
        }
        match feature {
            NetworkFeature::Ena(on) => instance.network.ena = Some(on),
            NetworkFeature::Sriov => instance.network.sriov = true,
        }
        Ok(())
    }

    /// What the lab's Windows instances set; nothing for those without a key pair, and for other systems.
    fn password_data(&mut self, id: &InstanceId) -> Answer<Option<String>> {
        let now = self.now;
        let instance = self.state.instance_mut(id)?;
        let (image, launched, key) = (instance.image.clone(), instance.launched, instance.key_name.is_some());
        let windows = self.state.images.get(&image).and_then(|image| image.platform).is_some_and(super::Platform::is_windows);
        let set = self.options.windows_password.as_ref().filter(|set| windows && key && launched + set.after <= now);
        Ok(set.map(|set| set.encrypted.clone()))
    }
}

fn of(image: &ImageId) -> Parameters {
    Parameters::default().with("ImageId", Some(image))
}

#[async_trait]
impl ImageFeatures for LabRegion {
    async fn enable_image_deprecation(&self, image: &ImageId, at: &str) -> Result<()> {
        self.call("EnableImageDeprecation", of(image).with("DeprecateAt", Some(at)), |place| place.deprecate(image, at)).await
    }

    async fn protect_image(&self, image: &ImageId, with_cooldown: bool) -> Result<()> {
        let parameters = of(image).with("WithCooldown", Some(with_cooldown));
        self.call("EnableImageDeregistrationProtection", parameters, |place| place.protect(image, with_cooldown)).await
    }

    async fn unprotect_image(&self, image: &ImageId) -> Result<()> {
        self.call("DisableImageDeregistrationProtection", of(image), |place| place.unprotect(image)).await
    }

    async fn enable_fast_launch(&self, request: FastLaunch) -> Result<()> {
        let mut parameters = of(&request.image)
            .with("MaxParallelLaunches", request.max_parallel_launches)
            .with("SnapshotConfiguration.TargetResourceCount", request.target_resource_count);
        if let Some(template) = &request.template {
            let key = match &template.template {
                LaunchTemplateRef::Id(_) => "LaunchTemplate.LaunchTemplateId",
                LaunchTemplateRef::Name(_) => "LaunchTemplate.LaunchTemplateName",
            };
            let version = Some(template.version);
            parameters = parameters.with(key, Some(template.template.as_str())).with("LaunchTemplate.Version", version);
        }
        self.call("EnableFastLaunch", parameters, |place| place.enable_fast_launch(request)).await
    }

    async fn disable_fast_launch(&self, image: &ImageId) -> Result<()> {
        let parameters = of(image).with("Force", Some(true));
        self.call("DisableFastLaunch", parameters, |place| place.disable_fast_launch(image)).await
    }

    async fn fast_launch_state(&self, image: &ImageId) -> Result<Option<FastLaunchState>> {
        let parameters = Parameters::default().list("ImageId", [image]);
        self.call("DescribeFastLaunchImages", parameters, |place| place.fast_launch_state(image)).await
    }

    async fn describe_launch_templates(&self, template: &LaunchTemplateRef) -> Result<Vec<LaunchTemplate>> {
        let parameters = match template {
            LaunchTemplateRef::Id(id) => Parameters::default().list("LaunchTemplateId", [id]),
            LaunchTemplateRef::Name(name) => Parameters::default().list("LaunchTemplateName", [name]),
        };
        self.call("DescribeLaunchTemplates", parameters, |place| place.launch_templates(template)).await
    }
}

#[async_trait]
impl InstanceFeatures for LabRegion {
    async fn set_network_feature(&self, instance: &InstanceId, feature: NetworkFeature) -> Result<()> {
        let parameters = Parameters::default().with("InstanceId", Some(instance));
        let parameters = match feature {
            NetworkFeature::Ena(on) => parameters.with("EnaSupport.Value", Some(on)),
            NetworkFeature::Sriov => parameters.with("SriovNetSupport.Value", Some("simple")),
        };
        self.call("ModifyInstanceAttribute", parameters, |place| place.set_network_feature(instance, feature)).await
    }

    async fn password_data(&self, instance: &InstanceId) -> Result<Option<String>> {
        let parameters = Parameters::default().with("InstanceId", Some(instance));
        self.call("GetPasswordData", parameters, |place| place.password_data(instance)).await
    }
}
