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
use crate::region::{AwsRegion, Services};
use crate::s3::AwsS3;
use crate::session::AwsSessions;
use crate::signed::Signed;
use crate::usage::AwsUses;
use crate::{decode, insecure, own_address, retry, transport};

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
        let insecure = match access.insecure_skip_tls_verify {
            true => Some(insecure::Insecure::new().map_err(|error| setup(&error))?),
            false => None,
        };
        let roots = self.extra_roots()?;
        let http = transport::client(roots.clone(), insecure.clone());
        let account = access::resolve(access, http).await?;
        Ok(Arc::new(AwsCloud::new(account, endpoint, access.decode_authorization, transport::Own::new(roots, insecure))))
    }

    async fn own_address(&self) -> Result<IpAddr, Ec2Error> {
        own_address::ask(transport::client(self.extra_roots()?, None)).await
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
    /// `decode_authorization_messages`.
    decodes: bool,
    build_region: Region,
    key: String,
    /// For what no client sends.
    own: Arc<transport::Own>,
    /// One client a region, made when it is first asked for. Credentials and connections are shared between them.
    regions: Mutex<BTreeMap<Region, Arc<AwsRegion>>>,
}

impl AwsCloud {
    fn new(account: Account, endpoint: Option<String>, decodes: bool, own: transport::Own) -> Self {
        let build_region = Region::new(account.config.region().map_or("", |region| region.as_ref()));
        let place = endpoint.as_deref().or(account.config.endpoint_url()).unwrap_or("aws");
        let key = format!("{}@{place}", account.owner);
        Self { account, endpoint, decodes, build_region, key, own: Arc::new(own), regions: Mutex::new(BTreeMap::new()) }
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
        if let Some(http) = self.account.config.http_client().filter(|_| self.decodes) {
            config = config.http_client(decode::client(http, self.sts(region)));
        }
        Client::from_conf(config.build())
    }

    fn iam(&self, region: &Region) -> Arc<dyn Iam> {
        Arc::new(AwsIam::new(self.account.config.clone(), self.endpoint.as_deref(), region.as_str()))
    }

    /// STS of a region; at `custom_endpoint_ec2` where that is given, as all that a build asks.
    fn sts(&self, region: &Region) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::config::Builder::from(&self.account.config);
        let mut config = config.region(aws_sdk_sts::config::Region::new(region.as_str().to_owned()));
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_sts::Client::from_conf(config.build())
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
            let sessions = Arc::new(AwsSessions { ssm: self.signed("ssm", region) });
            let services = Services { raw: self.signed("ec2", region), iam: self.iam(region), s3: Arc::new(s3), sessions };
            Arc::new(AwsRegion::new(region.clone(), self.client(region), services))
        });
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
