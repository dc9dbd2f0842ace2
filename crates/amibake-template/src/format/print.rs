//! The layout itself.

use super::layout::{Block, Comment, File, Item, Value};

/// Columns up to which a list stays in one line, its indentation, key and comma included.
const WIDTH: usize = 80;

const INDENT: &str = "  ";

/// Prints a file with the given line breaks.
pub(super) fn print(file: &File<'_>, line_break: &str) -> String {
    let mut printer = Printer { out: String::new() };
    printer.item(&file.root, Place { level: 0, first: true, comma: false });
    for comment in &file.end {
        printer.comment(comment, 0, true);
    }
    printer.out.push('\n');
    if line_break == "\n" { printer.out } else { printer.out.replace('\n', line_break) }
}

/// Where an item stands.
#[derive(Clone, Copy)]
struct Place {
    level: usize,
    /// Nothing stands above it in its block.
    first: bool,
    /// Another follows.
    comma: bool,
}

struct Printer {
    /// With `\n` for every line break; no other line break is ever added.
    out: String,
}

impl Printer {
    /// Starts a line; nothing stands at the very beginning of the file.
    fn line(&mut self, level: usize, blank: bool) {
        if !self.out.is_empty() {
            self.out.push_str(if blank { "\n\n" } else { "\n" });
        }
        self.indent(level);
    }

    fn indent(&mut self, level: usize) {
        for _ in 0..level {
            self.out.push_str(INDENT);
        }
    }

    /// One comment on a line of its own; `spaced` lets its blank line stand.
    fn comment(&mut self, comment: &Comment<'_>, level: usize, spaced: bool) {
        self.line(level, spaced && comment.blank);
        self.comment_text(comment.text, level);
    }

    /// A comment's lines. Those that begin with a star are lined up; others keep their blanks, which may be a drawing.
    fn comment_text(&mut self, text: &str, level: usize) {
        let starred = text.lines().skip(1).all(|line| line.trim_start().starts_with('*'));
        for (number, line) in text.lines().enumerate() {
            if number > 0 {
                self.out.push('\n');
            }
            if number > 0 && starred {
                self.indent(level);
                self.out.push(' ');
                self.out.push_str(line.trim());
            } else {
                self.out.push_str(line.trim_end());
            }
        }
    }

    /// A member or element on lines of its own.
    fn item(&mut self, item: &Item<'_>, place: Place) {
        for (number, comment) in item.before.iter().enumerate() {
            self.comment(comment, place.level, number > 0 || !place.first);
        }
        self.line(place.level, item.blank && !(place.first && item.before.is_empty()));
        let mut used = place.level * INDENT.len() + usize::from(place.comma);
        if let Some(key) = item.key {
            self.out.push_str(key);
            self.out.push_str(": ");
            used += key.chars().count() + 2;
        }
        self.value(&item.value, place.level, used);
        if place.comma {
            self.out.push(',');
        }
        self.beside(&item.after, place.level);
    }

    fn beside(&mut self, comments: &[&str], level: usize) {
        for comment in comments {
            self.out.push(' ');
            self.comment_text(comment, level);
        }
    }

    fn value(&mut self, value: &Value<'_>, level: usize, used: usize) {
        match value {
            Value::Scalar(text) => self.out.push_str(text),
            Value::List(block) => match in_one_line(block).filter(|line| used + line.chars().count() <= WIDTH) {
                Some(line) => self.out.push_str(&line),
                None => self.block(block, '[', ']', level),
            },
            Value::Object(block) if block.items.is_empty() && block.closing.is_empty() => self.out.push_str("{}"),
            Value::Object(block) => self.block(block, '{', '}', level),
        }
    }

    fn block(&mut self, block: &Block<'_>, open: char, close: char, level: usize) {
        self.out.push(open);
        self.beside(&block.opening, level);
        for (number, item) in block.items.iter().enumerate() {
            self.item(item, Place { level: level + 1, first: number == 0, comma: number + 1 < block.items.len() });
        }
        for (number, comment) in block.closing.iter().enumerate() {
            self.comment(comment, level + 1, number > 0 || !block.items.is_empty());
        }
        self.line(level, false);
        self.out.push(close);
    }
}

/// A list as one line; None where something in it needs lines of its own.
fn in_one_line(block: &Block<'_>) -> Option<String> {
    if !block.opening.is_empty() || !block.closing.is_empty() {
        return None;
    }
    let mut line = String::from("[");
    for (number, item) in block.items.iter().enumerate() {
        if !item.before.is_empty() || !item.after.is_empty() {
            return None;
        }
        if number > 0 {
            line.push_str(", ");
        }
        line.push_str(match &item.value {
            Value::Scalar(text) => text,
            Value::List(inner) if is_empty(inner) => "[]",
            Value::Object(inner) if is_empty(inner) => "{}",
            Value::List(_) | Value::Object(_) => return None,
        });
    }
    line.push(']');
    Some(line)
}

fn is_empty(block: &Block<'_>) -> bool {
    block.items.is_empty() && block.closing.is_empty()
}
