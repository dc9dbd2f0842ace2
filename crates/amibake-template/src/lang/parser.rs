//! Tokens to a tree, with Go's grammar and Go's words for what is wrong.

use std::collections::HashMap;
use std::ops::Range;

use super::error::LangError;
use super::lexer::{self, Kind, Origin, Token};
use super::numbers::number;
use super::strings::unquote;
use super::table;
use super::tree::{Branch, Command, List, Piece, Pipeline, Tree, Word, WordKind};
use crate::finding::nearest;

/// Nesting of blocks and parentheses; far beyond any template, and what keeps the stack small.
const MAX_DEPTH: usize = 100;
/// Pipes and fields of one action: each of them is a level too, since it takes what stands before it.
const MAX_LINKS: usize = 100;
/// Variables in sight at one place.
const MAX_VARIABLES: usize = 1_000;

/// Parses a whole template string.
pub(crate) fn parse(text: &str, origin: Origin) -> Result<Tree, LangError> {
    let mut parser = Parser {
        text,
        tokens: lexer::tokens(text, origin),
        at: 0,
        scope: vec!["$".into()],
        slots: vec![0],
        next_slot: 1,
        depth: 0,
        ranges: 0,
        links: 0,
        defined: HashMap::new(),
        tree: Tree::default(),
    };
    let (root, ender) = parser.list(true)?;
    if let Some(ender) = ender {
        return Err(ender.unexpected());
    }
    parser.add("root".into(), root, 0..text.len())?;
    parser.settle_root();
    parser.tree.slots = parser.next_slot;
    Ok(parser.tree)
}

type Parsed<T> = Result<T, LangError>;

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    /// Names of the variables in sight, innermost last, and their slots.
    scope: Vec<String>,
    slots: Vec<usize>,
    next_slot: usize,
    depth: usize,
    /// How many `range` surround this place.
    ranges: usize,
    /// Pipes and fields of the action so far.
    links: usize,
    /// Where in the tree a `define` is.
    defined: HashMap<String, usize>,
    tree: Tree,
}

/// What ended a list.
enum Ender {
    End(Range<usize>),
    Else(Range<usize>),
}

