//! TLS: whom we trust. A certificate authority of our own, made by the system's openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

use amibake_aws::AwsClouds;
use amibake_ec2::model::Access;
use amibake_ec2::{Clouds, Ec2Error, ErrorKind, Region};

use crate::moto::Moto;

fn directory() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tls");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs openssl in the directory; false where there is none.
fn openssl(directory: &Path, arguments: &str) -> bool {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output();
    output.is_ok_and(|output| output.status.success())
}

fn make_certificates(directory: &Path) -> bool {
    let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(directory, &format!("{key} -keyout ca.key -out ca.pem -subj /CN=authority"))
        && openssl(
            directory,
            &format!(
                "{key} -keyout server.key -out server.pem -subj /CN=server -CA ca.pem -CAkey ca.key \
                 -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
            ),
        )
}

fn regions(clouds: &AwsClouds, endpoint: &str) -> Result<Vec<Region>, Ec2Error> {
    regions_by(clouds, endpoint, false)
}

fn regions_by(clouds: &AwsClouds, endpoint: &str, insecure: bool) -> Result<Vec<Region>, Ec2Error> {
    let access = Access {
        region: Some("us-east-1".to_owned()),
        keys: Some(crate::keys()),
        endpoint: Some(endpoint.to_owned()),
        max_retries: Some(1),
        insecure_skip_tls_verify: insecure,
        ..Access::default()
    };
    crate::run(async {
        let cloud = clouds.open(&access).await?;
        cloud.ec2(cloud.build_region()).describe_regions().await
    })
}

#[test]
fn an_authority_is_trusted_when_its_bundle_is_named() {
    let directory = directory();
    if !make_certificates(&directory) {
        crate::skip("openssl 3 is needed");
        return;
    }
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let Some(moto) = Moto::start_tls(&path("server.pem"), &path("server.key")) else { return };
    let found = regions(&AwsClouds::new(Some(path("ca.pem").into())), &moto.endpoint).unwrap();
    assert!(found.contains(&Region::new("us-east-1")));
    let error = regions(&AwsClouds::default(), &moto.endpoint).unwrap_err();
    assert_eq!(error.to_string(), "DescribeRegions: EC2 could not be reached: invalid peer certificate: UnknownIssuer");
    // By a name that the certificate does not have.
    let other = moto.endpoint.replace("127.0.0.1", "localhost");
    assert!(regions_by(&AwsClouds::default(), &other, true).unwrap().contains(&Region::new("us-east-1")));
}

#[test]
fn a_bundle_that_is_none_is_refused() {
    let file = directory().join("no-bundle.pem");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, why) in [("", "it holds no PEM certificate"), (garbage, "invalid peer certificate: BadEncoding")] {
        std::fs::write(&file, text).unwrap();
        let error = regions(&AwsClouds::new(Some(file.clone())), "https://127.0.0.1:1").unwrap_err();
        let expected = format!("the certificates of AWS_CA_BUNDLE cannot be used: {}: {why}", file.display());
        assert_eq!((error.kind, error.message), (ErrorKind::Setup, expected));
    }
    let error = regions(&AwsClouds::new(Some("/nowhere".into())), "https://127.0.0.1:1").unwrap_err();
    assert!(error.message.ends_with("/nowhere: No such file or directory (os error 2)"), "{error}");
}
