//! Runs a trace's template on the lab as `build` or `validate` does, and tells what happened in a form that compares.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amibake::cli::load::Disk;
use amibake::engine::context::{OnError, RunOptions, Terminal};
use amibake::event::{Event, Reporter};
use amibake::parts::Parts;
use amibake::scheduler::{self, Interrupt, Run, RunEnd};
use amibake::ui::screen::{Look, Screen};
use amibake_template::document;
use amibake_template::finding::{Finding, Severity};
use amibake_template::json::{Dialect, parse};
use amibake_template::lang::Host;
use amibake_template::plan::{Plan, Selection, plan};
use amibake_template::source::Sources;
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::account::Account;
use super::effects::{Effects, Parameters, Seen};
use super::guest;
use super::trace::{Signal, Trace};
use super::words;

/// What Packer did, line by line.
pub fn recorded(trace: &Trace) -> Vec<String> {
    let mut effects = Effects::default();
    for call in trace.changes.iter().filter(|call| call.service.as_deref() == Some("s3")) {
        let (action, parameters) = s3(&words::recorded(&call.action));
        effects.add(&Seen { region: &call.region, action, parameters: &parameters, error: call.error.as_deref() });
    }
    for call in trace.changes.iter().filter(|call| matches!(call.service.as_deref(), None | Some("iam" | "ssm"))) {
        let parameters: Parameters = call.params.iter().flat_map(|(key, value)| flat(key, value)).collect();
        let error = call.error.as_deref();
        effects.add(&Seen { region: &call.region, action: &call.action, parameters: &parameters, error });
    }
    let files = trace.output_files.iter().flat_map(|(name, text)| file_lines(name, &words::recorded(text)));
    effects.lines().into_iter().chain(words::said(&trace.stdout)).chain(files).chain([exit(trace.exit == Some(0))]).collect()
}

/// A request to S3 (`PUT /BUCKET/KEY`) as the call that it is. How an object is encrypted stands in headers, which are not recorded.
fn s3(request: &str) -> (&'static str, Parameters) {
    let (method, path) = request.split_once(" /").unwrap();
    let (bucket, key) = path.split_once('/').unwrap();
    let action = match method {
        "PUT" => "PutObject",
        "DELETE" => "DeleteObject",
        other => panic!("{other} of S3"),
    };
    (action, [("Bucket", bucket), ("Key", key)].map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

/// A parameter in the form of a query: a list of a JSON request is counted.
fn flat(key: &str, value: &serde_json::Value) -> Vec<(String, String)> {
    match value {
        serde_json::Value::Object(fields) => fields.iter().flat_map(|(name, value)| flat(&format!("{key}.{name}"), value)).collect(),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, value)| flat(&format!("{key}.{}", at + 1), value)).collect()
        }
        text => vec![(key.to_owned(), words::recorded(text.as_str().unwrap_or_default()))],
    }
}

/// What amibake does, line by line.
pub async fn replay(trace: &Trace) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut account = Account::of(trace).await;
    account.places.insert("<workdir>", folder.path().display().to_string());
    let text = template(trace, &account, folder.path());
    let mut host = host(trace, folder.path());
    if let Some(instance) = account.places.get("<builder-host-instance>") {
        host.env.insert(guest::INSTANCE.to_owned(), instance.clone());
    }
    let parts = parts();
    let (plan, findings) = check(&text, &parts, &host, trace.has("-force"));
    let mut lines: Vec<String> = findings.iter().filter(|it| it.severity == Severity::Error).map(|it| it.message.clone()).collect();
    let before = account.lab.count();
    let mut success = plan.is_some();
    if let Some(plan) = plan.filter(|_| trace.has("build")) {
        let (said, ended) = build(trace, plan, parts, &account).await;
        lines.extend(said.lines().map(str::to_owned));
        success = ended;
    }
    for name in trace.output_files.keys() {
        lines.extend(file_lines(name, &std::fs::read_to_string(folder.path().join(name)).unwrap_or_default()));
    }
    let said = lines.iter().map(|line| words::ours(line, &account.places));
    let calls = calls(&account, before);
    calls.into_iter().chain(said).chain([exit(success)]).collect()
}

