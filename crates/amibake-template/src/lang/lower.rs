//! The tree becomes a handlebars template.
//!
//! Its elements are built directly, not written out and parsed again (parsing costs ten times the rest): every one is a call
//! of a helper of [`super::machine`], whose first parameter says, by number, which [`Site`] of the source it stands for.
//! There is no raw text and no path, so no rule of handlebars' own about escapes, white space or names applies.

use std::collections::HashMap;
use std::ops::Range;

use handlebars::template::{Parameter, Subexpression, TemplateElement};
use serde_json::Value as Json;

use super::tree::{Branch, Command, List, Piece, Pipeline, Tree, Word, WordKind};

/// A template ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub root: handlebars::Template,
    /// Bodies of `define` and `block`.
    pub defines: Vec<(String, handlebars::Template)>,
    /// What the numbers in the helpers' parameters stand for.
    pub sites: Vec<Site>,
    pub slots: usize,
}

/// A place in the source that can fail when it runs.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The whole node: what a failing function points at.
    pub range: Range<usize>,
    /// The first word: what a wrong number of arguments points at.
    pub head: Range<usize>,
    /// Function, field or template name.
    pub name: String,
    /// The arguments as written; a value that arrives by pipe, as the last argument, is not among them.
    pub arguments: Vec<Argument>,
}

/// An argument as written.
#[derive(Debug, Clone)]
pub(crate) struct Argument {
    pub range: Range<usize>,
    pub kind: ArgumentKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgumentKind {
    /// A constant: a wrong type is reported by its spelling.
    Constant,
    /// `nil`
    Nil,
    /// Something evaluated: a wrong type is reported by the value's type.
    Value,
}

/// Lowers a tree.
pub(crate) fn lower(tree: Tree) -> Program {
    let mut lowering = Lowering { sites: Vec::new(), invokes_root: false };
    let root = lowering.list(&tree.root);
    let mut defines: Vec<_> = tree.defines.iter().map(|(name, list)| (name.clone(), lowering.list(list))).collect();
    if lowering.invokes_root {
        defines.push(("root".to_owned(), root.clone()));
    }
    Program { root, defines, sites: lowering.sites, slots: tree.slots }
}

struct Lowering {
    sites: Vec<Site>,
    /// The whole text is a template too.
    invokes_root: bool,
}

impl Lowering {
    fn list(&mut self, list: &List) -> handlebars::Template {
        let mut template = handlebars::Template::new();
        template.elements = list.iter().map(|piece| self.piece(piece)).collect();
        template
    }

    fn piece(&mut self, piece: &Piece) -> TemplateElement {
        match piece {
            Piece::Text(text) => statement("text", vec![literal(text.as_str())]),
            Piece::Action(pipeline) if pipeline.targets.is_empty() => {
                let value = self.pipeline(pipeline);
                statement("print", vec![value])
            }
            Piece::Action(pipeline) => {
                let value = self.pipeline(pipeline);
                statement("do", vec![value])
            }
            Piece::If(branch) => self.branch("if", branch, Vec::new()),
            Piece::With(branch) => self.branch("with", branch, Vec::new()),
            Piece::Range(branch) => {
                // The variables of a range take one element after the other, not the whole.
                let targets = branch.subject.targets.iter().map(|slot| literal(*slot)).collect();
                self.branch("range", branch, targets)
            }
            Piece::Invoke { name, argument, range } => {
                self.invokes_root |= name == "root";
                let value = argument.as_ref().map_or_else(|| literal(Json::Null), |pipeline| self.pipeline(pipeline));
                let site = self.plain_site(range.clone(), name);
                statement("invoke", vec![site, value])
            }
            Piece::Break => statement("break", vec![literal(0)]),
            Piece::Continue => statement("continue", vec![literal(0)]),
        }
    }

    fn branch(&mut self, helper: &str, branch: &Branch, targets: Vec<Parameter>) -> TemplateElement {
        let range = span(&branch.subject);
        let site = self.plain_site(range, helper);
        let value = if helper == "range" { self.commands(&branch.subject) } else { self.pipeline(&branch.subject) };
        let (then, otherwise) = (self.list(&branch.then), self.list(&branch.otherwise));
        match statement(helper, [vec![site, value], targets].concat()) {
            TemplateElement::Expression(mut block) => {
                block.block = true;
                block.template = Some(then);
                block.inverse = Some(otherwise);
                TemplateElement::HelperBlock(block)
            }
            // `Subexpression::new` makes nothing but an expression.
            other => other,
        }
    }

    /// A pipeline's value, stored in its variable if it has one.
    fn pipeline(&mut self, pipeline: &Pipeline) -> Parameter {
        let value = self.commands(pipeline);
        pipeline.targets.iter().fold(value, |value, slot| nested("set", vec![literal(*slot), value]))
    }