impl Ender {
    fn unexpected(&self) -> LangError {
        match self {
            Self::End(range) => LangError::syntax(range.clone(), "unexpected {{end}}"),
            Self::Else(range) => LangError::syntax(range.clone(), "unexpected {{else}}"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range,
}

impl Control {
    fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

impl Parser<'_> {
    /// Pieces up to the end of the text, `{{end}}` or `{{else`.
    fn list(&mut self, top: bool) -> Parsed<(List, Option<Ender>)> {
        let mut list = List::new();
        loop {
            let token = self.next();
            match token.kind {
                Kind::Text => list.push(Piece::Text(self.text[token.range].to_owned())),
                Kind::Open => {
                    if let Some(ender) = self.action(&mut list, top, token.range.start)? {
                        return Ok((list, Some(ender)));
                    }
                }
                Kind::End if top => return Ok((list, None)),
                Kind::End => return Err(LangError::syntax(token.range, "unexpected EOF").with_help("close the block with {{end}}")),
                _ => return Err(self.unexpected(&token, "input")),
            }
        }
    }

    fn action(&mut self, list: &mut List, top: bool, open: usize) -> Parsed<Option<Ender>> {
        self.links = 0;
        let token = self.peek_word();
        let keyword = if token.kind == Kind::Keyword { self.spelling(&token) } else { "" };
        match keyword {
            "if" => self.control(list, Control::If, open)?,
            "with" => self.control(list, Control::With, open)?,
            "range" => self.control(list, Control::Range, open)?,
            "define" if top => self.define(open)?,
            "block" => self.block(list, open)?,
            "template" => self.invoke(list, open)?,
            "break" => list.push(self.loop_control("{{break}}", Piece::Break)?),
            "continue" => list.push(self.loop_control("{{continue}}", Piece::Continue)?),
            "end" => {
                self.next_word();
                let close = self.expect_close("end")?;
                return Ok(Some(Ender::End(open..close)));
            }
            "else" => {
                self.next_word();
                let next = self.peek_word();
                let chained = next.kind == Kind::Keyword && matches!(self.spelling(&next), "if" | "with");
                let close = if chained { next.range.start } else { self.expect_close("else")? };
                return Ok(Some(Ender::Else(open..close)));
            }
            _ => {
                let pipeline = self.pipeline("command", &Kind::Close)?;
                list.push(Piece::Action(pipeline));
            }
        }
        Ok(None)
    }

    fn control(&mut self, list: &mut List, control: Control, open: usize) -> Parsed<()> {
        self.next_word();
        let branch = self.branch(control, open)?;
        list.push(match control {
            Control::If => Piece::If(branch),
            Control::With => Piece::With(branch),
            Control::Range => Piece::Range(branch),
        });
        Ok(())
    }

    /// Everything after the word `if`, `with` or `range`, its `{{end}}` included.
    fn branch(&mut self, control: Control, open: usize) -> Parsed<Branch> {
        self.descend(open)?;
        let outside = self.scope.len();
        let subject = self.pipeline(control.word(), &Kind::Close)?;
        self.ranges += usize::from(control == Control::Range);
        let (then, ender) = self.list(false)?;
        self.ranges -= usize::from(control == Control::Range);
        let otherwise = match ender {
            Some(Ender::Else(range)) => self.otherwise(control, range)?,
            Some(Ender::End(_)) | None => List::new(),
        };
        self.forget(outside);
        self.depth -= 1;
        Ok(Branch { subject, then, otherwise })
    }

    fn otherwise(&mut self, control: Control, range: Range<usize>) -> Parsed<List> {
        let next = self.peek_word();
        let chained = match self.spelling(&next) {
            "if" if next.kind == Kind::Keyword => Some(Control::If),
            "with" if next.kind == Kind::Keyword => Some(Control::With),
            _ => None,
        };
        // `{{else if}}` belongs to `if`, `{{else with}}` (newer Go) to `with`. The inner one's {{end}} ends both.
        if let Some(inner) = chained.filter(|inner| *inner == control) {
            self.next_word();
            let branch = self.branch(inner, range.start)?;
            return Ok(vec![if inner == Control::If { Piece::If(branch) } else { Piece::With(branch) }]);
        }
        if chained.is_some() {
            return Err(self.unexpected(&next, "else"));
        }
        let inside = self.scope.len();
        let (list, ender) = self.list(false)?;
        self.forget(inside);
        match ender {
            Some(Ender::Else(range)) => Err(LangError::syntax(range, "expected end; found {{else}}")),
            Some(Ender::End(_)) | None => Ok(list),
        }
    }

    fn define(&mut self, open: usize) -> Parsed<()> {
        self.next_word();
        let name = self.name("define clause")?;
        self.expect_close("define clause")?;
        let body = self.body(open)?;
        self.add(name, body, open..self.previous_end())
    }

    /// Of two templates of one name one must be empty, and counts for nothing. The whole text is one too, called `root`.
    fn add(&mut self, name: String, body: List, range: Range<usize>) -> Parsed<()> {
        let known = self.defined.get(&name).and_then(|at| self.tree.defines.get_mut(*at));
        match known {
            None => {
                self.defined.insert(name.clone(), self.tree.defines.len());
                self.tree.defines.push((name, body));
            }
            Some((_, known)) if known.iter().all(is_empty) => *known = body,
            Some(_) if body.iter().all(is_empty) => {}
            Some(_) => return Err(LangError::syntax(range, format!("template: multiple definition of template {name:?}"))),
        }
        Ok(())
    }

    fn settle_root(&mut self) {
        if let Some(at) = self.tree.defines.iter().position(|(name, _)| name == "root") {
            self.tree.root = self.tree.defines.swap_remove(at).1;
        }
    }

    fn block(&mut self, list: &mut List, open: usize) -> Parsed<()> {
        self.next_word();
        let name = self.name("block clause")?;
        let argument = self.pipeline("block clause", &Kind::Close)?;
        let range = open..self.previous_end();
        let body = self.body(open)?;
        self.add(name.clone(), body, range.clone())?;
        list.push(Piece::Invoke { name, argument: Some(argument), range });
        Ok(())
    }

    /// A list of its own: it sees no variable but `$`.
    fn body(&mut self, open: usize) -> Parsed<List> {
        self.descend(open)?;
        let scope = std::mem::replace(&mut self.scope, vec!["$".into()]);
        let slots = std::mem::replace(&mut self.slots, vec![0]);
        let ranges = std::mem::take(&mut self.ranges);
        let (list, ender) = self.list(false)?;
        if let Some(ender @ Ender::Else(_)) = ender {
            return Err(ender.unexpected());
        }
        (self.scope, self.slots, self.ranges) = (scope, slots, ranges);
        self.depth -= 1;
        Ok(list)
    }

    fn invoke(&mut self, list: &mut List, open: usize) -> Parsed<()> {
        self.next_word();
        let name = self.name("template clause")?;
        let argument = if self.peek_word().kind == Kind::Close {
            self.next_word();
            None
        } else {
            Some(self.pipeline("template clause", &Kind::Close)?)
        };
        list.push(Piece::Invoke { name, argument, range: open..self.previous_end() });
        Ok(())
    }

    fn loop_control(&mut self, written: &str, piece: Piece) -> Parsed<Piece> {
        let range = self.next_word().range;
        self.expect_close(written)?;
        if self.ranges == 0 {
            return Err(LangError::syntax(range, format!("{written} outside {{{{range}}}}")));
        }
        Ok(piece)
    }

    fn pipeline(&mut self, context: &str, end: &Kind) -> Parsed<Pipeline> {
        let start = self.peek_word().range.start;
        let targets = self.targets(context)?;
        let mut commands = Vec::new();
        loop {
            let token = self.peek_word();
            if token.kind == *end {
                self.next_word();
                return self.checked(Pipeline { targets, commands }, context, start..token.range.end);
            }
            let is_nil = token.kind == Kind::Keyword && self.spelling(&token) == "nil";
            if !begins_word(&token.kind) && !is_nil {
                return Err(self.unexpected(&token, context));
            }
            commands.push(self.command()?);
        }
    }

    fn checked(&self, pipeline: Pipeline, context: &str, range: Range<usize>) -> Parsed<Pipeline> {
        if pipeline.commands.is_empty() {
            return Err(LangError::syntax(range, format!("missing value for {context}")));
        }
        for (index, command) in pipeline.commands.iter().enumerate().skip(1) {
            let first = command.words.first().map(|word| &word.kind);
            if matches!(
                first,
                Some(WordKind::Bool(_) | WordKind::Dot | WordKind::Nil | WordKind::Number(_) | WordKind::Huge(_) | WordKind::Text(_))
            ) {
                let reason = format!("non executable command in pipeline stage {}", index + 1);
                return Err(LangError::syntax(command.range.clone(), reason));
            }
        }
        Ok(pipeline)
    }

    /// `$x :=`, `$x =`, in `range` also `$i, $x :=`.
    fn targets(&mut self, context: &str) -> Parsed<Vec<usize>> {
        let mut names: Vec<Token> = Vec::new();
        let start = self.at;
        loop {
            let variable = self.peek_word();
            if variable.kind != Kind::Variable {
                if names.is_empty() {
                    return Ok(Vec::new());
                }
                return Err(LangError::syntax(variable.range, "range can only initialize variables"));
            }
            self.next_word();
            let next = self.peek_word();
            match &next.kind {
                Kind::Declare | Kind::Assign => {
                    self.next_word();
                    names.push(variable);
                    let declares = next.kind == Kind::Declare;
                    return names.into_iter().map(|name| if declares { self.declare(&name) } else { self.slot(&name) }).collect();
                }
                Kind::Char if self.spelling(&next) == "," => {
                    self.next_word();
                    names.push(variable);
                    if context != "range" || names.len() > 1 {
                        return Err(LangError::syntax(next.range, format!("too many declarations in {context}")));
                    }
                }
                _ => {
                    self.at = start;
                    return Ok(Vec::new());
                }
            }
        }
    }

    fn declare(&mut self, token: &Token) -> Parsed<usize> {
        if self.scope.len() > MAX_VARIABLES {
            return Err(LangError::syntax(token.range.clone(), format!("more than {MAX_VARIABLES} variables")));
        }
        let slot = self.next_slot;
        self.next_slot += 1;
        self.scope.push(self.spelling(token).to_owned());
        self.slots.push(slot);
        Ok(slot)
    }

    fn slot(&self, token: &Token) -> Parsed<usize> {
        let name = self.spelling(token);
        let found = self.scope.iter().rposition(|known| known == name).and_then(|at| self.slots.get(at));
        found.copied().ok_or_else(|| LangError::syntax(token.range.clone(), format!("undefined variable {name:?}")))
    }

    fn forget(&mut self, length: usize) {
        self.scope.truncate(length);
        self.slots.truncate(length);
    }

    fn command(&mut self) -> Parsed<Command> {
        let start = self.peek_word().range.start;
        let mut words = Vec::new();
        let mut end = start;
        loop {
            if let Some(word) = self.word()? {
                end = word.range.end;
                words.push(word);
            }
            let token = self.peek();
            match token.kind {
                Kind::Space => {
                    self.next();
                }
                Kind::Close | Kind::RightParen => break,
                Kind::Pipe => {
                    self.link(&token)?;
                    self.next();
                    break;
                }
                _ => return Err(self.unexpected(&token, "operand")),
            }
        }
        let user = words.first().is_some_and(|word| matches!(&word.kind, WordKind::Function(name) if name == "user"));
        if let (true, Some(Word { kind: WordKind::Text(name), range })) = (user, words.get(1)) {
            self.tree.user.push((name.clone(), range.clone()));
        }
        Ok(Command { words, range: start..end })
    }

    fn word(&mut self) -> Parsed<Option<Word>> {
        let token = self.peek_word();
        let Some(kind) = self.term(&token)? else { return Ok(None) };
        let start = token.range.start;
        let term = start..self.previous_end();
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            let field = self.next();
            self.link(&field)?;
            fields.push(self.spelling(&field)[1..].to_owned());
        }
        if fields.is_empty() {
            return Ok(Some(Word { kind, range: term }));
        }
        let kind = match kind {
            WordKind::Field(path) => WordKind::Field([path, fields].concat()),
            WordKind::Variable(slot, path) => WordKind::Variable(slot, [path, fields].concat()),
            WordKind::Nested(pipeline, path) => WordKind::Nested(pipeline, [path, fields].concat()),
            WordKind::Function(name) => WordKind::FunctionField(name, term.clone(), fields),
            _ => {
                let spelling = &self.text[term.clone()];
                return Err(LangError::syntax(term, format!("unexpected . after term {spelling:?}")));
            }
        };
        Ok(Some(Word { kind, range: start..self.previous_end() }))
    }

    fn term(&mut self, token: &Token) -> Parsed<Option<WordKind>> {
        let spelling = self.spelling(token).to_owned();
        let kind = match token.kind {
            Kind::Identifier => {
                if table::find(&spelling).is_none() {
                    return Err(unknown_function(&spelling, token.range.clone()));
                }
                self.tree.functions.push((spelling.clone(), token.range.clone()));
                WordKind::Function(spelling)
            }
            Kind::Dot => WordKind::Dot,
            Kind::Keyword if spelling == "nil" => WordKind::Nil,
            Kind::Bool => WordKind::Bool(spelling == "true"),
            Kind::Variable => WordKind::Variable(self.slot(token)?, Vec::new()),
            Kind::Field => WordKind::Field(vec![spelling[1..].to_owned()]),
            Kind::Number => match number(&spelling).map_err(|reason| LangError::syntax(token.range.clone(), reason))? {
                Some(number) => WordKind::Number(number),
                None => WordKind::Huge(spelling),
            },
            Kind::Character => WordKind::Number(character(&spelling, token.range.clone())?),
            Kind::Quoted => WordKind::Text(unquote(&spelling).ok_or_else(|| bad_escape(token.range.clone()))?),
            Kind::Raw => WordKind::Text(spelling[1..spelling.len() - 1].replace('\r', "")),
            Kind::LeftParen => {
                self.next_word();
                self.descend(token.range.start)?;
                let nested = self.pipeline("parenthesized pipeline", &Kind::RightParen)?;
                self.depth -= 1;
                return Ok(Some(WordKind::Nested(Box::new(nested), Vec::new())));
            }
            _ => return Ok(None),
        };
        self.next_word();
        Ok(Some(kind))
    }

    fn name(&mut self, context: &str) -> Parsed<String> {
        let token = self.next_word();
        let spelling = self.spelling(&token);
        match token.kind {
            Kind::Quoted => unquote(spelling).ok_or_else(|| bad_escape(token.range.clone())),
            Kind::Raw => Ok(spelling[1..spelling.len() - 1].to_owned()),
            _ => Err(self.unexpected(&token, context)),
        }
    }

    fn descend(&mut self, at: usize) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(LangError::syntax(at..at + 2, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }

    fn link(&mut self, token: &Token) -> Parsed<()> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(LangError::syntax(token.range.clone(), format!("more than {MAX_LINKS} pipes and fields in one action")));
        }
        Ok(())
    }

    fn expect_close(&mut self, context: &str) -> Parsed<usize> {
        let token = self.next_word();
        if token.kind == Kind::Close { Ok(token.range.end) } else { Err(self.unexpected(&token, context)) }
    }

    fn unexpected(&self, token: &Token, context: &str) -> LangError {
        let spelling = self.spelling(token);
        match &token.kind {
            Kind::Error(reason) => LangError::syntax(token.range.clone(), reason.clone()),
            Kind::End => LangError::syntax(token.range.clone(), "unexpected EOF"),
            Kind::Keyword => LangError::syntax(token.range.clone(), format!("unexpected <{spelling}> in {context}")),
            _ if spelling.chars().count() > 10 => {
                let first: String = spelling.chars().take(10).collect();
                LangError::syntax(token.range.clone(), format!("unexpected {first:?}... in {context}"))
            }
            _ => LangError::syntax(token.range.clone(), format!("unexpected {spelling:?} in {context}")),
        }
    }

    fn spelling(&self, token: &Token) -> &str {
        &self.text[token.range.clone()]
    }

    fn peek(&self) -> Token {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens.get(self.at.min(last)).cloned().unwrap_or(Token { kind: Kind::End, range: 0..0 })
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    fn peek_word(&mut self) -> Token {
        while self.peek().kind == Kind::Space {
            self.next();
        }
        self.peek()
    }

    fn next_word(&mut self) -> Token {
        self.peek_word();
        self.next()
    }

    fn previous_end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.range.end)
    }
}

