//! Windows sources: the password that EC2 hands out, decrypted with the temporary key. WinRM itself is not built yet, so `validate` refuses
//! these templates; the guest of these tests needs none.

use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::Duration;

use amibake_ec2::lab::{At, Fault, Kind, Lab, Options, Times, WindowsPassword};
use amibake_guest::keys;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::ebs_lab::{Bench, builder};

const PASSWORD: &str = "Pa55 w0rd;%&x";

/// The key pair of the lab, made for this run of the tests.
static KEY: LazyLock<String> = LazyLock::new(|| keys::generate(keys::Kind::Rsa).unwrap().private_pem);

/// Nothing random: nobody is to be kept from the password of these tests.
struct Padding;

impl TryRng for Padding {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes([0x5a; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes([0x5a; 8]))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0x5a);
        Ok(())
    }
}

impl TryCryptoRng for Padding {}

fn pem() -> SecretString {
    KEY.as_str().into()
}

/// The password as EC2 hands it out: encrypted with the public half.
fn encrypted() -> String {
    let key = RsaPrivateKey::from_pkcs1_pem(&KEY).unwrap().to_public_key();
    BASE64.encode(key.encrypt(&mut Padding, Pkcs1v15Encrypt, PASSWORD.as_bytes()).unwrap())
}

/// A lab whose Windows takes so long to set its password.
fn lab(after: Duration) -> Lab {
    let windows = WindowsPassword { private_key: pem(), encrypted: encrypted(), after };
    Lab::new(Options { times: Times::real(), windows_password: Some(windows), ..Options::default() })
}

fn windows(keys: Value) -> Value {
    let mut config = builder(json!({
        "source_ami_filter": {"filters": {"name": "Windows_Server-2022-English-Full-Base-*"}, "owners": ["amazon"], "most_recent": true},
        "instance_type": "m5.large", "communicator": "winrm", "winrm_username": "Administrator",
    }));
    config.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    config
}

#[tokio::test(start_paused = true)]
async fn the_password_is_waited_for_and_decrypted() {
    let bench = Bench::new(lab(Duration::from_secs(300)));
    let outcome = bench.bake(windows(json!({}))).await;
    assert_eq!(outcome.artifact().build_data["Password"], PASSWORD);
    let asked = outcome.calls.iter().filter(|call| call.operation == "GetPasswordData").count();
    assert!((50..70).contains(&asked), "asked {asked} times in five minutes");
    let told = "==> Waiting for auto-generated password for instance...\n    It is normal for this process to take up to 15 minutes,\n    \
                but it usually takes around 5. Please wait.\nhidden: 13 characters\n    Password retrieved!\n";
    assert!(outcome.text.contains(told), "{}", outcome.text);
    assert!(!outcome.text.contains(PASSWORD), "{}", outcome.text);
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_password_that_does_not_come_is_given_up() {
    for (keys, minutes) in [(json!({}), 20), (json!({"windows_password_timeout": "7m"}), 7)] {
        let bench = Bench::new(lab(Duration::from_secs(100 * 60)));
        let outcome = bench.bake(windows(keys)).await;
        assert_eq!(outcome.error(), "Timeout waiting for password.");
        let took = outcome.took.as_secs() / 60;
        assert!((minutes..=minutes + 1).contains(&took), "{took} minutes");
        assert_eq!(outcome.remaining, Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_given_password_is_not_asked_for() {
    let bench = Bench::new(lab(Duration::ZERO));
    let outcome = bench.bake(windows(json!({"winrm_password": "secret"}))).await;
    outcome.artifact();
    assert!(outcome.text.contains("==> Skipping waiting for password since WinRM password set...\n"), "{}", outcome.text);
    let ssh = Bench::new(lab(Duration::ZERO)).bake(windows(json!({"communicator": "ssh"}))).await;
    for outcome in [outcome, ssh] {
        assert!(outcome.calls.iter().all(|call| call.operation != "GetPasswordData"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_passing_refusal_is_asked_again_and_another_key_is_told() {
    let bench = Bench::new(lab(Duration::ZERO));
    bench.lab.fault(Fault::new(At::Operation("GetPasswordData", 1), Kind::Refuse("InternalError", "try again")));
    bench.bake(windows(json!({}))).await.artifact();
    let windows_password = Some(WindowsPassword { private_key: pem(), encrypted: "AAAA".to_owned(), after: Duration::ZERO });
    let other = Lab::new(Options { windows_password, ..Options::default() });
    let outcome = Bench::new(other).bake(windows(json!({}))).await;
    let why = "the private key is not that of the instance's key pair";
    assert_eq!(outcome.error(), format!("Error waiting for password: Error decrypting auto-generated instance password: {why}"));
    assert_eq!(outcome.remaining, Vec::<String>::new());
}
