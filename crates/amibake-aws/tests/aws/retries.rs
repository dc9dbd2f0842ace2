//! What is sent again and what is not, on a server that answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use amibake_aws::AwsClouds;
use amibake_ec2::model::{Access, KeyPairRequest, KeyType, RunInstances};
use amibake_ec2::{Clouds, Ec2, Ec2Error, ErrorKind};

/// An answer: a status and a body; None closes the connection instead.
pub type Reply = Option<(u16, &'static str)>;

const THROTTLED: Reply = Some((
    503,
    "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error></Errors></Response>",
));
const NO_ROOM: Reply = Some((
    500,
    "<Response><Errors><Error><Code>InsufficientInstanceCapacity</Code><Message>We currently do not have sufficient t2.micro capacity.</Message></Error></Errors></Response>",
));
const BROKEN: Reply = Some((500, "<html>an error page</html>"));
const REFUSED: Reply = Some((
    400,
    "<Response><Errors><Error><Code>InvalidKeyPair.Duplicate</Code><Message>The keypair already exists</Message></Error></Errors></Response>",
));
const KEY: Reply = Some((200, "<CreateKeyPairResponse><keyName>k</keyName><keyMaterial>PEM</keyMaterial></CreateKeyPairResponse>"));
const INSTANCE: Reply = Some((
    200,
    "<RunInstancesResponse><instancesSet><item><instanceId>i-0123456789abcdef0</instanceId><instanceState><code>0</code><name>pending</name></instanceState></item></instancesSet></RunInstancesResponse>",
));

/// Serves the replies in turn and keeps the bodies of the requests.
pub fn serve(replies: Vec<Reply>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&bodies);
    std::thread::spawn(move || {
        for reply in replies {
            let (stream, _) = listener.accept().unwrap();
            answer(stream, reply, &seen);
        }
    });
    (endpoint, bodies)
}

fn answer(mut stream: TcpStream, reply: Reply, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    seen.lock().unwrap().push(String::from_utf8(body).unwrap());
    if let Some((status, text)) = reply {
        let head = format!("HTTP/1.1 {status} -\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
        stream.write_all(format!("{head}{text}").as_bytes()).unwrap();
    }
}

async fn open(endpoint: &str) -> Arc<dyn Ec2> {
    let access = Access {
        region: Some("us-east-1".to_owned()),
        keys: Some(crate::keys()),
        endpoint: Some(endpoint.to_owned()),
        ..Access::default()
    };
    let cloud = AwsClouds::default().open(&access).await.unwrap();
    cloud.ec2(cloud.build_region())
}

/// Makes a key pair; how it ended and how many requests arrived.
fn create_key_pair(replies: Vec<Reply>) -> (Result<(), Ec2Error>, usize) {
    let (endpoint, bodies) = serve(replies);
    let reply = crate::run(async {
        let request = KeyPairRequest { name: "k".to_owned(), key_type: KeyType::Ed25519, tags: Vec::new() };
        open(&endpoint).await.create_key_pair(request).await.map(drop)
    });
    let count = bodies.lock().unwrap().len();
    (reply, count)
}

/// Launches an instance; how it ended and the client tokens that arrived.
fn run_instance(replies: Vec<Reply>) -> (Result<String, Ec2Error>, Vec<String>) {
    let (endpoint, bodies) = serve(replies);
    let reply = crate::run(async {
        let request = RunInstances {
            client_token: "token-1".to_owned(),
            image: "ami-0123456789abcdef0".to_owned(),
            instance_type: "t2.micro".to_owned(),
            key_name: Some(String::new()),
            ..RunInstances::default()
        };
        open(&endpoint).await.run_instance(request).await.map(|instance| instance.id.to_string())
    });
    let bodies = bodies.lock().unwrap();
    assert!(bodies.iter().all(|body| !body.contains("KeyName")), "an empty parameter was sent: {bodies:?}");
    let token = |body: &String| body.split('&').find_map(|pair| pair.strip_prefix("ClientToken=")).unwrap().to_owned();
    (reply, bodies.iter().map(token).collect())
}

#[test]
fn a_create_without_token_is_not_repeated_after_a_lost_reply() {
    let (reply, requests) = create_key_pair(vec![None, KEY]);
    assert_eq!((reply.unwrap_err().kind, requests), (ErrorKind::Unknown, 1));
}

#[test]
fn a_create_without_token_is_not_repeated_after_a_server_error() {
    let (reply, requests) = create_key_pair(vec![BROKEN, KEY]);
    let error = reply.unwrap_err();
    assert_eq!((error.kind, error.code, requests), (ErrorKind::Unknown, None, 1));
}

#[test]
fn when_to_ask_again_after_throttling_is_the_engines_business() {
    let (reply, requests) = create_key_pair(vec![THROTTLED, KEY]);
    assert_eq!((reply.unwrap_err().kind, requests), (ErrorKind::Throttled, 1));
    let (reply, tokens) = run_instance(vec![THROTTLED, INSTANCE]);
    assert_eq!((reply.unwrap_err().kind, tokens.len()), (ErrorKind::Throttled, 1));
}

#[test]
fn a_refusal_is_told_with_code_and_message() {
    let (reply, requests) = create_key_pair(vec![REFUSED]);
    let error = reply.unwrap_err();
    assert_eq!(error.to_string(), "CreateKeyPair: InvalidKeyPair.Duplicate: The keypair already exists");
    assert_eq!((error.kind, requests), (ErrorKind::Refused, 1));
}

#[test]
fn a_launch_is_repeated_with_the_same_token() {
    let (reply, tokens) = run_instance(vec![None, BROKEN, INSTANCE]);
    assert_eq!((reply.as_deref(), tokens), (Ok("i-0123456789abcdef0"), vec!["token-1".to_owned(); 3]));
}

#[test]
fn no_room_is_an_answer() {
    let (reply, tokens) = run_instance(vec![NO_ROOM, INSTANCE]);
    let error = reply.unwrap_err();
    assert_eq!(error.to_string(), "RunInstances: InsufficientInstanceCapacity: We currently do not have sufficient t2.micro capacity.");
    assert_eq!((error.kind, tokens.len()), (ErrorKind::Refused, 1));
}

#[test]
fn an_endpoint_that_does_not_listen_is_named_without_secrets() {
    let endpoint = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let request = KeyPairRequest { name: "k".to_owned(), key_type: KeyType::Rsa, tags: Vec::new() };
    let error = crate::run(async { open(&endpoint).await.create_key_pair(request).await.unwrap_err() });
    assert_eq!(error.kind, ErrorKind::Unknown);
    let text = format!("{error} {error:?}");
    assert!(error.message.contains("could not be reached") && error.message.contains("refused"), "{text}");
    assert!(!text.contains("the-secret-key") && !text.contains("AKIATEST"), "{text}");
}
