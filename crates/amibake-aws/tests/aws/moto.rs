//! A moto server of our own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server; ends when dropped.
pub struct Moto {
    process: Child,
    pub endpoint: String,
}

/// moto 5.2.1 parses the dates of MOTO_AMIS_PATH in place, once for each region: the second region gets HTTP 500 for every
/// call. Here a date that is parsed already stays as it is.
const SERVER: &str = "
import sys, moto.server, moto.ec2.models.amis as amis
parse = amis.parse_timestamp
amis.parse_timestamp = lambda value: parse(value) if isinstance(value, str) else value
moto.server.main(sys.argv[1:])
";

impl Moto {
    /// Starts a server, or says why there is none. AMIBAKE_MOTO_PYTHON names the Python that has moto;
    /// with AMIBAKE_E2E=require its absence is a failure.
    pub fn start() -> Option<Self> {
        Self::start_as("http", &[])
    }

    /// The same by TLS, with a certificate and its key.
    pub fn start_tls(certificate: &str, key: &str) -> Option<Self> {
        Self::start_as("https", &["--ssl-cert", certificate, "--ssl-key", key])
    }

    fn start_as(scheme: &str, arguments: &[&str]) -> Option<Self> {
        let python = crate::environment("AMIBAKE_MOTO_PYTHON").unwrap_or_else(|| "python3".to_owned());
        let check = Command::new(&python).args(["-c", "import moto.server"]).stderr(Stdio::null()).status();
        if !check.is_ok_and(|status| status.success()) {
            crate::skip(&format!("`{python}` has no moto (pip install 'moto[server,ec2]', or set AMIBAKE_MOTO_PYTHON)"));
            return None;
        }
        Some(Self::start_with(&python, scheme, arguments))
    }

    fn start_with(python: &str, scheme: &str, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let images = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws/moto-images.json");
        let process = Command::new(python)
            .args(["-c", SERVER, "-H", "127.0.0.1", "-p", &port.to_string()])
            .args(arguments)
            .env("MOTO_AMIS_PATH", images)
            .env("MOTO_ENABLE_AMI_VALIDATION", "true")
            .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
            .env("MOTO_ENABLE_KEYPAIR_VALIDATION", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut moto = Self { process, endpoint: format!("{scheme}://127.0.0.1:{port}") };
        let limit = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(moto.process.try_wait().unwrap().is_none(), "moto ended at once");
            assert!(Instant::now() < limit, "moto does not listen");
            pause();
        }
        moto
    }

    /// Makes a bucket of S3: moto asks nobody who that is.
    pub fn make_bucket(&self, name: &str) {
        let host = self.endpoint.split_once("://").unwrap().1;
        let mut connection = TcpStream::connect(host).unwrap();
        write!(connection, "PUT /{name} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[expect(clippy::disallowed_methods, reason = "another process starts; there is nothing to wait on")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
