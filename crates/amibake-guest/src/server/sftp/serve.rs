//! Reads requests, writes answers.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use super::answer::{Answers, MESSAGE};
use super::wire::Writer;

/// Bytes that are read from the client at a time: a whole message, and what follows it already.
const CHUNK: usize = 2 * MESSAGE;

/// Answers that are held back while requests wait.
const ANSWERS: usize = MESSAGE;

/// Serves until standard input ends, and answers with the exit status.
///
/// Called where the process already is the user, with the home folder as its current one: paths and `~` begin there.
pub fn serve_stdio() -> u8 {
    // Without the buffers and locks of `std::io`: messages are larger than those.
    let streams = rustix::stdio::stdin().try_clone_to_owned().and_then(|input| {
        let output = rustix::stdio::stdout().as_fd().try_clone_to_owned()?;
        Ok((File::from(input), File::from(output)))
    });
    let home = std::env::current_dir().unwrap_or_else(|_| "/".into());
    match streams.and_then(|(input, output)| serve(input, output, home)) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

/// Serves until the input ends.
fn serve(mut input: impl Read, mut output: impl Write, home: PathBuf) -> io::Result<()> {
    let mut answers = Answers::new(home);
    let mut out = Writer::default();
    let mut buffer = vec![0; CHUNK];
    let mut filled = 0;
    loop {
        let mut used = 0;
        while let Some(request) = request(&buffer[used..filled])? {
            used += 4 + request.len();
            if !answers.answer(request, &mut out) {
                return Err(broken());
            }
            if out.bytes().len() >= ANSWERS {
                flush(&mut out, &mut output)?;
            }
        }
        flush(&mut out, &mut output)?;
        buffer.copy_within(used..filled, 0);
        filled -= used;
        match input.read(&mut buffer[filled..])? {
            0 => return Ok(()),
            count => filled += count,
        }
    }
}

/// The first request, where it is complete.
fn request(bytes: &[u8]) -> io::Result<Option<&[u8]>> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > MESSAGE { Err(broken()) } else { Ok(rest.get(..length)) }
}

fn flush(out: &mut Writer, output: &mut impl Write) -> io::Result<()> {
    output.write_all(out.bytes())?;
    out.clear();
    Ok(())
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "broken message")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends one message; answers with what came back, without its length.
    #[track_caller]
    fn ask(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut message = u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
        message.extend_from_slice(bytes);
        let mut out = Vec::new();
        serve(message.as_slice(), &mut out, PathBuf::from("/"))?;
        Ok(out.split_off(4))
    }

    #[test]
    fn broken_requests_are_answered_or_end_the_session() {
        assert!(ask(&[]).is_err(), "nothing in it");
        assert!(ask(&[3, 0]).is_err(), "half an id");
        assert_eq!(ask(&[3, 0, 0, 0, 9]).unwrap()[..9], [101, 0, 0, 0, 9, 0, 0, 0, 5], "nothing after the id");
        assert_eq!(ask(&[99, 0, 0, 0, 9]).unwrap()[..9], [101, 0, 0, 0, 9, 0, 0, 0, 8], "no such request");
        assert_eq!(ask(&[4, 0, 0, 0, 1, 0, 0, 0, 1, 7]).unwrap()[..9], [101, 0, 0, 0, 1, 0, 0, 0, 4], "no such handle");
        assert!(serve([255, 255, 255, 255, 1].as_slice(), io::sink(), PathBuf::new()).is_err(), "too long");
    }

    #[test]
    fn every_prefix_of_a_request_is_survived() {
        let whole = [3, 0, 0, 0, 1, 0, 0, 0, 4, b'/', b'n', b'o', b'/', 0, 0, 0, 1, 0x80, 0, 0, 4, 0, 0, 1, 0xff, 255, 255, 255, 255];
        for end in 5..whole.len() {
            assert_eq!(ask(&whole[..end]).unwrap()[0], 101, "{end} bytes");
        }
    }
}
