//! The text that `fix` reads: the first JSON value of a file, as Packer's `fix` takes it.

use crate::finding::{Finding, Severity};
use crate::json::{self, Dialect, Node};
use crate::source::SourceId;

/// Parses a template for [`super::fix`]: what follows the first value is ignored, and of a key that stands twice the last one counts.
///
/// # Errors
/// Text that is no JSON, a number that no 64-bit float holds, a text longer than [`json::MAX_BYTES`].
pub fn read(source: SourceId, text: &str, dialect: Dialect) -> Result<Node, Vec<Finding>> {
    if text.len() > json::MAX_BYTES {
        return Err(vec![too_long()]);
    }
    let (tree, mut findings) = json::parse(source, &text[..end_of_first_value(text, dialect)], dialect);
    findings.retain(|finding| finding.code != "duplicate-key");
    match tree {
        Some(tree) if findings.is_empty() => Ok(tree),
        _ => Err(findings),
    }
}

/// Without a place: showing the line would mean to go through all of the text.
fn too_long() -> Finding {
    let message = format!("the file is larger than {} MiB", json::MAX_BYTES >> 20);
    let help = Some("no template is: check the file's name".to_owned());
    Finding { severity: Severity::Error, code: "too-large", message, labels: Vec::new(), help }
}

/// Where the object or list that a text begins with is closed; the whole text where it never is, or begins with something else.
fn end_of_first_value(text: &str, dialect: Dialect) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return at + 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = end_of_string(bytes, at),
            b'/' if dialect.jsonc => at = end_of_comment(bytes, at),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            // A value that is no object is a mistake, and told as what it is.
            _ if depth == 0 => return text.len(),
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The closing quote of the string that is opened at `at`.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// The last byte of the comment that begins at `at`; `at` itself where none does.
fn end_of_comment(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let length = match rest {
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n'),
        [b'/', b'*', ..] => rest.windows(2).skip(2).position(|pair| pair == b"*/").map(|found| found + 3),
        _ => Some(0),
    };
    at + length.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(&text[..end_of_first_value(text, Dialect { jsonc: true })], expected);
    }

    #[test]
    fn finds_the_first_value() {
        check("{} {", "{}");
        check(r#" {"a": "}\"}", "b": [{}]} x"#, r#" {"a": "}\"}", "b": [{}]}"#);
        check("// {}\n{/*/ } */ }}", "// {}\n{/*/ } */ }");
        check("{\"a", "{\"a");
        check("{\"a\\", "{\"a\\");
        check("/*", "/*");
        check("x {}", "x {}");
        check("]{}", "]{}");
        check("", "");
    }
}
