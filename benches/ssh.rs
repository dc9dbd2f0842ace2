//! How fast the SSH communicator is, against a real sshd of this machine: `cargo bench --no-default-features --bench ssh`.
//!
//! Prints what was measured, the budget and their ratio; medians of a few runs. The exit status says nothing: figures of a busy machine
//! are no failure. Small files measure the disk more than the program: `TMPDIR=/dev/shm` gives figures that can be compared.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on may panic")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use amibake::communicator::ssh::SshCommunicator;
use amibake::communicator::{Communicator, CommunicatorError, Content, Ended};
use amibake::event::{Reporter, What};

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/sshd.rs"]
mod sshd;

const ROUNDS: usize = 5;
const LINES: usize = 1_000_000;
const SMALL_FILES: usize = 5_000;
const BIG_FILE: u64 = 512 * 1024 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(guest) = sshd::Guest::start() else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&guest))
}

async fn measure(guest: &sshd::Guest) -> Result<(), Box<dyn std::error::Error>> {
    let began = Instant::now();
    let connection = guest.connect(&guest.config()).await?;
    report("connect", began.elapsed(), None);
    let small = guest.path("small");
    std::fs::create_dir(&small)?;
    for n in 0..SMALL_FILES {
        std::fs::write(small.join(n.to_string()), [b'x'; 1024])?;
    }
    let big = guest.path("big");
    std::fs::File::create(&big)?.set_len(BIG_FILE)?;

    report("one command", median(async || run(&connection, "true").await.map(drop)).await?, None);
    let took = median(async || run(&connection, &format!("seq 1 {LINES}")).await.map(|lines| assert_eq!(lines, LINES))).await?;
    report("1,000,000 lines of output", took, Some(Duration::from_secs(10)));
    let took = median(async || connection.upload_dir(&small.to_string_lossy(), &fresh(guest).to_string_lossy()).await).await?;
    report("upload of 5,000 files of 1 KiB", took, Some(Duration::from_millis(220)));
    let took = median(async || connection.download_dir(&small.to_string_lossy(), &fresh(guest)).await).await?;
    report("download of the same", took, None);
    let copy = guest.path("big-copy").to_string_lossy().into_owned();
    let took = median(async || connection.upload(Content::File(&big), &copy, None).await).await?;
    report("upload of a file of 512 MiB", took, Some(Duration::from_secs(2)));
    let took = median(async || connection.download(&copy, &guest.path("big-back")).await).await?;
    report("download of the same", took, None);
    connection.close().await;
    Ok(())
}

/// Runs a command; how many lines it said.
async fn run(connection: &SshCommunicator, command: &str) -> Result<usize, CommunicatorError> {
    let (to, events) = Reporter::new();
    let ended = connection.run(command, &to).await?;
    assert_eq!(ended, Ended::Status(0), "{command}");
    let texts = events.try_iter().filter_map(|event| match event.what {
        What::Output { text, .. } => Some(text),
        _ => None,
    });
    Ok(texts.map(|text| text.split('\n').count()).sum())
}

/// A path where nothing is yet; clearing one away would count.
fn fresh(guest: &sshd::Guest) -> PathBuf {
    (0..).map(|n| guest.path(&format!("fresh-{n}"))).find(|path| !path.exists()).unwrap_or_default()
}

async fn median(mut work: impl AsyncFnMut() -> Result<(), CommunicatorError>) -> Result<Duration, CommunicatorError> {
    let mut took = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        work().await?;
        took.push(began.elapsed());
    }
    took.sort();
    Ok(took[ROUNDS / 2])
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are what it is for")]
fn report(what: &str, took: Duration, budget: Option<Duration>) {
    let took = took.as_secs_f64();
    match budget.map(|budget| budget.as_secs_f64()) {
        Some(budget) => println!("{what:<32} {took:>8.3} s   budget {budget:>6.2} s   {:>4.0} %", 100.0 * took / budget),
        None => println!("{what:<32} {took:>8.3} s"),
    }
}
