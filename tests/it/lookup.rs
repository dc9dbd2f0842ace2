//! Variables that ask Vault and Consul: servers of this test speak their documented HTTP APIs
//! (<https://developer.hashicorp.com/vault/api-docs/secret/kv>, <https://developer.hashicorp.com/consul/api-docs/kv>), and Packer 1.6.6,
//! where it is installed, asks the same servers the same.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use amibake::engine::lookup::{LookupError, SecretStore, Services};
use amibake_template::lang::{LookupKind, Question};
use serde_json::json;

use crate::differential::{has_packer, packer};
use crate::program::{Ran, Sandbox};

/// Heads of the requests that came in.
type Heads = Arc<Mutex<Vec<String>>>;

/// Answers requests until the test ends.
fn serve(answer: fn(&str, &str) -> (u16, String)) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heads = Heads::default();
    let seen = Arc::clone(&heads);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = reply(stream.unwrap(), answer, &seen);
        }
    });
    (address, heads)
}

fn reply(mut stream: TcpStream, answer: fn(&str, &str) -> (u16, String), heads: &Heads) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heads.lock().unwrap().push(head.clone());
    let (status, body) = answer(&path, &head.to_lowercase());
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn vault(path: &str, head: &str) -> (u16, String) {
    if !head.contains("x-vault-token: t0ken") {
        return (403, json!({"errors": ["permission denied"]}).to_string());
    }
    match path {
        "/v1/kv/app" => (200, json!({"data": {"password": "version-one", "port": 5432}}).to_string()),
        "/v1/secret/data/app" => (200, json!({"data": {"data": {"password": "version-two"}, "metadata": {"version": 3}}}).to_string()),
        "/v1/secret/data/gone" => (200, json!({"data": {"data": null, "metadata": {"deletion_time": "x"}}}).to_string()),
        "/v1/secret/app" => (200, json!({"data": null, "warnings": ["Invalid path for a versioned K/V secrets engine."]}).to_string()),
        _ => (404, json!({"errors": []}).to_string()),
    }
}

/// With `?raw` the value itself, else as Consul's own client wants it.
fn consul(path: &str, _: &str) -> (u16, String) {
    match path {
        "/v1/kv/app/region?raw" => (200, "eu-west-1".to_owned()),
        "/v1/kv/app/region" => (200, json!([{"Key": "app/region", "Flags": 0, "Value": "ZXUtd2VzdC0x"}]).to_string()),
        "/v1/kv/app/key?raw" => (200, "password".to_owned()),
        "/v1/kv/app/key" => (200, json!([{"Key": "app/key", "Flags": 0, "Value": "cGFzc3dvcmQ="}]).to_string()),
        _ => (404, String::new()),
    }
}

struct World {
    sandbox: Sandbox,
    vault: Heads,
    consul: Heads,
}

fn world() -> World {
    let mut sandbox = Sandbox::new();
    let ((vault_at, vault), (consul_at, consul)) = (serve(vault), serve(consul));
    sandbox.env("VAULT_ADDR", &vault_at).env("VAULT_TOKEN", "t0ken").env("CONSUL_HTTP_ADDR", &consul_at);
    World { sandbox, vault, consul }
}

impl World {
    fn with(&self, variables: serde_json::Value, content: &str) -> &Self {
        let template = json!({
            "variables": variables,
            "builders": [{"type": "file", "target": "out.txt", "content": content}],
            "post-processors": [{"type": "shell-local", "inline": ["cat out.txt"]}],
        });
        self.sandbox.file("t.json", &template.to_string());
        self
    }

    fn validate(&self) -> Ran {
        self.sandbox.run(&["validate", "t.json"], "")
    }

    fn written(&self) -> String {
        std::fs::read_to_string(self.sandbox.work().join("out.txt")).unwrap()
    }

    #[track_caller]
    fn fails(&self, variables: serde_json::Value, expected: &str) {
        let ran = self.with(variables, "x").validate();
        assert!(ran.exit == 1 && ran.stdout.contains(expected), "{expected}\n{}", ran.stdout);
        assert!(ran.stdout.contains("the value of variable `v`") && ran.stdout.contains("t.json:1:"), "{}", ran.stdout);
    }
}

#[test]
fn values_are_fetched_once_used_and_never_shown() {
    let world = world();
    let variables = json!({
        "one": "{{vault `kv/app` `password`}}",
        "two": "{{vault `/secret/data/app` (user `key`) | upper}}",
        "key": "{{consul_key `app/key`}}",
        "region": "{{consul_key `app/region`}}",
        "both": "{{user `one`}}+{{user `two`}}",
    });
    world.with(variables, "{{user `both`}} {{user `region`}}");
    let ran = world.sandbox.run(&["build", "-color=false", "t.json"], "");
    assert_eq!(ran.exit, 0, "{}", ran.stdout);
    assert_eq!(world.written(), "version-one+VERSION-TWO eu-west-1");
    assert!(ran.stdout.contains("(shell-local): <sensitive>+<sensitive> eu-west-1"), "{}", ran.stdout);
    assert_eq!((world.vault.lock().unwrap().len(), world.consul.lock().unwrap().len()), (2, 2), "asked more than once");
    if has_packer() {
        std::fs::remove_file(world.sandbox.work().join("out.txt")).unwrap();
        let mut packer = packer(&world.sandbox.work());
        // `both` and `two` wait for variables in double passes there as here.
        packer.args(["build", "t.json"]).envs(world.sandbox.environment().iter().map(|(name, value)| (name, value)));
        let output = packer.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(world.written(), "version-one+VERSION-TWO eu-west-1", "as Packer wrote it");
    }
}