/// A log of commands compares line by line.
fn file_lines(name: &str, text: &str) -> Vec<String> {
    match name.ends_with(".log") {
        true => text.lines().map(|line| format!("{name}: {line}")).collect(),
        false => vec![format!("{name}: {text}")],
    }
}

fn exit(success: bool) -> String {
    format!("exit: {}", if success { "success" } else { "failure" })
}

fn calls(account: &Account, before: usize) -> Vec<String> {
    let mut effects = Effects::default();
    for call in account.lab.calls().split_off(before).iter().filter(|call| call.changes) {
        let common = |(key, value): (&String, &String)| (key.clone(), comparable(key, value, account));
        let parameters: Parameters = call.parameters.iter().map(common).collect();
        let error = call.failed.as_deref();
        effects.add(&Seen { region: call.region.as_str(), action: call.operation, parameters: &parameters, error });
    }
    effects.lines()
}

/// A parameter in the words of a recording. Tokens keep what tells them apart; the name of a temporary image is seven random characters.
fn comparable(key: &str, value: &str, account: &Account) -> String {
    match key {
        "ClientToken" => value.to_owned(),
        "Name" if value.len() == 7 && value.chars().all(|c| c.is_ascii_alphanumeric()) => "<random7>".to_owned(),
        _ => words::ours(value, &account.places),
    }
}

/// The template with the lab's values, its files in `folder`.
fn template(trace: &Trace, account: &Account, folder: &Path) -> String {
    let text = trace.template.to_string();
    let text = text.replace("\"session_manager_port\":\"<ssh-port>\"", "\"session_manager_port\":<busy-port>");
    let mut text = words::fill(&text, &account.places);
    let key = ("<ssh-key>".to_owned(), "a key\n".to_owned());
    for (name, content) in trace.files.clone().into_iter().chain([key]) {
        let path = folder.join(name.trim_matches(['<', '>']));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        text = text.replace(&format!("\"{name}\""), &format!("\"{}\"", path.display()));
    }
    for name in ["manifest.json", "disk.raw", "disk.img"] {
        text = text.replace(&format!("\"{name}\""), &format!("\"{}\"", folder.join(name).display()));
    }
    text
}

/// The recording's standard environment with the trace's own.
fn host(trace: &Trace, cwd: &Path) -> Host {
    let standard = [("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_POLL_DELAY_SECONDS", "1")];
    let mut host = Host { started_unix_nanos: 1_793_606_400 * 1_000_000_000, cwd: cwd.display().to_string(), ..Host::default() };
    host.env.extend(standard.map(|(name, value)| (name.to_owned(), value.to_owned())));
    host.env.extend(trace.env.clone());
    if trace.template.to_string().contains("session_manager") {
        host.env.insert("PATH".to_owned(), session_program(cwd));
    }
    host.env.retain(|_, value| value != "<unset>");
    host
}

