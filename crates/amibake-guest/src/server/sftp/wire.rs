//! Numbers and strings as they are sent.

/// What cannot be read: the request is broken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// Reads a request.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Broken)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Broken> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32, Broken> {
        self.take(4)?.try_into().map(u32::from_be_bytes).map_err(|_| Broken)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Broken> {
        self.take(8)?.try_into().map(u64::from_be_bytes).map_err(|_| Broken)
    }

    pub(super) fn string(&mut self) -> Result<&'a [u8], Broken> {
        let length = self.u32()?;
        self.take(usize::try_from(length).map_err(|_| Broken)?)
    }
}

/// Writes answers, one after the other.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Writes one message: its length goes in front when it is complete.
    pub(super) fn message(&mut self, kind: u8, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.u32(0);
        self.byte(kind);
        fill(self);
        self.set_length(start);
    }

    /// Puts the length of all that follows it into the number at `start`.
    fn set_length(&mut self, start: usize) {
        let length = u32::try_from(self.0.len() - start - 4).unwrap_or(u32::MAX);
        self.0[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    pub(super) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn string(&mut self, value: &[u8]) {
        self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(value);
    }

    /// A string of at most `limit` bytes that `fill` reads from somewhere and counts. On an error nothing was written.
    pub(super) fn string_from<E>(&mut self, limit: usize, fill: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<usize, E> {
        let start = self.0.len();
        self.u32(0);
        let data = self.0.len();
        self.0.resize(data + limit, 0);
        let filled = fill(&mut self.0[data..]);
        self.0.truncate(filled.as_ref().map_or(start, |count| data + (*count).min(limit)));
        if filled.is_ok() {
            self.set_length(start);
        }
        filled
    }

    /// Takes back what was written since the writer was this long.
    pub(super) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mut writer = Writer::default();
        writer.message(7, |message| {
            message.u32(1);
            message.u64(2);
            message.string(b"three");
        });
        let mut reader = Reader::new(writer.bytes());
        assert_eq!(reader.u32(), Ok(1 + 4 + 8 + 4 + 5));
        assert_eq!((reader.byte(), reader.u32(), reader.u64(), reader.string()), (Ok(7), Ok(1), Ok(2), Ok(&b"three"[..])));
        assert_eq!(reader.byte(), Err(Broken));
    }

    #[test]
    fn a_length_beyond_the_message_is_broken() {
        assert_eq!(Reader::new(&[0, 0, 0, 9, 1]).string(), Err(Broken));
        assert_eq!(Reader::new(&[255, 255, 255, 255]).string(), Err(Broken));
    }
}