    fn commands(&mut self, pipeline: &Pipeline) -> Parameter {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(command, value));
        }
        value.unwrap_or_else(|| literal(Json::Null))
    }

    fn command(&mut self, command: &Command, piped: Option<Parameter>) -> Parameter {
        let Some((head, arguments)) = command.words.split_first() else { return literal(Json::Null) };
        match &head.kind {
            WordKind::Function(name) => self.call(name, command.range.clone(), head.range.clone(), arguments, piped),
            WordKind::Nil => {
                let site = self.plain_site(head.range.clone(), "nil is not a command");
                nested("fail", vec![site])
            }
            _ if arguments.is_empty() && piped.is_none() => self.word(head),
            WordKind::Field(path) => self.method(nested("dot", vec![literal(0)]), path, head, piped),
            WordKind::Variable(slot, path) if !path.is_empty() => self.method(nested("variable", vec![literal(*slot)]), path, head, piped),
            WordKind::Nested(pipeline, path) if !path.is_empty() => {
                let value = self.pipeline(pipeline);
                self.method(value, path, head, piped)
            }
            WordKind::FunctionField(name, range, path) => {
                let value = self.call(name, range.clone(), range.clone(), &[], None);
                self.method(value, path, head, piped)
            }
            // No function and no field stands first: arguments behind it are an error when it runs.
            _ => {
                let site = self.plain_site(head.range.clone(), "argument");
                nested("fail", std::iter::once(site).chain(piped).collect())
            }
        }
    }

    /// A field with arguments would be a method: what has no fields at all is asked for none, everything else has no methods.
    fn method(&mut self, value: Parameter, path: &[String], head: &Word, piped: Option<Parameter>) -> Parameter {
        let (name, path) = path.split_last().map_or(("", path), |(last, path)| (last.as_str(), path));
        let value = self.fields(value, path, head.range.clone());
        let site = self.plain_site(head.range.clone(), name);
        nested("method", [site, value].into_iter().chain(piped).collect())
    }

    fn call(&mut self, name: &str, range: Range<usize>, head: Range<usize>, words: &[Word], piped: Option<Parameter>) -> Parameter {
        let arguments = words.iter().map(|word| Argument { range: word.range.clone(), kind: kind(word) }).collect();
        let site = self.site(Site { range, head, name: name.to_owned(), arguments });
        let values: Vec<Parameter> = words.iter().map(|word| self.word(word)).chain(piped).collect();
        if name == "and" || name == "or" {
            return lazy(site, values);
        }
        nested("call", std::iter::once(site).chain(values).collect())
    }

    fn word(&mut self, word: &Word) -> Parameter {
        match &word.kind {
            WordKind::Function(name) => self.call(name, word.range.clone(), word.range.clone(), &[], None),
            WordKind::FunctionField(name, range, path) => {
                let value = self.call(name, range.clone(), range.clone(), &[], None);
                self.fields(value, path, word.range.clone())
            }
            WordKind::Dot => nested("dot", vec![literal(0)]),
            WordKind::Nil => literal(Json::Null),
            WordKind::Bool(value) => literal(*value),
            WordKind::Number(number) => literal(Json::Number(number.clone())),
            WordKind::Huge(spelling) => {
                let site = self.plain_site(word.range.clone(), &format!("{spelling} overflows int"));
                nested("fail", vec![site])
            }
            WordKind::Text(text) => literal(text.as_str()),
            WordKind::Field(path) => self.fields(nested("dot", vec![literal(0)]), path, word.range.clone()),
            WordKind::Variable(slot, path) => self.fields(nested("variable", vec![literal(*slot)]), path, word.range.clone()),
            WordKind::Nested(pipeline, path) => {
                let value = self.pipeline(pipeline);
                self.fields(value, path, word.range.clone())
            }
        }
    }

    fn fields(&mut self, value: Parameter, path: &[String], range: Range<usize>) -> Parameter {
        path.iter().fold(value, |value, name| {
            let site = self.plain_site(range.clone(), name);
            nested("field", vec![site, value])
        })
    }

    fn plain_site(&mut self, range: Range<usize>, name: &str) -> Parameter {
        self.site(Site { head: range.clone(), range, name: name.to_owned(), arguments: Vec::new() })
    }

    fn site(&mut self, site: Site) -> Parameter {
        self.sites.push(site);
        literal(self.sites.len() - 1)
    }
}

fn span(pipeline: &Pipeline) -> Range<usize> {
    let start = pipeline.commands.first().map_or(0, |command| command.range.start);
    start..pipeline.commands.last().map_or(start, |command| command.range.end)
}

fn kind(word: &Word) -> ArgumentKind {
    match word.kind {
        WordKind::Bool(_) | WordKind::Number(_) | WordKind::Huge(_) | WordKind::Text(_) => ArgumentKind::Constant,
        WordKind::Nil => ArgumentKind::Nil,
        WordKind::Function(_)
        | WordKind::FunctionField(..)
        | WordKind::Dot
        | WordKind::Field(_)
        | WordKind::Variable(..)
        | WordKind::Nested(..) => ArgumentKind::Value,
    }
}

fn literal(value: impl Into<Json>) -> Parameter {
    Parameter::Literal(value.into())
}

fn subexpression(name: &str, parameters: Vec<Parameter>) -> Subexpression {
    Subexpression::new(Parameter::Name(name.to_owned()), parameters, HashMap::new())
}

fn nested(name: &str, parameters: Vec<Parameter>) -> Parameter {
    Parameter::Subexpression(subexpression(name, parameters))
}

fn statement(name: &str, parameters: Vec<Parameter>) -> TemplateElement {
    *subexpression(name, parameters).element
}

/// `and` and `or` evaluate one operand after the other, so the operands travel unevaluated, as the body of the helper.
fn lazy(site: Parameter, values: Vec<Parameter>) -> Parameter {
    let mut subexpression = subexpression("choose", vec![site]);
    if let TemplateElement::Expression(helper) = subexpression.element.as_mut() {
        let mut operands = handlebars::Template::new();
        operands.elements = values.into_iter().map(|value| statement("operand", vec![value])).collect();
        helper.template = Some(operands);
    }
    Parameter::Subexpression(subexpression)
}