/// A folder with something in the place of AWS's program for sessions. None is ever opened.
fn session_program(cwd: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let program = cwd.join("session-manager-plugin");
    if std::fs::write(&program, "#!/bin/sh\necho 1.2.600.0\n").is_ok() {
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    cwd.display().to_string()
}

/// A trace's template, built on the lab.
pub struct Played {
    /// Its plan.
    pub plan: Plan,
    /// The plan at another time, with another seed.
    pub later: Plan,
    pub lab: amibake_ec2::lab::Lab,
    /// What the build asked of EC2.
    pub calls: Vec<amibake_ec2::lab::Call>,
}

/// Builds what a trace builds; None where its template is refused.
pub async fn play(trace: &Trace) -> Option<Played> {
    let folder = tempfile::tempdir().unwrap();
    let account = Account::of(trace).await;
    let text = template(trace, &account, folder.path());
    let (mut host, parts) = (host(trace, folder.path()), parts());
    let plan = check(&text, &parts, &host, trace.has("-force")).0?;
    host.started_unix_nanos += 11_111_111 * 1_000_000_000;
    host.seed += 12_345;
    let later = check(&text, &parts, &host, trace.has("-force")).0?;
    let before = account.lab.count();
    build(trace, plan.clone(), parts, &account).await;
    Some(Played { plan, later, calls: account.lab.calls().split_off(before), lab: account.lab })
}

/// The program's parts, with a guest on the lab.
pub fn parts() -> Parts {
    let mut parts = Parts::all();
    guest::register(&mut parts);
    parts
}

fn check(text: &str, parts: &Parts, host: &Host, force: bool) -> (Option<Plan>, Vec<Finding>) {
    let mut sources = Sources::default();
    let id = sources.add("template.json", text);
    let (root, mut findings) = parse(id, text, Dialect::default());
    let (document, more) = document::read(root.unwrap());
    findings.extend(more);
    let selection = Selection { force, ..Selection::default() };
    let (plan, more) = plan(&document.unwrap(), &parts.registry, &[], &selection, host, &Disk);
    findings.extend(more);
    (plan, findings)
}

/// Codes of what is wrong with a trace's template.
pub fn mistakes(trace: &Trace) -> Vec<(&'static str, String)> {
    let text = words::fill(&trace.template.to_string(), &BTreeMap::new());
    let (_, findings) = check(&text, &Parts::all(), &host(trace, Path::new("/")), false);
    findings.into_iter().map(|finding| (finding.code, finding.message)).collect()
}

async fn build(trace: &Trace, plan: Plan, parts: Parts, account: &Account) -> (String, bool) {
    let (report, events) = Reporter::new();
    let (interrupts, interrupted) = mpsc::channel(3);
    let on_error = match trace.command.iter().find_map(|word| word.strip_prefix("-on-error=")) {
        Some("abort") => OnError::Abort,
        Some("ask") => OnError::Ask,
        _ => OnError::Cleanup,
    };
    let debug = trace.has("-debug");
    let options = RunOptions {
        on_error,
        force: trace.has("-force"),
        debug,
        run_uuid: "0b9ac5f2-6f0e-4a5e-9f0a-000000000001".to_owned(),
        began: Instant::now(),
    };
    let run = Run {
        plan,
        parts: Arc::new(parts),
        clouds: Arc::new(account.lab.clone()),
        options,
        parallel: debug.then_some(1),
        terminal: Arc::new(Answer(if debug { "" } else { "c" })),
        state_dir: None,
        template: None,
        adopt: None,
        guests: None,
        report,
    };
    let paper = Paper::default();
    let watching = watch(events, paper.clone(), trace.signal.as_ref(), interrupts);
    let (end, ()) = tokio::select! {
        ended = async { tokio::join!(scheduler::run(run, interrupted), watching) } => ended,
        never = account.somebody_else(trace) => match never {},
    };
    let success = match end {
        RunEnd::Ended(summary) => !summary.cancelled && summary.errors.is_empty(),
        RunEnd::Killed => false,
    };
    (paper.text(), success)
}

/// How often [`watch`] looks.
const LOOK: Duration = Duration::from_millis(100);

/// Prints what is told, and interrupts the run as the recorder did, until all speakers are gone.
async fn watch(events: Receiver<Event>, paper: Paper, signal: Option<&Signal>, interrupts: mpsc::Sender<Interrupt>) {
    let mut screen = Screen::new(Box::new(paper.clone()), Look::default(), jiff::Timestamp::now);
    let (mut signal, mut due) = (signal, VecDeque::new());
    loop {
        match events.try_recv() {
            Ok(event) => screen.show(&event),
            Err(TryRecvError::Disconnected) => break screen.flush(),
            Err(TryRecvError::Empty) => tokio::time::sleep(LOOK).await,
        }
        screen.flush();
        if let Some(signal) = signal.take_if(|signal| paper.text().contains(&signal.when_output_contains)) {
            let first = Instant::now() + Duration::from_secs(1);
            due.extend((0..signal.count).map(|nth| first + nth * Duration::from_millis(500)));
        }
        if due.pop_front_if(|at| *at <= Instant::now()).is_some() {
            let _ = interrupts.try_send(Interrupt::Interrupt);
        }
    }
}

/// A terminal's paper.
#[derive(Clone, Default)]
pub struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A person who always answers the same.
struct Answer(&'static str);

#[async_trait]
impl Terminal for Answer {
    async fn ask(&self, _: &str) -> Option<String> {
        Some(self.0.to_owned())
    }
}
