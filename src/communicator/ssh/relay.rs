//! A command's output as events: whole lines, many to an event, nothing lost.

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::event::{Reporter, Stream, What};

/// How much is read at once. A pipe holds 64 KiB.
const CHUNK: usize = 64 * 1024;
/// A line longer than this is told in pieces, so that output without line feeds cannot fill the memory.
const LONGEST_LINE: usize = 1024 * 1024;

/// Reads both streams of a command to their ends and tells their lines.
///
/// # Errors
/// A stream could not be read; what came before has been told.
pub(crate) async fn relay_both(
    out: Option<impl AsyncRead + Unpin>,
    err: Option<impl AsyncRead + Unpin>,
    to: &Reporter,
) -> std::io::Result<()> {
    let (out, err) = tokio::join!(relay(out, Stream::Out, to), relay(err, Stream::Err, to));
    out.and(err)
}

async fn relay(from: Option<impl AsyncRead + Unpin>, stream: Stream, to: &Reporter) -> std::io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut lines = Lines::default();
    let mut buffer = Vec::with_capacity(CHUNK);
    loop {
        buffer.clear();
        let end = from.read_buf(&mut buffer).await;
        let told = if matches!(end, Ok(n) if n > 0) { lines.take(&buffer) } else { lines.finish() };
        if let Some(text) = told {
            to.tell(What::Output { stream, text });
        }
        if end? == 0 {
            return Ok(());
        }
    }
}

/// Cuts a stream of bytes into lines, trimmed as Packer trims them: without white space at the end, and of what a terminal would
/// have overwritten (up to the last carriage return) only what is left standing.
#[derive(Default)]
struct Lines {
    /// The beginning of a line whose end has not come yet.
    open: Vec<u8>,
}

impl Lines {
    /// Takes more bytes; gives the lines that are whole now, joined by line feeds.
    fn take(&mut self, bytes: &[u8]) -> Option<String> {
        let Some(last) = bytes.iter().rposition(|b| *b == b'\n') else {
            self.open.extend_from_slice(bytes);
            return if self.open.len() > LONGEST_LINE { self.finish() } else { None };
        };
        let (whole, rest) = (&bytes[..last], &bytes[last + 1..]);
        let text = if self.open.is_empty() {
            trimmed(whole)
        } else {
            self.open.extend_from_slice(whole);
            let text = trimmed(&self.open);
            self.open.clear();
            text
        };
        self.open.extend_from_slice(rest);
        Some(text)
    }

    /// The last line, where the stream did not end with a line feed.
    fn finish(&mut self) -> Option<String> {
        let open = std::mem::take(&mut self.open);
        (!open.is_empty()).then(|| trimmed(&open))
    }
}

fn trimmed(lines: &[u8]) -> String {
    let text = String::from_utf8_lossy(lines);
    let mut trimmed = String::with_capacity(text.len());
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            trimmed.push('\n');
        }
        let line = line.trim_end();
        trimmed.push_str(line.rsplit_once('\r').map_or(line, |(_, standing)| standing));
    }
    trimmed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test should panic")]
    use super::*;

    /// Feeds `chunks` and gives all lines told.
    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut told: Vec<String> = chunks.iter().filter_map(|chunk| lines.take(chunk)).collect();
        told.extend(lines.finish());
        told.iter().flat_map(|text| text.split('\n')).map(str::to_owned).collect()
    }

    #[track_caller]
    fn check(chunks: &[&str], expected: &[&str]) {
        let bytes: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.as_bytes()).collect();
        assert_eq!(lines(&bytes), expected, "{chunks:?}");
    }

    #[test]
    fn lines_are_whole_and_trimmed_as_packer_trims_them() {
        check(&["one\ntwo\n"], &["one", "two"]);
        check(&["o", "ne\ntw", "o"], &["one", "two"]);
        check(&["a\n\n\nb\n"], &["a", "", "", "b"]);
        check(&["  kept  \t\r\n"], &["  kept"]);
        check(&["10%\r50%\r100%\n"], &["100%"]);
        check(&["100%\r\n"], &["100%"]);
        check(&[""], &[]);
    }

    #[test]
    fn a_character_cut_in_two_is_put_together() {
        let text = "grüße\n".as_bytes();
        assert_eq!(lines(&[&text[..3], &text[3..]]), ["grüße"]);
        assert_eq!(lines(&[b"\xff\n"]), ["\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_comes_in_pieces() {
        let chunk = [b'x'; CHUNK];
        let told = lines(&[&chunk[..]; 40]);
        assert!(told.len() > 1 && told.iter().all(|piece| piece.len() <= LONGEST_LINE + CHUNK));
        assert_eq!(told.iter().map(String::len).sum::<usize>(), 40 * CHUNK);
    }

    #[tokio::test]
    async fn a_stream_is_told_to_its_end() {
        let (report, events) = Reporter::new();
        relay_both(None::<&[u8]>, Some(&b"one\ntwo"[..]), &report).await.unwrap();
        drop(report);
        let told: Vec<What> = events.iter().map(|event| event.what).collect();
        let output = |text: &str| What::Output { stream: Stream::Err, text: text.to_owned() };
        assert_eq!(told, [output("one"), output("two")]);
    }
}
