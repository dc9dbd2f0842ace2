//! Words to what belongs together: which comment is about which value, where blank lines stood.

use super::token::{Kind, Token};

/// A whole file.
#[derive(Debug)]
pub(super) struct File<'t> {
    /// The value, with what stands before and beside it.
    pub(super) root: Item<'t>,
    /// What follows it.
    pub(super) end: Vec<Comment<'t>>,
}

/// A member of an object, an element of a list, or the value of the file.
#[derive(Debug, Default)]
pub(super) struct Item<'t> {
    /// Comments on lines of their own above it.
    pub(super) before: Vec<Comment<'t>>,
    /// Whether a blank line stood right above it.
    pub(super) blank: bool,
    /// The key as written; None in lists.
    pub(super) key: Option<&'t str>,
    pub(super) value: Value<'t>,
    /// Comments behind it on its last line.
    pub(super) after: Vec<&'t str>,
}

#[derive(Debug)]
pub(super) enum Value<'t> {
    /// As written.
    Scalar(&'t str),
    List(Block<'t>),
    Object(Block<'t>),
}

/// What stands between two brackets.
#[derive(Debug, Default)]
pub(super) struct Block<'t> {
    /// Comments behind the opening bracket, on its line.
    pub(super) opening: Vec<&'t str>,
    pub(super) items: Vec<Item<'t>>,
    /// Comments above the closing bracket.
    pub(super) closing: Vec<Comment<'t>>,
}

/// A comment on a line of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comment<'t> {
    pub(super) text: &'t str,
    /// Whether a blank line stood above it.
    pub(super) blank: bool,
}

impl Default for Value<'_> {
    fn default() -> Self {
        Self::Scalar("")
    }
}

/// Sorts the words of a file.
pub(super) fn read(tokens: Vec<Token<'_>>) -> File<'_> {
    let mut reader = Reader { tokens, at: 0, pushed_on: Vec::new() };
    let before = reader.comments();
    let mut root = reader.item(before, false);
    root.after = reader.beside();
    File { root, end: reader.comments() }
}

struct Reader<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
    /// Comments that stood on lines of their own before a comma: they go to what follows it.
    pushed_on: Vec<Comment<'t>>,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn is(&self, kind: Kind) -> bool {
        self.peek().is_some_and(|token| token.kind == kind)
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// All comments up to the next other word.
    fn comments(&mut self) -> Vec<Comment<'t>> {
        let mut comments = std::mem::take(&mut self.pushed_on);
        while let Some(token) = self.peek().filter(|token| token.kind == Kind::Comment) {
            comments.push(Comment { text: token.text, blank: token.breaks > 1 });
            self.at += 1;
        }
        comments
    }

    /// The comments that follow on the same line and are about what stands before them: not those with a value behind them on that line,
    /// which are about that value.
    fn beside(&mut self) -> Vec<&'t str> {
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        let run = rest.iter().take_while(|token| token.kind == Kind::Comment && token.breaks == 0).count();
        let value_follows = rest.get(run).is_some_and(|next| next.breaks == 0 && matches!(next.kind, Kind::Scalar | Kind::Open));
        if value_follows {
            return Vec::new();
        }
        let comments = rest.iter().take(run).map(|token| token.text).collect();
        self.at += run;
        comments
    }

    /// A value with its key where it has one, up to and without the comma.
    fn item(&mut self, before: Vec<Comment<'t>>, in_object: bool) -> Item<'t> {
        let blank = self.peek().is_some_and(|token| token.breaks > 1);
        let mut item = Item { before, blank, ..Item::default() };
        if in_object {
            item.key = self.next().map(|token| token.text);
            // A comment in the middle of a member goes above it.
            item.before.extend(self.comments());
            if self.is(Kind::Colon) {
                self.at += 1;
            }
            item.before.extend(self.comments());
        }
        item.value = self.value();
        item
    }

    fn value(&mut self) -> Value<'t> {
        match self.next() {
            Some(token) if token.kind == Kind::Open && token.text == "{" => Value::Object(self.block(true)),
            Some(token) if token.kind == Kind::Open => Value::List(self.block(false)),
            Some(token) => Value::Scalar(token.text),
            None => Value::default(),
        }
    }

    /// What follows an opening bracket, with the closing one.
    fn block(&mut self, in_object: bool) -> Block<'t> {
        let mut block = Block { opening: self.beside(), ..Block::default() };
        loop {
            let comments = self.comments();
            if self.peek().is_none_or(|token| token.kind == Kind::Close) {
                self.at += 1;
                block.closing = comments;
                break;
            }
            let mut item = self.item(comments, in_object);
            item.after = self.behind();
            block.items.push(item);
        }
        if block.items.is_empty() {
            // Nothing to head: they become what the block holds.
            let opening = std::mem::take(&mut block.opening).into_iter().map(|text| Comment { text, blank: false });
            block.closing = opening.chain(block.closing).collect();
        }
        block
    }

    /// The comments behind a value just read, and its comma.
    fn behind(&mut self) -> Vec<&'t str> {
        let start = self.at;
        let comments = self.comments();
        if !self.is(Kind::Comma) {
            self.at = start;
            return self.beside();
        }
        let same_line = self.tokens[start..self.at].iter().take_while(|token| token.breaks == 0).count();
        let (near, far) = comments.split_at(same_line);
        let mut after: Vec<_> = near.iter().map(|comment| comment.text).collect();
        self.at += 1;
        self.pushed_on = far.to_vec();
        // Nothing can follow a `//` comment on its line.
        if self.pushed_on.is_empty() && !after.last().is_some_and(|last| last.starts_with("//")) {
            after.extend(self.beside());
        }
        after
    }
}
