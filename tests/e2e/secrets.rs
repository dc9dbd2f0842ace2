//! `aws_secretsmanager` and `aws_secretsmanager_raw` against moto's Secrets Manager.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cloud::setting;

/// moto's server; it ends with the test.
struct Moto {
    server: Child,
    port: u16,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Moto {
    #[expect(clippy::disallowed_methods, reason = "a server that says nothing when it is ready can only be tried")]
    /// None, said aloud, where moto is missing, unless `AMIBAKE_E2E=require` makes that a failure.
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let python = setting("AMIBAKE_MOTO_PYTHON").unwrap_or_else(|| "python3".into());
        let code = format!("from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])");
        let server = Command::new(python).args(["-c", &code]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut moto = Self { server, port };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if moto.server.try_wait().unwrap().is_some() || began.elapsed() > Duration::from_secs(120) {
                assert!(setting("AMIBAKE_E2E").as_deref() != Some("require"), "moto does not start; tests/e2e/setup.sh installs it");
                eprintln!("SKIPPED: moto does not start; tests/e2e/setup.sh installs it");
                return None;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(moto)
    }

    fn create(&self, secret: &Value) {
        let body = secret.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head =
            "Host: localhost\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: secretsmanager.CreateSecret";
        let scope =
            "Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0";
        write!(stream, "POST / HTTP/1.1\r\n{head}\r\n{scope}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }

    fn amibake(&self, home: &std::path::Path, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amibake"));
        command.args(arguments).current_dir(home).env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin");
        command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)).env("AWS_REGION", "us-east-1");
        let output = command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b").output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn template(variables: Value) -> String {
    let builder = json!({"type": "file", "target": "out.txt", "content": "{{user `a`}} {{user `b`}} {{user `c`}} {{user `d`}}"});
    json!({"variables": variables, "builders": [builder]}).to_string()
}

#[test]
fn secrets_of_aws_reach_the_template() {
    let Some(moto) = Moto::start() else { return };
    moto.create(&json!({"Name": "plain", "SecretString": "open sesame", "ClientRequestToken": "a".repeat(32)}));
    let object = r#"{"user": "admin", "port": 5432}"#;
    moto.create(&json!({"Name": "app/db", "SecretString": object, "ClientRequestToken": "b".repeat(32)}));
    let home = tempfile::TempDir::new().unwrap();
    let variables = json!({
        "a": "{{aws_secretsmanager `plain`}}",
        "b": "{{aws_secretsmanager `app/db` `user`}}",
        "c": "{{aws_secretsmanager `app/db` `port`}}",
        "d": "{{aws_secretsmanager_raw `app/db`}}",
    });
    std::fs::write(home.path().join("t.json"), template(variables)).unwrap();
    let (success, output) = moto.amibake(home.path(), &["build", "-color=false", "t.json"]);
    assert!(success, "{output}");
    assert_eq!(std::fs::read_to_string(home.path().join("out.txt")).unwrap(), format!("open sesame admin 5432 {object}"));
    assert!(!output.contains("sesame"), "{output}");

    let variables = json!({"a": "{{aws_secretsmanager `nope`}}", "b": "{{aws_secretsmanager `app/db`}}", "c": "", "d": ""});
    std::fs::write(home.path().join("t.json"), template(variables)).unwrap();
    let (success, output) = moto.amibake(home.path(), &["validate", "t.json"]);
    assert!(!success && output.contains("variable `a`") && output.contains("ResourceNotFoundException"), "{output}");
    assert!(output.contains("Secret has multiple values and no key was set"), "{output}");
}