/// White space, as far as Go is concerned when it compares templates of one name.
fn is_empty(piece: &Piece) -> bool {
    matches!(piece, Piece::Text(text) if text.trim().is_empty())
}

fn begins_word(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::Character
            | Kind::Dot
            | Kind::Field
            | Kind::Identifier
            | Kind::Number
            | Kind::Raw
            | Kind::Quoted
            | Kind::Variable
            | Kind::LeftParen
    )
}

fn unknown_function(name: &str, range: Range<usize>) -> LangError {
    let error = LangError::syntax(range, format!("function {name:?} not defined"));
    let renamed = match name {
        "clean_ami_name" | "clean_image_name" => Some("clean_resource_name"),
        _ => nearest(name, table::function_names()),
    };
    error.with_help(match renamed {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("text needs quotes: `{name}` or \"{name}\""),
    })
}

fn bad_escape(range: Range<usize>) -> LangError {
    LangError::syntax(range, "invalid syntax").with_help("write `\\\\` for a backslash, or put the text between backticks")
}

fn character(spelling: &str, range: Range<usize>) -> Parsed<serde_json::Number> {
    let text = unquote(spelling).unwrap_or_default();
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(c), None) => Ok(u32::from(c).into()),
        _ => Err(LangError::syntax(range, format!("malformed character constant: {spelling}"))),
    }
}
