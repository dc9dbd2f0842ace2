//! How an account is reached: what a build does with it on the lab. What amibake-aws sends is tested in that crate.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use amibake_ec2::lab::{At, Fault, Kind, Lab};
use serde_json::{Value, json};

use super::ebs_lab::{Bench, Outcome, builder, lab};

const REFUSED: Kind = Kind::Refuse(
    "UnauthorizedOperation",
    "You are not authorized to perform this operation. Encoded authorization failure message: AbCdEf-123_xyz",
);

#[tokio::test(start_paused = true)]
async fn an_encoded_refusal_is_decoded_once_and_the_call_is_not_repeated() {
    let bench = Bench::new(lab());
    bench.lab.fault(Fault::new(At::Operation("RunInstances", 1), REFUSED));
    let outcome = bench.bake(builder(json!({"decode_authorization_messages": true}))).await;
    assert_eq!(
        outcome.error(),
        "Error launching source instance in us-east-1: RunInstances: UnauthorizedOperation: \
         You are not authorized to perform this operation. Authorization failure message: '{\"allowed\":false}'"
    );
    assert_eq!(outcome.call("DecodeAuthorizationMessage").parameters["EncodedMessage"], "AbCdEf-123_xyz");
    outcome.call("RunInstances");
    assert_eq!(outcome.remaining, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_stays_as_it_is() {
    for (decode, calls) in [(true, 1), (false, 0)] {
        let bench = Bench::new(lab());
        bench.lab.fault(Fault::new(At::Operation("RunInstances", 1), REFUSED));
        bench.lab.fault(Fault::new(At::Operation("DecodeAuthorizationMessage", 1), Kind::Refuse("AccessDenied", "no")));
        let outcome = bench.bake(builder(json!({"decode_authorization_messages": decode}))).await;
        assert!(outcome.error().ends_with("Encoded authorization failure message: AbCdEf-123_xyz"), "{}", outcome.error());
        assert_eq!(outcome.calls.iter().filter(|call| call.operation == "DecodeAuthorizationMessage").count(), calls);
    }
}

/// Requests that came in: `METHOD PATH TOKEN BODY`.
type Requests = Arc<Mutex<Vec<String>>>;

/// A Vault with an AWS secrets engine, as its API documentation has it
/// (<https://developer.hashicorp.com/vault/api-docs/secret/aws>).
fn vault() -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap(), &seen)));
    (address, requests)
}

fn answer(mut stream: TcpStream, requests: &Requests) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let (mut line, mut token) = (head.split(' '), "");
    let (method, path) = (line.next().unwrap(), line.next().unwrap());
    for header in head.lines() {
        match header.to_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("x-vault-token", _)) => token = header.split_once(": ").unwrap().1,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    requests.lock().unwrap().push(format!("{method} {path} {token} {}", String::from_utf8(body).unwrap()).trim_end().to_owned());
    let data =
        |token: Value| json!({"data": {"access_key": "AKIAVAULT", "secret_key": "vaults-secret", "security_token": token}}).to_string();
    let (status, body) = match path {
        "/v1/aws/creds/builder" => (200, data(Value::Null)),
        "/v1/other/sts/builder" => (200, data(json!("vaults-token"))),
        "/v1/aws/creds/empty" => (200, json!({"data": {}}).to_string()),
        "/v1/aws/creds/forbidden" => (403, json!({"errors": ["permission denied"]}).to_string()),
        _ => (404, json!({"errors": []}).to_string()),
    };
    write!(stream, "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
}

/// Builds with this engine; what Vault was asked.
async fn bake(engine: Value, token: bool, fault: Option<Fault>) -> (Outcome, Vec<String>) {
    let (address, requests) = vault();
    let mut bench = Bench::new(Lab::default());
    bench.env.insert("VAULT_ADDR".to_owned(), address);
    bench.env.extend(token.then(|| ("VAULT_TOKEN".to_owned(), "t0ken".to_owned())));
    if let Some(fault) = fault {
        bench.lab.fault(fault);
    }
    let outcome = bench.bake(builder(json!({"vault_aws_engine": engine}))).await;
    let requests = requests.lock().unwrap().clone();
    (outcome, requests)
}

const WAITING: &str =
    "==> You're using Vault-generated AWS credentials. It may take a few moments for them to become available on AWS. Waiting...\n";

#[tokio::test]
async fn vault_gives_credentials_which_are_waited_for_and_hidden() {
    let fault = Fault::new(
        At::Operation("DescribeRegions", 1),
        Kind::Refuse("AuthFailure", "AWS was not able to validate the provided access credentials"),
    );
    let (outcome, requests) = bake(json!({"name": "builder"}), true, Some(fault)).await;
    outcome.artifact();
    assert_eq!(requests, ["GET /v1/aws/creds/builder t0ken"]);
    assert!(outcome.text.starts_with(&format!("hidden: 13 characters\n{WAITING}")), "{}", outcome.text);
    assert_eq!(
        outcome.calls.iter().filter(|call| call.operation == "DescribeRegions").count(),
        3,
        "one was refused, one is the check of regions"
    );
}

#[tokio::test]
async fn vault_assumes_a_role() {
    let engine = json!({"name": "builder", "engine_name": "other", "role_arn": "arn:aws:iam::1:role/r", "ttl": "1h"});
    let (outcome, requests) = bake(engine, true, None).await;
    outcome.artifact();
    assert_eq!(requests, [r#"POST /v1/other/sts/builder t0ken {"role_arn":"arn:aws:iam::1:role/r","ttl":"1h"}"#]);
    assert!(outcome.text.starts_with("hidden: 13 characters\nhidden: 12 characters\n"), "key and token: {}", outcome.text);
}

#[tokio::test]
async fn what_vault_does_not_give_is_said() {
    for (name, token, error) in [
        ("builder", false, "Vault: Error getting Vault client: VAULT_TOKEN is not set"),
        ("absent", true, "Vault: Vault Secret does not exist at the given path. (aws/creds/absent)"),
        ("forbidden", true, "Vault: Error reading vault secret: aws/creds/forbidden: permission denied"),
        ("empty", true, "Vault: Vault gave no AWS credentials at aws/creds/empty"),
    ] {
        let (outcome, _) = bake(json!({"name": name}), token, None).await;
        assert_eq!(outcome.error(), error);
        assert_eq!(outcome.calls.len(), 0);
    }
}
