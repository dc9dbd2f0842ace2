//! `PACKER_LOG`: everything that happens with its time, in Go's log form, for a file or standard error.

use std::io::Write;

use jiff::Timestamp;

use super::story::Piece;

/// A log under way.
pub struct Log {
    to: Box<dyn Write + Send>,
}

impl Log {
    /// Writes to a file or standard error.
    pub fn new(to: Box<dyn Write + Send>) -> Self {
        Self { to }
    }

    /// Adds what was told, one line of the log for each of its lines. A failed write is ignored.
    pub fn add(&mut self, now: Timestamp, piece: &Piece) {
        let (word, text) = match piece {
            Piece::Text(text) => (text.tone.word(), text.text.clone()),
            Piece::Question(question) => ("ask", question.clone()),
            Piece::Fact { target, kind, data } => (*kind, format!("{target},{}", data.join(","))),
        };
        let time = now.strftime("%Y/%m/%d %H:%M:%S");
        for line in text.trim_matches('\n').lines() {
            let _ = writeln!(self.to, "{time} ui {word}: {line}");
        }
        let _ = self.to.flush();
    }
}
