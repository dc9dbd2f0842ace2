//! The syntax tree of a template string. Every node knows its bytes.

use std::ops::Range;

/// A sequence of pieces.
pub(crate) type List = Vec<Piece>;

/// Text or an action that does something.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Copied as it is.
    Text(String),
    /// `{{pipeline}}`: printed, unless it declares or assigns.
    Action(Pipeline),
    /// `{{if}}`
    If(Branch),
    /// `{{with}}`
    With(Branch),
    /// `{{range}}`
    Range(Branch),
    /// `{{template "name" pipeline}}`, and what `{{block}}` leaves at its place.
    Invoke { name: String, argument: Option<Pipeline>, range: Range<usize> },
    /// `{{break}}`
    Break,
    /// `{{continue}}`
    Continue,
}

/// Condition or subject, and the two lists.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub subject: Pipeline,
    pub then: List,
    pub otherwise: List,
}

/// `$x := a b | c d`
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    /// Slots that take the value; two only in `range`.
    pub targets: Vec<usize>,
    /// Never empty.
    pub commands: Vec<Command>,
}

/// Words separated by blanks; the first decides what happens.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    /// Never empty.
    pub words: Vec<Word>,
    pub range: Range<usize>,
}

/// One operand.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub kind: WordKind,
    pub range: Range<usize>,
}

#[derive(Debug, Clone)]
pub(crate) enum WordKind {
    /// A known function.
    Function(String),
    /// `.`
    Dot,
    Nil,
    Bool(bool),
    Number(serde_json::Number),
    /// A constant beyond Go's `int`: an error when it is evaluated.
    Huge(String),
    Text(String),
    /// `.A.B`
    Field(Vec<String>),
    /// `$x`, `$x.A.B`; slot 0 is `$`.
    Variable(usize, Vec<String>),
    /// `(pipeline)`, `(pipeline).A.B`
    Nested(Box<Pipeline>, Vec<String>),
    /// `function.A.B`
    FunctionField(String, Range<usize>, Vec<String>),
}

/// A parsed template string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub root: List,
    /// `{{define}}` and `{{block}}` by name.
    pub defines: Vec<(String, List)>,
    /// How many variable slots the largest list needs; slot 0 is `$`.
    pub slots: usize,
    /// First argument of every `user` with a constant name.
    pub user: Vec<(String, Range<usize>)>,
    /// Every function that is called.
    pub functions: Vec<(String, Range<usize>)>,
}
