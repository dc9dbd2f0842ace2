//! A JSON text cut into its words. The text is known to be JSON, so that nothing here can fail; on any other text the words are
//! meaningless, but nothing panics.

/// One word and the line breaks before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    /// How many line breaks stand between the word before and this one.
    pub(super) breaks: usize,
}

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{` or `[`
    Open,
    /// `}` or `]`
    Close,
    /// `,`
    Comma,
    /// `:`
    Colon,
    /// A string, number or word, as written.
    Scalar,
    /// `// ...`, `/* ... */`, as written.
    Comment,
}

/// The words of a text in their order.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut breaks) = (0, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() {
            breaks += usize::from(*byte == b'\n');
            at += 1;
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let (kind, length) = word(rest);
        // Never without progress, whatever the text is.
        let length = length.max(1);
        tokens.push(Token { kind, text: rest.get(..length).unwrap_or_default().trim_end(), breaks });
        breaks = 0;
        at += length;
    }
    tokens
}

/// The line break that the file uses: that of its first line.
pub(super) fn line_break(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn word(rest: &str) -> (Kind, usize) {
    match rest.as_bytes().first() {
        Some(b'{' | b'[') => (Kind::Open, 1),
        Some(b'}' | b']') => (Kind::Close, 1),
        Some(b',') => (Kind::Comma, 1),
        Some(b':') => (Kind::Colon, 1),
        Some(b'"') => (Kind::Scalar, string_length(rest)),
        Some(b'/') if rest.starts_with("/*") => (Kind::Comment, rest[2..].find("*/").map_or(rest.len(), |end| end + 4)),
        Some(b'/') => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        _ => (Kind::Scalar, rest.find(|c: char| c.is_whitespace() || "{}[],:\"/".contains(c)).unwrap_or(rest.len())),
    }
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}
