//! Source texts and spans into them: every message points through here.

/// One source text (a template, a var file, a `-var` argument).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub(crate) u32);

/// A range of bytes in one source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Which text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets; offsets beyond 4 GiB, which no template has, are cut off.
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        let cut = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { source, start: cut(start), end: cut(end.max(start)) }
    }
}

/// A place as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// All texts of one run.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    texts: Vec<Source>,
}

#[derive(Debug, Clone)]
struct Source {
    name: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    /// How many characters stand before every [`STRIDE`]th byte, so that a column of a long line is not counted from its start.
    characters: Vec<usize>,
}

/// Bytes between two counts of characters.
const STRIDE: usize = 256;

impl Source {
    fn new(name: String, text: String) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        let counts = text.as_bytes().chunks(STRIDE).scan(0, |before, chunk| {
            let count = *before;
            *before += characters(chunk);
            Some(count)
        });
        Self { characters: counts.collect(), name, lines, text }
    }

    /// How many characters begin before a byte.
    fn before(&self, at: usize) -> usize {
        let stride = at / STRIDE;
        let counted = self.characters.get(stride).or(self.characters.last()).copied().unwrap_or(0);
        let from = stride.min(self.characters.len().saturating_sub(1)) * STRIDE;
        counted + characters(self.text.as_bytes().get(from..at).unwrap_or_default())
    }
}

/// Bytes that begin a character.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

impl Sources {
    /// Takes a text over; `name` is how messages call it (a path as the user gave it, or `-var`).
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let id = SourceId(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(Source::new(name.into(), text.into()));
        id
    }

    /// The name of a text; empty for an id of another set of texts.
    pub fn name(&self, id: SourceId) -> &str {
        self.texts.get(id.0 as usize).map_or("", |source| &source.name)
    }

    /// The text itself; empty for an id of another set of texts.
    pub fn text(&self, id: SourceId) -> &str {
        self.texts.get(id.0 as usize).map_or("", |source| &source.text)
    }

    /// Line and column of a span's start.
    pub fn place(&self, span: Span) -> Place {
        let Some(source) = self.texts.get(span.source.0 as usize) else { return Place { line: 1, column: 1 } };
        let at = (span.start as usize).min(source.text.len());
        let line = source.lines.partition_point(|start| *start <= at);
        let column = 1 + source.before(at) - source.before(source.lines[line - 1]);
        Place { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, at: &str, expected: (u32, u32)) {
        let mut sources = Sources::default();
        let id = sources.add("t", text);
        let start = text.find(at).unwrap();
        let place = sources.place(Span::new(id, start, start + at.len()));
        assert_eq!((place.line, place.column), expected, "{text:?} at {at:?}");
    }

    #[test]
    fn columns_count_characters_from_one() {
        check("abc", "a", (1, 1));
        check("a\nbc", "c", (2, 2));
        check("a\r\nbc", "b", (2, 1));
        check("äöü x", "x", (1, 5));
        let long = "ä\n".repeat(300) + &"é ".repeat(1_000) + "x\ny";
        check(&long, "x", (301, 2_001));
        check(&long, "y", (302, 1));
    }
}
