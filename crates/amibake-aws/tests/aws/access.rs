//! Where region and credentials come from. The environment belongs to the process, so each case runs in one of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use amibake_aws::AwsClouds;
use amibake_ec2::Clouds;
use amibake_ec2::model::{Access, AssumeRole, Tag};

const CONFIG: &str = "[profile work]\nregion = eu-central-1\n[profile empty]\nregion = eu-west-3\n";
const CREDENTIALS: &str = "[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = work-secret\n";

/// The other half of [`check`]: opens an account and prints what came of it.
#[test]
fn child() {
    let Some(wanted) = crate::environment("AMIBAKE_TEST_ACCESS") else { return };
    let wanted: BTreeMap<_, _> = wanted.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let text = |key: &str| wanted.get(key).map(ToString::to_string);
    let access = Access {
        region: text("region"),
        keys: wanted.contains_key("keys").then(crate::keys),
        profile: text("profile"),
        shared_credentials_file: text("shared_credentials_file"),
        endpoint: text("endpoint"),
        insecure_skip_tls_verify: wanted.contains_key("insecure"),
        assume_role: text("role").map(|role_arn| role(role_arn, wanted.contains_key("all"))),
        max_retries: Some(1),
        skip_metadata: true,
        mfa_code: text("mfa").map(Into::into),
        decode_authorization: wanted.contains_key("decode"),
    };
    let outcome = crate::run(async {
        let cloud = AwsClouds::default().open(&access).await?;
        if wanted.contains_key("call") {
            for region in ["us-east-1", "eu-west-1"] {
                // Nobody listens; the request is signed before that shows.
                cloud.ec2(&region_named(region)).describe_regions().await.unwrap_err();
            }
        }
        if wanted.contains_key("reach") {
            cloud.ec2(cloud.build_region()).describe_regions().await?;
        }
        Ok::<_, amibake_ec2::Ec2Error>(cloud)
    });
    match outcome {
        Ok(cloud) => println!("\nopened {} {}", cloud.build_region(), cloud.key()),
        Err(error) => println!("\nfailed {:?} {}", error.kind, error.message),
    }
}

/// A role, with `all` that can be said about one.
fn role(role_arn: String, all: bool) -> AssumeRole {
    let text = |text: &str| Some(text.to_owned());
    let tag = |key: &str| Tag { key: key.to_owned(), value: "x".to_owned() };
    match all {
        false => AssumeRole { role_arn, ..AssumeRole::default() },
        true => AssumeRole {
            role_arn,
            duration_seconds: Some(1800),
            external_id: text("ext"),
            session_name: text("packer-session"),
            policy: text("{}"),
            policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
            tags: vec![tag("team"), tag("unit")],
            transitive_tag_keys: vec!["team".to_owned()],
        },
    }
}

fn region_named(name: &str) -> amibake_ec2::Region {
    amibake_ec2::Region::new(name)
}

fn files(name: &str) -> PathBuf {
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(home.join(".aws")).unwrap();
    std::fs::write(home.join(".aws/config"), CONFIG).unwrap();
    std::fs::write(home.join(".aws/credentials"), CREDENTIALS).unwrap();
    home
}

fn open(home: &Path, template: &str, environment: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "access::child", "--nocapture"])
        .env_clear()
        .env("HOME", home)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AMIBAKE_TEST_ACCESS", template)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("opened ") || line.starts_with("failed "));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[track_caller]
fn check(name: &str, template: &str, environment: &[(&str, &str)], expected: &str) {
    let line = open(&files(name), template, environment);
    assert!(line.starts_with(expected), "template `{template}`, environment {environment:?}:\n{line}\ninstead of\n{expected}");
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "env-secret")];

#[test]
fn the_region_is_the_templates_then_the_environments_then_the_profiles() {
    let both = [("AWS_REGION", "us-west-1"), ("AWS_DEFAULT_REGION", "us-west-2")];
    check("region", "keys=,region=us-east-2", &both, "opened us-east-2 ");
    check("region", "keys=", &both, "opened us-west-1 ");
    check("region", "keys=,region=", &both[1..], "opened us-west-2 ");
    check("region", "profile=work", &[], "opened eu-central-1 ");
    check("region", "", &[("AWS_PROFILE", "work")], "opened eu-central-1 ");
    check("region", "keys=", &[], "failed Setup no AWS region: set `region` in the template, AWS_REGION");
}

