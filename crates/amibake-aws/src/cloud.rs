//! Accounts and their regions.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use amibake_ec2::model::Access;
use amibake_ec2::{Cloud, Clouds, Ec2, Ec2Error, Region};
use async_trait::async_trait;
use aws_sdk_ec2::Client;

use crate::access::{self, Account, setup};
use crate::region::AwsRegion;
use crate::s3::AwsS3;
use crate::{retry, transport};

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
        let http = transport::client(self.extra_roots()?);
        let account = access::resolve(access, http).await?;
        Ok(Arc::new(AwsCloud::new(account, endpoint)))
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
    /// One client a region, made when it is first asked for. Credentials and connections are shared between them.
    regions: Mutex<BTreeMap<Region, Arc<AwsRegion>>>,
}

impl AwsCloud {
    fn new(account: Account, endpoint: Option<String>) -> Self {
        let build_region = Region::new(account.config.region().map_or("", |region| region.as_ref()));
        let place = endpoint.as_deref().or(account.config.endpoint_url()).unwrap_or("aws");
        let key = format!("{}@{place}", account.fingerprint);
        Self { account, endpoint, build_region, key, regions: Mutex::new(BTreeMap::new()) }
    }

    fn client(&self, region: &Region) -> Client {
        let mut config = aws_sdk_ec2::config::Builder::from(&self.account.config)
            .region(aws_sdk_ec2::config::Region::new(region.as_str().to_owned()))
            .retry_partition(retry::partition())
            .retry_classifier(retry::CapacityIsAnAnswer);
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }
}

#[async_trait]
impl Cloud for AwsCloud {
    fn build_region(&self) -> &Region {
        &self.build_region
    }

    fn ec2(&self, region: &Region) -> Arc<dyn Ec2> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let found = regions.entry(region.clone()).or_insert_with(|| {
            let s3 = AwsS3::new(self.account.config.clone(), self.endpoint.as_deref(), region.as_str());
            Arc::new(AwsRegion::new(region.clone(), self.client(region), Arc::new(s3)))
        });
        Arc::clone(found) as Arc<dyn Ec2>
    }

    fn key(&self) -> &str {
        &self.key
    }
}
