//! Two of Packer's textual rules about variables' raw texts, which templates depend on.

use std::borrow::Cow;

/// What stands for shielded braces: control characters of two bytes each, so that offsets in messages stay true.
const OPEN: &str = "\u{86}";
const CLOSE: &str = "\u{87}";

/// Puts `{{.X}}` out of sight of the renderer: it is meant for a later rendering that has the data.
///
/// Exactly Packer's pattern: `{{`, at most one white-space character, `.`, the shortest text of one line, at most one white-space
/// character, `}}`. Trim marks or two blanks are not shielded.
pub(super) fn shield(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut copied, mut from) = (0, 0);
    let (mut closes, mut breaks) = (Next::new("}}"), Next::new("\n"));
    while let Some(open) = text[from..].find("{{").map(|at| from + at) {
        match deferred_end(text, open, &mut closes, &mut breaks) {
            Some(end) => {
                out.push_str(&text[copied..open]);
                out.push_str(OPEN);
                out.push_str(&text[open + 2..end - 2]);
                out.push_str(CLOSE);
                copied = end;
                from = end;
            }
            None => from = open + 1,
        }
    }
    if copied == 0 { Cow::Borrowed(text) } else { Cow::Owned(out + &text[copied..]) }
}

/// Brings shielded braces back.
pub(super) fn unshield(text: &str) -> String {
    text.replace(OPEN, "{{").replace(CLOSE, "}}")
}

/// The next place of a mark, for places that only grow: a text of nothing but openings is not searched from each of them.
struct Next {
    mark: &'static str,
    /// What was found last; the text's end where there is none.
    found: Option<usize>,
}

impl Next {
    fn new(mark: &'static str) -> Self {
        Self { mark, found: None }
    }

    /// The first place at or after `from`; the text's length where there is none.
    fn at(&mut self, text: &str, from: usize) -> usize {
        let found = self.found.filter(|found| *found >= from);
        *self.found.insert(found.unwrap_or_else(|| text[from..].find(self.mark).map_or(text.len(), |at| from + at)))
    }
}

/// Where the `{{.X}}` that opens at `open` ends.
fn deferred_end(text: &str, open: usize, closes: &mut Next, breaks: &mut Next) -> Option<usize> {
    let inside = &text[open + 2..];
    let after_blank = inside.strip_prefix(|c: char| c.is_ascii_whitespace()).unwrap_or(inside);
    let name = text.len() - after_blank.strip_prefix('.')?.len();
    let close = closes.at(text, name);
    if close == text.len() {
        return None;
    }
    // Go's `.` matches no line break; the one white-space character before the braces may be one.
    (breaks.at(text, name) + 1 >= close).then_some(close + 2)
}

/// Whether a raw text holds a bare `` {{user `x`}} `` action: then it is rendered again in every pass. Double quotes, pipes and
/// trim marks do not count. Of the native spelling there is only one form.
pub(super) fn repeats(text: &str) -> bool {
    text.match_indices("{{").any(|(at, _)| is_bare_user(&text[at + 2..]))
        || text
            .match_indices("<<user `")
            .any(|(at, open)| text[at + open.len()..].split_once('`').is_some_and(|(_, rest)| rest.starts_with(">>")))
}

fn is_bare_user(inside: &str) -> bool {
    let Some(rest) = inside.trim_ascii_start().strip_prefix("user") else { return false };
    let Some(rest) = rest.trim_ascii_start().strip_prefix('`') else { return false };
    let Some((_, rest)) = rest.split_once('`') else { return false };
    rest.trim_ascii_start().starts_with("}}")
}

#[cfg(test)]
mod tests {
    use super::{repeats, shield, unshield};

    #[track_caller]
    fn check(text: &str, shielded: bool) {
        let result = shield(text);
        assert_eq!(result != text, shielded, "text {text:?}");
        assert_eq!(result.len(), text.len(), "offsets in {text:?}");
        assert_eq!(unshield(&result), text);
    }

    #[test]
    fn shields_what_packer_defers() {
        check("{{.Foo}}", true);
        check("x {{ .Bar.Baz }} y", true);
        check("{{upper `x`}}-{{\t.X}}", true);
        check("{{- .Foo -}}", false);
        check("{{  .Foo }}", false);
        check("{{.Foo", false);
        check("{{.a\nb}}", false);
        check("{{.a\n}}", true);
        check("{{.a\n\n}}", false);
        check("{{.a {{.b}} {{.c}}", true);
        check("{{.a\n {{.b}}", true);
        check("plain", false);
    }

    #[track_caller]
    fn check_repeats(text: &str, expected: bool) {
        assert_eq!(repeats(text), expected, "text {text:?}");
    }

    #[test]
    fn repeats_bare_backticks_only() {
        check_repeats("a{{user `b`}}", true);
        check_repeats("{{ user  `b` }}", true);
        check_repeats("{{user \"b\"}}", false);
        check_repeats("{{user `b` | upper}}", false);
        check_repeats("{{- user `b` }}", false);
    }
}
