//! How the time of every reading command grows on large and hostile files: `cargo bench --no-default-features --bench large`.
//!
//! Each file is made twice, the second twice as long as the first, about a mebibyte. Printed are both times and how many times longer
//! the second takes: about 2 is linear, 4 is quadratic. The budget for the long one is a second. The exit status says nothing: figures of
//! a busy machine are no failure. A word on the command line picks the files whose name has it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and one that cannot go on may panic")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LENGTH: usize = 1 << 20;
const BUDGET: Duration = Duration::from_secs(1);
const COMMANDS: [&[&str]; 6] =
    [&["validate"], &["validate", "-format=json"], &["inspect"], &["fix"], &["migrate", "-diff"], &["fmt", "-check", "-diff"]];

fn main() -> std::io::Result<()> {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let dir = tempfile::TempDir::new()?;
    let path = dir.path().join("t.json");
    for (name, file) in FILES.iter().filter(|(name, _)| name.contains(&wanted)) {
        for command in COMMANDS {
            let took = [LENGTH / 2, LENGTH].map(|length| {
                std::fs::write(&path, file(length)).unwrap();
                time(command, &path)
            });
            let [short, long] = took.map(|took| took.as_secs_f64() * 1e3);
            let over = if took[1] > BUDGET { "  over a second" } else { "" };
            println!("{name:<28} {:<24} {short:>8.1} ms {long:>8.1} ms  x{:.1}{over}", command.join(" "), long / short);
        }
    }
    Ok(())
}

fn time(command: &[&str], path: &Path) -> Duration {
    let mut process = Command::new(env!("CARGO_BIN_EXE_amibake"));
    process.args(command).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    process.status().unwrap();
    began.elapsed()
}

type File = fn(usize) -> String;

const NULL: &str = r#""builders":[{"type":"null","communicator":"none"}]"#;

const FILES: &[(&str, File)] = &[
    ("unknown keys", |length| format!(r#"{{"builders":[{{"type":"amazon-ebs",{}}}]}}"#, list(length, |at| format!(r#""k{at}":1"#)))),
    ("unknown root keys", |length| format!("{{{NULL},{}}}", list(length, |at| format!(r#""k{at}":1"#)))),
    ("duplicate keys", |length| format!(r#"{{"a":{{{}}}}}"#, list(length, |_| r#""a":1"#.to_owned()))),
    ("undeclared variables", |length| variables(length, |at| format!("{{{{user `u{at}`}}}}"))),
    ("a chain of variables", |length| variables(length, |at| format!("{{{{user `v{:06}`}}}}", at + 1))),
    ("sensitive variables", sensitive),
    ("one long line", |length| format!(r#"{{{NULL},"x":1,"description":"{}"}}"#, "a".repeat(length))),
    ("builders", |length| format!(r#"{{"builders":[{}]}}"#, list(length, |at| format!(r#"{{"type":"null","name":"b{at}"}}"#)))),
    ("builders for elsewhere", |length| {
        format!(r#"{{"builders":[{}]}}"#, list(length, |at| format!(r#"{{"type":"docker","name":"b{at}"}}"#)))
    }),
    ("builders times provisioners", matrix),
    ("provisioners", |length| format!(r#"{{{NULL},"provisioners":[{}]}}"#, list(length, |_| SHELL.to_owned()))),
    ("missing scripts", |length| {
        format!(r#"{{{NULL},"provisioners":[{{"type":"shell","scripts":[{}]}}]}}"#, list(length, |at| format!(r#""s{at}""#)))
    }),
    ("overrides", |length| {
        format!(
            r#"{{{NULL},"provisioners":[{{"type":"shell","inline":"x","override":[{}]}}]}}"#,
            list(length, |at| format!(r#"{{"b{at}":{{}}}}"#))
        )
    }),
    ("loops", |length| format!(r#"{{{NULL},"provisioners":[{}]}}"#, list(length, |_| SHELL.replace('x', "{{range 99999}}{{end}}")))),
    ("openings", |length| format!(r#"{{{NULL},"provisioners":[{}]}}"#, SHELL.replace('x', &"{{.".repeat(length / 3)))),
    ("native openings", |length| format!(r#"{{{NULL},"provisioners":[{}]}}"#, SHELL.replace('x', &"<<user ".repeat(length / 7)))),
    ("nesting", |length| "[".repeat(length)),
];

const SHELL: &str = r#"{"type":"shell","inline":"x"}"#;

/// Items with commas between, together so long.
fn list(length: usize, item: impl Fn(usize) -> String) -> String {
    let mut text = item(0);
    for at in 1.. {
        if text.len() >= length {
            break;
        }
        text.push(',');
        text.push_str(&item(at));
    }
    text
}

fn variables(length: usize, value: impl Fn(usize) -> String) -> String {
    format!(r#"{{"variables":{{{}}},{NULL}}}"#, list(length, |at| format!(r#""v{at:06}":"{}""#, value(at))))
}

fn sensitive(length: usize) -> String {
    let values = list(length / 2, |at| format!(r#""v{at:06}":"secret{at:06}""#));
    let names = list(length / 4, |at| format!(r#""v{at:06}""#));
    format!(r#"{{"variables":{{{values}}},"sensitive-variables":[{names}],"x":1,{NULL}}}"#)
}

fn matrix(length: usize) -> String {
    let builders = list(length / 2, |at| format!(r#"{{"type":"null","name":"b{at}"}}"#));
    format!(r#"{{"builders":[{builders}],"provisioners":[{}]}}"#, list(length / 2, |_| SHELL.to_owned()))
}
