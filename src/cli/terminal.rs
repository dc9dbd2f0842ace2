//! The person at the terminal, for `-on-error=ask` and `-debug`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::engine::context::Terminal;
use crate::event::{Reporter, What};

/// The controlling terminal. Standard input may be the template, so it is not read.
pub struct ControllingTerminal {
    report: Reporter,
    tty: Mutex<Option<BufReader<File>>>,
}

impl ControllingTerminal {
    /// Asks through the run's voice.
    pub fn new(report: Reporter) -> Self {
        let tty = File::open("/dev/tty").ok().map(BufReader::new);
        Self { report, tty: Mutex::new(tty) }
    }

    /// The terminal; None where there is none, or where an earlier question still waits for its answer.
    fn take(&self) -> Option<BufReader<File>> {
        self.tty.lock().ok()?.take()
    }

    fn give_back(&self, tty: BufReader<File>) {
        if let Ok(mut place) = self.tty.lock() {
            *place = Some(tty);
        }
    }
}

#[async_trait]
impl Terminal for ControllingTerminal {
    async fn ask(&self, question: &str) -> Option<String> {
        let mut tty = self.take()?;
        self.report.tell(What::Question(question.to_owned()));
        // A thread of its own: reading from a terminal cannot be cancelled, and the builds must go on meanwhile. A thread that
        // still waits when the program is done ends with it.
        let (answer, answered) = oneshot::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = tty.read_line(&mut line);
            let _ = answer.send(read.is_ok_and(|bytes| bytes > 0).then_some((line, tty)));
        });
        let (line, tty) = answered.await.ok()??;
        self.give_back(tty);
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// Where nobody can be asked: output for programs.
pub struct Nobody;

#[async_trait]
impl Terminal for Nobody {
    async fn ask(&self, _question: &str) -> Option<String> {
        None
    }
}