#[test]
fn credentials_are_the_templates_then_its_profiles_then_the_environments_then_the_files() {
    let home = files("credentials");
    let key = |template: &str, environment: &[(&str, &str)]| {
        let line = open(&home, &format!("region=us-east-1,{template}"), environment);
        line.strip_prefix("opened us-east-1 ").unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    let from_template = key("keys=", &[]);
    let from_environment = key("", &KEYS);
    let from_profile = key("profile=work", &[]);
    assert!(from_template != from_environment && from_environment != from_profile && from_profile != from_template);
    assert_eq!(key("keys=,profile=work", &KEYS), from_template);
    assert_eq!(key("profile=work", &KEYS), from_profile, "the template's profile goes before keys in the environment");
    assert_eq!(key("", &[("AWS_PROFILE", "work")]), from_profile);
    let file = home.join("elsewhere");
    std::fs::write(&file, CREDENTIALS.replace("[work]", "[default]")).unwrap();
    assert_eq!(key(&format!("shared_credentials_file={}", file.display()), &[]), from_profile);
    std::fs::copy(&file, home.join("in-home")).unwrap();
    assert_eq!(key("shared_credentials_file=~/in-home", &[]), from_profile);
}

#[test]
fn what_is_missing_is_said() {
    let no_credentials = "failed Setup no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a `profile`";
    check("missing", "region=us-east-1", &[], no_credentials);
    check("missing", "region=us-east-1,profile=absent", &[], "failed Setup the AWS profile `absent` gives no credentials: ");
    check("missing", "region=us-east-1,profile=empty", &[], "failed Setup the AWS profile `empty` gives no credentials: ");
    check("missing", "region=us-east-1,keys=,insecure=", &[], "opened us-east-1 ");
    check("missing", "region=us-east-1,keys=,insecure=,endpoint=http://127.0.0.1:1", &[], "opened us-east-1 ");
}

#[test]
fn the_key_tells_accounts_and_endpoints_apart_without_naming_them() {
    let home = files("key");
    let line = open(&home, "region=us-east-1,keys=,endpoint=http://127.0.0.1:5000", &[]);
    assert_eq!(line, "opened us-east-1 a385ac9cf92ea4eb@http://127.0.0.1:5000");
    let global = open(&home, "region=us-east-1,keys=", &[("AWS_ENDPOINT_URL", "http://127.0.0.1:5001")]);
    assert!(global.ends_with("@http://127.0.0.1:5001"), "{global}");
    let line = open(&home, "region=us-east-1,keys=", &[]);
    assert!(line.ends_with("@aws") && !line.contains("AKIATEST"), "{line}");
}

#[test]
fn a_credential_process_is_asked_once_for_all_regions() {
    let home = files("process");
    let script = "echo asked >> \"$HOME/asked\"\n\
                  echo '{\"Version\": 1, \"AccessKeyId\": \"AKIAPROCESS\", \"SecretAccessKey\": \"s\", \"Expiration\": \"2099-01-01T00:00:00Z\"}'\n";
    std::fs::write(home.join("credentials.sh"), script).unwrap();
    let config = format!("[profile process]\ncredential_process = /bin/sh {}/credentials.sh\n", home.display());
    std::fs::write(home.join(".aws/config"), config).unwrap();
    let _ = std::fs::remove_file(home.join("asked"));
    let line = open(&home, "region=us-east-1,profile=process,endpoint=http://127.0.0.1:1,call=", &[("PATH", "/usr/bin:/bin")]);
    assert!(line.starts_with("opened us-east-1 "), "{line}");
    assert_eq!(std::fs::read_to_string(home.join("asked")).unwrap(), "asked\n");
}

/// Assumes a role at a token service that answers so; what came of it, and what was asked.
fn assume(status: u16, answer: &'static str) -> (String, String) {
    let (endpoint, bodies) = crate::retries::serve(vec![Some((status, answer))]);
    let template = "region=us-east-1,keys=,role=arn:aws:iam::111122223333:role/baker";
    let line = open(&files("role"), template, &[("AWS_ENDPOINT_URL_STS", &endpoint)]);
    let asked = bodies.lock().unwrap().join(" ");
    (line, asked)
}

const CREDENTIALS_OF_ROLE: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
     <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

#[test]
fn all_that_is_said_of_a_role_is_sent_and_no_more() {
    let ask = |template: &str| {
        let (endpoint, bodies) = crate::retries::serve(vec![Some((200, CREDENTIALS_OF_ROLE))]);
        let line = open(&files("roles"), &format!("region=us-east-1,keys=,role=arn,{template}"), &[("AWS_ENDPOINT_URL_STS", &endpoint)]);
        assert!(line.starts_with("opened us-east-1 "), "{line}");
        bodies.lock().unwrap().join(" ")
    };
    let body = ask("all=");
    let sent: Vec<_> = body.split('&').filter(|pair| !pair.starts_with("Action=") && !pair.starts_with("Version=")).collect();
    assert_eq!(
        sent,
        [
            "RoleArn=arn",
            "RoleSessionName=packer-session",
            "PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess",
            "Policy=%7B%7D",
            "DurationSeconds=1800",
            "Tags.member.1.Key=team",
            "Tags.member.1.Value=x",
            "Tags.member.2.Key=unit",
            "Tags.member.2.Value=x",
            "TransitiveTagKeys.member.1=team",
            "ExternalId=ext",
        ]
    );
    let body = ask("");
    assert!(body.contains("DurationSeconds=900") && !body.contains("Tags") && !body.contains("ExternalId"), "{body}");
}

/// The code answers for the role of the profile, with the keys of its source profile.
#[test]
fn a_profiles_second_factor_is_answered_by_the_code() {
    let home = files("mfa");
    let config = "[profile guarded]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = work\nmfa_serial = arn:aws:iam::1:mfa/me\n\
                  external_id = ext\nduration_seconds = 7200\n[profile plain]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = work\n";
    std::fs::write(home.join(".aws/config"), format!("{CONFIG}{config}")).unwrap();
    let ask = |template: &str, environment: &[(&str, &str)]| {
        let (endpoint, bodies) = crate::retries::serve(vec![Some((200, CREDENTIALS_OF_ROLE))]);
        let mut all = vec![("AWS_ENDPOINT_URL_STS", endpoint.as_str())];
        all.extend(environment);
        let line = open(&home, &format!("region=us-east-1,{template}"), &all);
        assert!(line.starts_with("opened us-east-1 "), "{line}");
        bodies.lock().unwrap().join(" ")
    };
    let asked = ask("profile=guarded,mfa=123456", &KEYS);
    for part in ["SerialNumber=arn%3Aaws%3Aiam%3A%3A1%3Amfa%2Fme", "TokenCode=123456", "ExternalId=ext", "DurationSeconds=7200"] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    assert!(ask("mfa=123456", &[("AWS_PROFILE", "guarded")]).contains("TokenCode=123456"));
    assert_eq!(ask("mfa=123456,keys=", &[("AWS_PROFILE", "guarded")]), "", "keys in the template need no role");
    let asked = ask("profile=plain,mfa=123456", &[]);
    assert!(asked.contains("RoleArn=") && !asked.contains("TokenCode"), "a role that demands none: {asked}");
}

#[test]
fn requests_go_through_the_proxy_of_the_environment() {
    let (proxy, bodies) = crate::retries::serve(vec![Some((200, "<DescribeRegionsResponse/>")), Some((200, "<DescribeRegionsResponse/>"))]);
    let template = "region=us-east-1,keys=,endpoint=http://nowhere.invalid,reach=";
    let line = open(&files("proxy"), template, &[("HTTP_PROXY", &proxy), ("http_proxy", &proxy)]);
    assert!(line.starts_with("opened "), "{line}");
    assert!(bodies.lock().unwrap().join(" ").contains("Action=DescribeRegions"));
}

#[test]
fn a_role_is_assumed_before_the_first_call() {
    let (line, asked) = assume(
        200,
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    );
    assert!(line.starts_with("opened us-east-1 ") && !line.contains("a385ac9cf92ea4eb"), "the role's keys, not the template's: {line}");
    assert!(asked.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fbaker") && asked.contains("DurationSeconds=900"), "{asked}");
}

#[test]
fn a_role_that_is_refused_is_named_with_the_reason() {
    let (line, _) = assume(
        403,
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User is not authorized.</Message></Error></ErrorResponse>",
    );
    let role = "arn:aws:iam::111122223333:role/baker";
    assert_eq!(line, format!("failed Setup the role {role} cannot be assumed: AccessDenied: User is not authorized."));
}