#[test]
fn what_cannot_be_fetched_is_told_at_its_variable() {
    let world = world();
    world
        .fails(json!({"v": "{{vault `kv/app` `pasword`}}"}), "Vault path does not contain the requested key: `pasword` is not at `kv/app`");
    world.fails(json!({"v": "{{vault `kv/none` `x`}}"}), "Vault Secret does not exist at the given path: kv/none");
    world.fails(json!({"v": "{{vault `secret/app` `x`}}"}), "Invalid path for a versioned K/V secrets engine");
    world.fails(json!({"v": "{{vault `secret/data/gone` `x`}}"}), "the current version of the secret at `secret/data/gone` is deleted");
    world.fails(json!({"v": "{{consul_key `nope`}}"}), "key does not exist at the given path: nope");
    world.fails(json!({"v": "{{aws_secretsmanager `a`}}"}), "error calling aws_secretsmanager: ");
    world.with(json!({}), "{{vault `kv/app` `password`}}");
    assert!(world.validate().stdout.contains("Vault vars are only allowed in the variables section"));
}

#[test]
fn tokens_and_addresses_come_from_the_environment() {
    let mut world = world();
    world.sandbox.env("VAULT_NAMESPACE", "team-a").env("CONSUL_HTTP_TOKEN", "c0nsul");
    world.with(json!({"a": "{{vault `kv/app` `port`}}", "b": "{{consul_key `app/region`}}"}), "x");
    assert_eq!(world.validate().exit, 0);
    assert!(world.vault.lock().unwrap()[0].to_lowercase().contains("x-vault-namespace: team-a"));
    assert!(world.consul.lock().unwrap()[0].to_lowercase().contains("x-consul-token: c0nsul"));
    world.sandbox.env("VAULT_TOKEN", "wrong");
    world.fails(json!({"v": "{{vault `kv/app` `port`}}"}), "Vault refused to read `kv/app`: permission denied");
    world.sandbox.env("VAULT_TOKEN", "");
    world.fails(json!({"v": "{{vault `kv/app` `port`}}"}), "Must set VAULT_TOKEN env var in order to use vault template function");
    world.sandbox.env("CONSUL_HTTP_ADDR", "127.0.0.1:1");
    world.fails(json!({"v": "{{consul_key `x`}}"}), "Consul at http://127.0.0.1:1 cannot be reached: Connection refused");
}

#[test]
fn nobody_is_asked_where_nothing_is_evaluated() {
    let world = world();
    world.with(json!({"v": "{{vault `kv/app` `password`}}"}), "x");
    assert_eq!(world.sandbox.run(&["inspect", "t.json"], "").exit, 0);
    assert_eq!(world.sandbox.run(&["validate", "-syntax-only", "t.json"], "").exit, 0);
    assert!(world.vault.lock().unwrap().is_empty());
}

/// AWS, which nobody asks here.
struct Nobody;

#[async_trait::async_trait]
impl SecretStore for Nobody {
    async fn secret(&self, _name: &str) -> Result<String, LookupError> {
        Ok(r#"{"user": "u", "password": "p"}"#.to_owned())
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    // Takes connections, and that is all.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let env = [("CONSUL_HTTP_ADDR".to_owned(), silent.local_addr().unwrap().to_string())].into();
    let services = Services { env: &env, secrets: Arc::new(Nobody), limit: Duration::from_millis(200) };
    let began = Instant::now();
    let question = Question { kind: LookupKind::ConsulKey, arguments: vec!["a".to_owned()] };
    assert!(matches!(services.ask(&question).await, Err(LookupError::Deadline { .. })));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn secrets_of_aws_are_picked_by_key_or_taken_raw() {
    let env = std::collections::BTreeMap::new();
    let services = Services { env: &env, secrets: Arc::new(Nobody), limit: Duration::from_secs(1) };
    let ask = async |kind, arguments: &[&str]| {
        let question = Question { kind, arguments: arguments.iter().map(|text| (*text).to_owned()).collect() };
        services.ask(&question).await.map_err(|error| error.to_string())
    };
    assert_eq!(ask(LookupKind::SecretsManager, &["s", "password"]).await.as_deref(), Ok("p"));
    assert_eq!(ask(LookupKind::SecretsManagerRaw, &["s"]).await.as_deref(), Ok(r#"{"user": "u", "password": "p"}"#));
    assert_eq!(ask(LookupKind::SecretsManager, &["s"]).await.unwrap_err(), "Secret has multiple values and no key was set");
}
