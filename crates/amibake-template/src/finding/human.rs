//! Findings for people, in rustc's form.

use std::fmt::Write as _;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::model::{Finding, Label, Severity};
use crate::source::Sources;

/// Columns of source text shown at most; a longer line is cut around the span.
const SHOWN_COLUMNS: usize = 120;
/// Columns kept before the span when a line is cut.
const CONTEXT_COLUMNS: usize = 30;
/// Findings shown at most: nobody reads more, and a text of one long line costs its length for each.
const MOST: usize = 1_000;
/// A tab is shown as this many blanks, as rustc does it.
const TAB: &str = "    ";

/// Renders findings for people: file:line:column, the source line, a caret, what to do. `color` adds ANSI codes.
pub fn render_human(findings: &[Finding], sources: &Sources, color: bool) -> String {
    render_human_masked(findings, sources, color, &[])
}

/// [`render_human`], with secrets replaced by `<sensitive>` in messages and in the source lines shown.
pub fn render_human_masked(findings: &[Finding], sources: &Sources, color: bool, secrets: &[&str]) -> String {
    let mut longest_first: Vec<&str> = secrets.iter().copied().filter(|secret| !secret.is_empty()).collect();
    longest_first.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let painter = Painter { sources, color, secrets: &longest_first };
    let mut blocks: Vec<String> = findings.iter().take(MOST).map(|finding| painter.finding(finding)).collect();
    if findings.len() > MOST {
        blocks.push(format!("... and {} more\n", findings.len() - MOST));
    }
    blocks.join("\n")
}

struct Painter<'a> {
    sources: &'a Sources,
    color: bool,
    secrets: &'a [&'a str],
}

/// ANSI styles, rustc's choice.
#[derive(Clone, Copy)]
enum Style {
    Error,
    Warning,
    Frame,
    Strong,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Error => "1;31",
            Self::Warning => "1;33",
            Self::Frame => "1;34",
            Self::Strong => "1",
        }
    }
}

impl Painter<'_> {
    fn finding(&self, finding: &Finding) -> String {
        let (word, style) = match finding.severity {
            Severity::Error => ("error", Style::Error),
            Severity::Warning => ("warning", Style::Warning),
        };
        let head = self.paint(style, &format!("{word}[{}]", finding.code));
        let message = self.paint(Style::Strong, &format!(": {}", self.mask(&finding.message)));
        let mut out = format!("{head}{message}\n");
        let lines = finding.labels.iter().map(|label| self.sources.place(label.span).line);
        let width = lines.max().unwrap_or(1).to_string().len();
        for (index, label) in finding.labels.iter().enumerate() {
            self.label(&mut out, label, width, if index == 0 { style } else { Style::Frame });
        }
        if let Some(help) = &finding.help {
            let _ = writeln!(out, "{}: {}", self.paint(Style::Strong, "help"), self.mask(help));
        }
        out
    }

    fn label(&self, out: &mut String, label: &Label, width: usize, style: Style) {
        let place = self.sources.place(label.span);
        let name = self.sources.name(label.span.source);
        let _ = writeln!(out, "{:width$}{} {name}:{}:{}", "", self.paint(Style::Frame, "-->"), place.line, place.column);
        let Some(shown) = Shown::of(self.sources.text(label.span.source), label.span.start as usize..label.span.end as usize, self.secrets)
        else {
            return;
        };
        let bar = self.paint(Style::Frame, "|");
        let _ = writeln!(out, "{:width$} {bar}", "");
        let number = self.paint(Style::Frame, &format!("{:>width$}", place.line));
        let _ = writeln!(out, "{number} {bar} {}", shown.line);
        let caret = format!("{} {}", "^".repeat(shown.marked), self.mask(&label.text));
        let _ = writeln!(out, "{:width$} {bar} {}{}", "", " ".repeat(shown.before), self.paint(style, caret.trim_end()));
    }

    fn mask(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "<sensitive>"))
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text.to_owned() }
    }
}

/// A source line ready for the screen.
struct Shown {
    line: String,
    /// Columns before the caret.
    before: usize,
    /// Columns under which carets stand; at least one.
    marked: usize,
}

impl Shown {
    /// The line of `text` in which `span` begins; None where the text is empty.
    fn of(text: &str, span: Range<usize>, secrets: &[&str]) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let start = floor(text, span.start.min(text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let end = floor(text, span.end.clamp(start, line_start + line.len().max(start - line_start)));
        let pieces =
            [&line[..(start - line_start).min(line.len())], &text[start..end.max(start)], line.get(end - line_start..).unwrap_or("")];
        let [before, marked, after] = masked(pieces, secrets).map(|piece| visible(&piece));
        Some(Self::cut(&before, &marked, &after))
    }

    /// Cuts a long line so that the span stays in sight.
    fn cut(before: &str, marked: &str, after: &str) -> Self {
        let columns = width(before) + width(marked) + width(after);
        if columns <= SHOWN_COLUMNS {
            return Self { line: format!("{before}{marked}{after}"), before: width(before), marked: width(marked).max(1) };
        }
        let before =
            if width(before) > CONTEXT_COLUMNS + 3 { format!("...{}", last_columns(before, CONTEXT_COLUMNS)) } else { before.to_owned() };
        let room = SHOWN_COLUMNS.saturating_sub(width(&before));
        let shown = first_columns(marked, room);
        if shown.len() < marked.len() {
            return Self { line: format!("{before}{shown}..."), before: width(&before), marked: width(shown).max(1) };
        }
        let rest = first_columns(after, room - width(shown));
        let dots = if rest.len() < after.len() { "..." } else { "" };
        Self { line: format!("{before}{marked}{rest}{dots}"), before: width(&before), marked: width(marked).max(1) }
    }
}

/// Replaces secrets in a line that is split in three around the span; one that crosses a border takes its first piece.
fn masked(pieces: [&str; 3], secrets: &[&str]) -> [String; 3] {
    let whole = pieces.concat();
    let borders = [pieces[0].len(), pieces[0].len() + pieces[1].len()];
    let mut out = [String::new(), String::new(), String::new()];
    let mut at = 0;
    while let Some(c) = whole[at..].chars().next() {
        let piece = borders.iter().filter(|border| at >= **border).count();
        match secrets.iter().find(|secret| whole[at..].starts_with(**secret)) {
            Some(secret) => {
                out[piece].push_str("<sensitive>");
                at += secret.len();
            }
            None => {
                out[piece].push(c);
                at += c.len_utf8();
            }
        }
    }
    out
}

/// Tabs as blanks; what would move or hide the cursor as a replacement character.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str(TAB),
            c if c.is_control() || is_bidirectional_control(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// These let a line read otherwise than it is, which a message must not repeat.
fn is_bidirectional_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

fn first_columns(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

fn last_columns(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[at + c.len_utf8()..];
        }
    }
    text
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
