//! What a client sent for a program and the program has not read yet.
//!
//! The SSH library gives a client new room as soon as it has handed the bytes over, and hands over the bytes of all channels of a
//! connection in one line. So a channel that takes no more bytes stops its neighbours. While the program reads, that is what shall
//! happen: it is how a fast client is slowed down to a program's pace. A program that reads nothing at all (`sleep`) must not stop
//! the others; for it the bytes go to a file, up to a limit.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::time::Instant;

/// Bytes that wait in memory.
const MEMORY: usize = 2 * 1024 * 1024;

/// Bytes that wait in a file.
const DISK: u64 = 1024 * 1024 * 1024;

/// Bytes that come back from the file at a time.
const CHUNK: usize = 256 * 1024;

/// How long a program may read nothing before it no longer slows down its neighbours.
const PATIENCE: Duration = Duration::from_millis(250);

/// A queue of bytes.
#[derive(Debug)]
pub(super) struct Inbox {
    memory: VecDeque<Bytes>,
    length: usize,
    /// What came after `memory`.
    spill: Option<Spill>,
    /// When the program last took something, or the first bytes came.
    moved: Instant,
    ended: bool,
}

#[derive(Debug)]
struct Spill {
    file: Arc<File>,
    read: u64,
    written: u64,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { memory: VecDeque::new(), length: 0, spill: None, moved: Instant::now(), ended: false }
    }

    /// Whether more may be taken from the client now; else when to ask again.
    pub(super) fn room(&self) -> Result<(), Instant> {
        let spilt = self.spill.as_ref().map_or(0, |spill| spill.written);
        let stuck = self.moved + PATIENCE;
        if self.length < MEMORY && self.spill.is_none() || (Instant::now() >= stuck && spilt < DISK) {
            return Ok(());
        }
        Err(stuck.max(Instant::now() + PATIENCE / 8))
    }

    /// Takes bytes from the client.
    ///
    /// # Errors
    /// There is no place for them on disk.
    pub(super) async fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.is_empty() {
            self.moved = Instant::now();
        }
        if self.spill.is_none() && self.length < MEMORY {
            self.length += bytes.len();
            self.memory.push_back(bytes);
            return Ok(());
        }
        let (file, at) = match self.spill.take() {
            Some(spill) => (Some(spill.file), (spill.read, spill.written)),
            None => (None, (0, 0)),
        };
        let length = bytes.len() as u64;
        let file = blocking(move || {
            let file = file.map_or_else(|| tempfile::tempfile().map(Arc::new), Ok)?;
            file.write_all_at(&bytes, at.1)?;
            Ok(file)
        })
        .await?;
        self.spill = Some(Spill { file, read: at.0, written: at.1 + length });
        Ok(())
    }

    /// Notes that nothing more comes.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.spill.is_none()
    }

    /// Whether nothing waits and nothing more comes.
    pub(super) fn is_finished(&self) -> bool {
        self.ended && self.is_empty()
    }

    /// Brings back what is on disk, where memory is empty.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) async fn refill(&mut self) -> io::Result<()> {
        let Some(spill) = self.spill.as_mut().filter(|_| self.memory.is_empty()) else { return Ok(()) };
        let (file, at) = (spill.file.clone(), spill.read);
        let wanted = CHUNK.min(usize::try_from(spill.written - spill.read).unwrap_or(CHUNK));
        let chunk = blocking(move || {
            let mut chunk = vec![0; wanted];
            file.read_exact_at(&mut chunk, at)?;
            Ok(chunk)
        })
        .await?;
        spill.read += chunk.len() as u64;
        if spill.read == spill.written {
            self.spill = None;
        }
        self.length += chunk.len();
        self.memory.push_back(chunk.into());
        Ok(())
    }

    /// The next bytes for the program. Empty where none are in memory.
    pub(super) fn front(&self) -> &[u8] {
        self.memory.front().map_or(&[], |bytes| bytes)
    }

    /// Notes that the program took so many of [`Inbox::front`].
    pub(super) fn advance(&mut self, count: usize) {
        self.moved = Instant::now();
        let Some(front) = self.memory.front_mut() else { return };
        let count = count.min(front.len());
        self.length -= count;
        front.advance(count);
        if front.is_empty() {
            self.memory.pop_front();
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes everything out.
    async fn drain(inbox: &mut Inbox) -> Vec<u8> {
        let mut all = Vec::new();
        while !inbox.is_empty() {
            inbox.refill().await.unwrap();
            all.extend_from_slice(inbox.front());
            inbox.advance(inbox.front().len());
        }
        all
    }

    #[tokio::test]
    async fn bytes_come_back_in_order_through_memory_and_disk() {
        let mut inbox = Inbox::new();
        let mut expected = Vec::new();
        for round in 0..200_u8 {
            let bytes = vec![round; 32 * 1024];
            expected.extend_from_slice(&bytes);
            inbox.push(bytes.into()).await.unwrap();
        }
        assert!(inbox.spill.is_some(), "more than memory holds");
        inbox.end();
        assert!(drain(&mut inbox).await == expected);
        assert!(inbox.is_finished());
        assert_eq!(inbox.length, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_inbox_slows_the_client_down_until_the_program_is_stuck() {
        let mut inbox = Inbox::new();
        inbox.push(vec![0; MEMORY].into()).await.unwrap();
        assert!(inbox.room().is_err());
        tokio::time::advance(PATIENCE).await;
        assert_eq!(inbox.room(), Ok(()), "it reads nothing");
        inbox.advance(1);
        assert_eq!(inbox.room(), Ok(()), "there is room");
        inbox.push(vec![0; 2].into()).await.unwrap();
        assert!(inbox.room().is_err(), "it reads");
    }
}
