//! Findings for people, in rustc's form.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::rc::Rc;

use unicode_width::UnicodeWidthChar;

use super::model::{Finding, Label, Severity};
use super::secrets::{MASK, Secrets, masked};
use crate::source::{SourceId, Sources};

/// Columns of source text shown at most; a longer line is cut around the span.
const SHOWN_COLUMNS: usize = 120;
/// Columns kept before the span when a line is cut.
const CONTEXT_COLUMNS: usize = 30;
/// Bytes of a line that are looked at before and after the beginning of a span: more than the columns shown, even in long characters.
const NEAR: usize = 4_096;
/// Findings shown at most: nobody reads more.
const MOST: usize = 1_000;
/// A tab is shown as this many blanks, as rustc does it.
const TAB: &str = "    ";

/// Renders findings for people: file:line:column, the source line, a caret, what to do. `color` adds ANSI codes.
pub fn render_human(findings: &[Finding], sources: &Sources, color: bool) -> String {
    render_human_masked(findings, sources, color, &[])
}

/// [`render_human`], with secrets replaced by `<sensitive>` in messages and in the source lines shown.
pub fn render_human_masked(findings: &[Finding], sources: &Sources, color: bool, secrets: &[&str]) -> String {
    let secrets = Secrets::new(secrets.iter().copied());
    render_human_hiding(findings, sources, color, &|text| secrets.find(text))
}

/// [`render_human`] for who knows better where secrets stand in a text: `find` gives their places, from left to right, none in another.
/// To mask them afterwards is too late: a long line is cut, and what is left of a secret there is not found any more.
pub fn render_human_hiding(findings: &[Finding], sources: &Sources, color: bool, find: &dyn Fn(&str) -> Vec<Range<usize>>) -> String {
    let mut blocks = render_human_each(&findings[..findings.len().min(MOST)], sources, color, find);
    if findings.len() > MOST {
        blocks.push(format!("... and {} more\n", findings.len() - MOST));
    }
    blocks.join("\n")
}

/// [`render_human_hiding`], each finding by itself and all of them.
pub fn render_human_each(findings: &[Finding], sources: &Sources, color: bool, find: &dyn Fn(&str) -> Vec<Range<usize>>) -> Vec<String> {
    let painter = Painter { sources, color, find, hidden: RefCell::default() };
    findings.iter().map(|finding| painter.finding(finding)).collect()
}

struct Painter<'a> {
    sources: &'a Sources,
    color: bool,
    find: &'a dyn Fn(&str) -> Vec<Range<usize>>,
    /// Where secrets stand in the texts that were shown so far.
    hidden: RefCell<HashMap<SourceId, Rc<[Range<usize>]>>>,
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
        let text = self.sources.text(label.span.source);
        let hidden = self.hidden(label.span.source, text);
        let Some(shown) = Shown::of(text, label.span.start as usize..label.span.end as usize, &hidden) else { return };
        let bar = self.paint(Style::Frame, "|");
        let _ = writeln!(out, "{:width$} {bar}", "");
        let number = self.paint(Style::Frame, &format!("{:>width$}", place.line));
        let _ = writeln!(out, "{number} {bar} {}", shown.line);
        let caret = format!("{} {}", "^".repeat(shown.marked), self.mask(&label.text));
        let _ = writeln!(out, "{:width$} {bar} {}{}", "", " ".repeat(shown.before), self.paint(style, caret.trim_end()));
    }

    fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        masked(text, &(self.find)(text))
    }

    /// Looked for once in all of a text, not again for each of its lines.
    fn hidden(&self, source: SourceId, text: &str) -> Rc<[Range<usize>]> {
        Rc::clone(self.hidden.borrow_mut().entry(source).or_insert_with(|| (self.find)(text).into()))
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
    /// The line of `text` in which `span` begins; None where the text is empty. Of a line that may be the whole of a file only what
    /// is near the span is looked at.
    fn of(text: &str, span: Range<usize>, hidden: &[Range<usize>]) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let start = floor(text, span.start.min(text.len()));
        let (from, to) = (floor(text, start.saturating_sub(NEAR)), floor(text, (start + NEAR).min(text.len())));
        let line_start = text[from..start].rfind('\n').map(|at| from + at + 1);
        let line_end = text[start..to].find('\n').map(|at| start + at);
        let more = [line_start.is_none() && from > 0, line_end.is_none() && to < text.len()];
        let (line_start, mut line_end) = (line_start.unwrap_or(from), line_end.unwrap_or(to));
        if !more[1] {
            line_end -= text[start..line_end].len() - text[start..line_end].trim_end_matches('\r').len();
        }
        let end = floor(text, span.end.clamp(start, line_end));
        let pieces = [line_start..start, start..end, end..line_end];
        let [before, marked, after] = pieces.map(|piece| visible(&piece_masked(text, piece, hidden)));
        Some(Self::cut(&before, &marked, &after, more))
    }

    /// Cuts a long line so that the span stays in sight. `more`: whether the line goes on before and after these pieces.
    fn cut(before: &str, marked: &str, after: &str, more: [bool; 2]) -> Self {
        let columns = width(before) + width(marked) + width(after);
        if columns <= SHOWN_COLUMNS && more == [false, false] {
            return Self { line: format!("{before}{marked}{after}"), before: width(before), marked: width(marked).max(1) };
        }
        let before = if more[0] || width(before) > CONTEXT_COLUMNS + 3 {
            format!("...{}", last_columns(before, CONTEXT_COLUMNS))
        } else {
            before.to_owned()
        };
        let room = SHOWN_COLUMNS.saturating_sub(width(&before));
        let shown = first_columns(marked, room);
        if shown.len() < marked.len() {
            return Self { line: format!("{before}{shown}..."), before: width(&before), marked: width(shown).max(1) };
        }
        let rest = first_columns(after, room - width(shown));
        let dots = if more[1] || rest.len() < after.len() { "..." } else { "" };
        Self { line: format!("{before}{marked}{rest}{dots}"), before: width(&before), marked: width(marked).max(1) }
    }
}

/// A piece of a line without secrets. One that crosses its beginning stands in the piece before, unless that is not shown.
fn piece_masked(text: &str, piece: Range<usize>, hidden: &[Range<usize>]) -> String {
    let (mut out, mut at) = (String::new(), piece.start);
    let first = hidden.partition_point(|range| range.end <= piece.start);
    for range in hidden.get(first..).unwrap_or_default().iter().take_while(|range| range.start < piece.end) {
        if range.start >= piece.start {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(MASK);
        }
        at = range.end;
    }
    out.push_str(text.get(at..piece.end).unwrap_or_default());
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
