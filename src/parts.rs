//! Which builders, provisioners and post-processors exist: one line each. A new one is a file of its own and a line here.

use std::collections::BTreeMap;

use amibake_template::component::Component;
use amibake_template::plan::Part;
use amibake_template::registry::Registry;

use crate::builder::{self, Builder};
use crate::post_processor::{self, PostProcessor};
use crate::provisioner::{self, Provisioner};

/// All parts of the program.
pub struct Parts {
    /// What the template crate knows of them.
    pub registry: Registry,
    builders: BTreeMap<&'static str, Make<dyn Builder>>,
    provisioners: BTreeMap<&'static str, Make<dyn Provisioner>>,
    post_processors: BTreeMap<&'static str, Make<dyn PostProcessor>>,
}

type Make<T> = fn(&serde_json::Value) -> Result<Box<T>, serde_json::Error>;

impl Parts {
    /// The parts of this program.
    pub fn all() -> Self {
        let mut parts = Self {
            registry: Registry::default(),
            builders: BTreeMap::new(),
            provisioners: BTreeMap::new(),
            post_processors: BTreeMap::new(),
        };
        parts.builder::<builder::amazon_chroot::AmazonChroot>();
        parts.builder::<builder::amazon_ebs::AmazonEbs>();
        parts.builder::<builder::amazon_ebssurrogate::AmazonEbsSurrogate>();
        parts.builder::<builder::amazon_ebsvolume::AmazonEbsVolume>();
        parts.builder::<builder::amazon_instance::AmazonInstance>();
        parts.builder::<builder::file::File>();
        parts.builder::<builder::null::Null>();
        parts.provisioner::<provisioner::file::File>();
        parts.provisioner::<provisioner::shell::Shell>();
        parts.provisioner::<provisioner::shell_local::ShellLocal>();
        parts.post_processor::<post_processor::amazon_import::AmazonImport>();
        parts.post_processor::<post_processor::manifest::Manifest>();
        parts.post_processor::<post_processor::shell_local::ShellLocal>();
        parts.registry.register_outlines();
        parts
    }

    /// Adds a builder.
    pub fn builder<B: Component + Builder>(&mut self) -> &mut Self {
        self.registry.register::<B>();
        self.builders.insert(B::TYPE, |config| Ok(Box::new(serde_json::from_value::<B>(config.clone())?)));
        self
    }

    /// Adds a provisioner.
    pub fn provisioner<P: Component + Provisioner>(&mut self) -> &mut Self {
        self.registry.register::<P>();
        self.provisioners.insert(P::TYPE, |config| Ok(Box::new(serde_json::from_value::<P>(config.clone())?)));
        self
    }

    /// Adds a post-processor.
    pub fn post_processor<P: Component + PostProcessor>(&mut self) -> &mut Self {
        self.registry.register::<P>();
        self.post_processors.insert(P::TYPE, |config| Ok(Box::new(serde_json::from_value::<P>(config.clone())?)));
        self
    }

    /// Makes a planned builder; None where the type is unknown (the plan excludes that).
    pub fn make_builder(&self, part: &Part) -> Option<Result<Box<dyn Builder>, serde_json::Error>> {
        self.builders.get(part.type_name.as_str()).map(|make| make(&part.config))
    }

    /// Makes a planned provisioner.
    pub fn make_provisioner(&self, part: &Part) -> Option<Result<Box<dyn Provisioner>, serde_json::Error>> {
        self.provisioners.get(part.type_name.as_str()).map(|make| make(&part.config))
    }

    /// Makes a planned post-processor.
    pub fn make_post_processor(&self, part: &Part) -> Option<Result<Box<dyn PostProcessor>, serde_json::Error>> {
        self.post_processors.get(part.type_name.as_str()).map(|make| make(&part.config))
    }
}
