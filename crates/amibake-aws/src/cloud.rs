//! Accounts and their regions.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use amibake_ec2::model::{Access, Keys};
use amibake_ec2::usage::ImageUses;
use amibake_ec2::{Cloud, Clouds, Ec2, Ec2Error, Iam, Region};
use async_trait::async_trait;
use aws_sdk_ec2::Client;

use crate::access::{self, Account, setup};
use crate::iam::AwsIam;
use crate::region::AwsRegion;
use crate::signed::Signed;
use crate::usage::AwsUses;
use crate::{own_address, retry, transport};

/// Opens accounts on AWS, or on whatever `custom_endpoint_ec2` or AWS_ENDPOINT_URL names.
#[derive(Debug, Clone, Default)]
pub struct AwsClouds {
    ca_bundle: Option<PathBuf>,
}

impl AwsClouds {
    /// Certificates of `ca_bundle` (PEM; AWS_CA_BUNDLE) are trusted besides those of the machine.
    pub fn new(ca_bundle: Option<PathBuf>) -> Self {
        Self { ca_bundle }
    }
}

#[async_trait]
impl Clouds for AwsClouds {
    async fn open(&self, access: &Access) -> Result<Arc<dyn Cloud>, Ec2Error> {
        let endpoint = access.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()).map(with_scheme);
        if access.insecure_skip_tls_verify && !endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http:")) {
            return Err(setup(
                "`insecure_skip_tls_verify` is not supported: name the endpoint's certificate authority in AWS_CA_BUNDLE instead, and remove the key",
            ));
        }
        let roots = self.extra_roots()?;
        let account = access::resolve(access, transport::client(roots.clone())).await?;
        Ok(Arc::new(AwsCloud::new(account, endpoint, transport::Own::new(roots))))
    }

    async fn own_address(&self) -> Result<IpAddr, Ec2Error> {
        own_address::ask(transport::client(self.extra_roots()?)).await
    }
}

impl AwsClouds {
    pub(crate) fn extra_roots(&self) -> Result<Option<Vec<u8>>, Ec2Error> {
        let Some(path) = self.ca_bundle.as_deref().filter(|path| !path.as_os_str().is_empty()) else { return Ok(None) };
        let bad = |why: String| setup(&format!("the certificates of AWS_CA_BUNDLE cannot be used: {}: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
        transport::check_roots(&pem).map_err(bad)?;
        Ok(Some(pem))
    }
}

/// A host without scheme is reached by TLS, as the SDK of Packer does.
fn with_scheme(endpoint: &str) -> String {
    if endpoint.contains("://") { endpoint.to_owned() } else { format!("https://{endpoint}") }
}

struct AwsCloud {
    account: Account,
    endpoint: Option<String>,
    build_region: Region,
    key: String,
    /// For what no client sends.
    own: Arc<transport::Own>,
    /// One client a region, made when it is first asked for. Credentials and connections are shared between them.
    regions: Mutex<BTreeMap<Region, Arc<AwsRegion>>>,
}

impl AwsCloud {
    fn new(account: Account, endpoint: Option<String>, own: transport::Own) -> Self {
        let build_region = Region::new(account.config.region().map_or("", |region| region.as_ref()));
        let place = endpoint.as_deref().or(account.config.endpoint_url()).unwrap_or("aws");
        let key = format!("{}@{place}", account.owner);
        Self { account, endpoint, build_region, key, own: Arc::new(own), regions: Mutex::new(BTreeMap::new()) }
    }

    /// Signed requests to a service, at the endpoint that serves all of them where there is one.
    fn signed(&self, service: &'static str, region: &Region) -> Signed {
        let endpoint = self.endpoint.as_deref().or(self.account.config.endpoint_url());
        Signed::new(&self.account.config, service, region.as_str(), endpoint, Arc::clone(&self.own))
    }

    fn client(&self, region: &Region) -> Client {
        let mut config = aws_sdk_ec2::config::Builder::from(&self.account.config)
            .region(aws_sdk_ec2::config::Region::new(region.as_str().to_owned()))
            .retry_partition(retry::partition())
            .retry_classifier(retry::AnswersAreFinal);
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }

    fn iam(&self, region: &Region) -> Arc<dyn Iam> {
        Arc::new(AwsIam::new(self.account.config.clone(), self.endpoint.as_deref(), region.as_str()))
    }
}

#[async_trait]
impl Cloud for AwsCloud {
    fn build_region(&self) -> &Region {
        &self.build_region
    }

    fn ec2(&self, region: &Region) -> Arc<dyn Ec2> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(AwsRegion::new(region.clone(), self.client(region), self.signed("ec2", region), self.iam(region)));
        let found = regions.entry(region.clone()).or_insert_with(made);
        Arc::clone(found) as Arc<dyn Ec2>
    }

    fn key(&self) -> &str {
        &self.key
    }

    async fn credentials(&self) -> Result<Keys, Ec2Error> {
        access::keys(&self.account.config).await
    }

    fn image_uses(&self, region: &Region) -> Option<Arc<dyn ImageUses>> {
        let (auto_scaling, ssm) = (self.signed("autoscaling", region), self.signed("ssm", region));
        Some(Arc::new(AwsUses { ec2: self.client(region), auto_scaling, ssm }))
    }
}
