//! How fast `validate` is as a whole process, and how its time grows: `cargo bench --no-default-features --bench validate`.
//!
//! Prints what was measured, the budget and their ratio; for what is measured in three sizes, how many times longer ten times as much takes:
//! about 10 is linear. The exit status says nothing: figures of a busy machine are no failure. AMIBAKE_TEMPLATE with a command line's
//! rest (`-var-file v.json t.json`) measures a template of one's own.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and one that cannot go on may panic")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const ROUNDS: usize = 11;
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// More takes too long to be worth the wait.
const LONG: Duration = Duration::from_secs(2);

fn main() -> std::io::Result<()> {
    let flagship = ["-var-file=packer-vars.json", "packer-template.json"].map(str::to_owned);
    report("the flagship", median(Path::new(env!("CARGO_MANIFEST_DIR")), &flagship), Some(Duration::from_millis(10)));
    if let Some(words) = own_template() {
        report("AMIBAKE_TEMPLATE", median(Path::new("."), &words), Some(Duration::from_millis(25)));
    }
    grows("provisioners", provisioners, Some((10_000, Duration::from_secs(1))))?;
    grows("variables in chains of 20", variables, None)?;
    grows("builders", builders, None)?;
    grows("actions in one string", actions, None)?;
    grows("keys in one map", keys, None)
}

#[expect(clippy::disallowed_methods, reason = "what somebody asks of this benchmark")]
fn own_template() -> Option<Vec<String>> {
    let words = std::env::var("AMIBAKE_TEMPLATE").ok()?;
    Some(words.split_whitespace().map(str::to_owned).collect())
}

/// The middle of some runs, or the only one that is worth the wait.
fn median(dir: &Path, words: &[String]) -> Duration {
    let mut times = Vec::new();
    while times.len() < ROUNDS && times.iter().all(|took| *took < LONG) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amibake"));
        command.arg("validate").args(words).current_dir(dir).stdout(Stdio::null());
        let began = Instant::now();
        let status = command.status().unwrap();
        times.push(began.elapsed());
        assert!(status.success(), "the template is refused: amibake validate {}", words.join(" "));
    }
    times.sort();
    times[times.len() / 2]
}

fn grows(what: &str, template: fn(usize) -> Value, budget: Option<(usize, Duration)>) -> std::io::Result<()> {
    let dir = tempfile::TempDir::new()?;
    let mut before: Option<Duration> = None;
    for size in SIZES {
        std::fs::write(dir.path().join("t.json"), template(size).to_string())?;
        let took = median(dir.path(), &["t.json".to_owned()]);
        report(&format!("{size} {what}"), took, budget.filter(|(at, _)| *at == size).map(|(_, budget)| budget));
        if let Some(before) = before {
            println!("{:>52} {:.1} times as long", "", took.as_secs_f64() / before.as_secs_f64());
        }
        before = Some(took);
    }
    Ok(())
}

fn report(what: &str, took: Duration, budget: Option<Duration>) {
    let ratio = budget.map(|budget| format!("  budget {budget:?}, ratio {:.2}", took.as_secs_f64() / budget.as_secs_f64()));
    println!("{what:<40} {:>9.1} ms{}", took.as_secs_f64() * 1e3, ratio.unwrap_or_default());
}

fn null_builder() -> Value {
    json!([{"type": "null", "communicator": "none"}])
}

fn provisioners(size: usize) -> Value {
    let one = |at| json!({"type": "shell", "inline": [format!("echo {{{{user `a`}}}} {at}")], "environment_vars": ["A={{build `ID`}}"]});
    json!({"variables": {"a": "x"}, "builders": null_builder(), "provisioners": (0..size).map(one).collect::<Vec<_>>()})
}

fn variables(size: usize) -> Value {
    let value = |at: usize| if at.is_multiple_of(20) { "x".to_owned() } else { format!("{{{{user `v{}`}}}}", at - 1) };
    let variables: serde_json::Map<_, _> = (0..size).map(|at| (format!("v{at}"), value(at).into())).collect();
    json!({"variables": variables, "builders": null_builder()})
}

fn builders(size: usize) -> Value {
    let one = |at| json!({"type": "file", "name": format!("b{at}"), "target": format!("out{at}"), "content": "{{build_name}}"});
    json!({"builders": (0..size).map(one).collect::<Vec<_>>()})
}

fn actions(size: usize) -> Value {
    json!({"variables": {"a": "x"}, "builders": [{"type": "file", "target": "out", "content": "{{user `a` | upper}} ".repeat(size)}]})
}

fn keys(size: usize) -> Value {
    let data: serde_json::Map<_, _> = (0..size).map(|at| (format!("key{at}"), "{{build_name}}".into())).collect();
    json!({"builders": [{"type": "file", "target": "out", "content": "x"}], "post-processors": [{"type": "manifest", "custom_data": data}]})
}
