//! Runs a lowered template: the helpers that handlebars calls.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use handlebars::template::TemplateElement;
use handlebars::{
    Context as HandlebarsContext, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError, RenderErrorReason,
    Renderable, ScopedJson,
};
use serde_json::Value as Json;

use super::context::Context;
use super::error::LangError;
use super::functions::MAX_BYTES;
use super::lower::{ArgumentKind, Program, Site};
use super::table::{self, Call, Fault, Function, Type};
use super::value::{is_true, printed, type_name};

/// Blocks and templates inside each other at run time; keeps the stack small where a `define` calls itself.
const MAX_DEPTH: usize = 100;
/// Bytes that the functions of one rendering may take and give, and that it may write: far beyond any template.
const MAX_WORK: usize = 256 << 20;
/// Why a rendering ends that goes over one of these limits.
const TOO_MUCH: &str = "the text takes too much work to render";
/// What a call or a piece of a block counts as, in bytes: so much takes as long.
const STEP: usize = 128;
/// What a round of `range` counts as, with all that it sets up.
const ROUND: usize = 512;
/// What a variable of a `define` counts as, each time that it is run.
const SLOT: usize = 32;
/// Rounds of all `range` together.
const MAX_ROUNDS: usize = 100_000;

/// Renders a program once.
pub(crate) fn run(program: &Program, cx: &Context<'_>) -> Result<String, LangError> {
    let limit = cx.host.work.left().min(MAX_WORK);
    if limit == 0 {
        return Err(LangError::execution(0..0, TOO_MUCH));
    }
    let frames = vec![Frame::new(cx.data.clone(), program.slots)];
    let state = State { frames, dots: vec![cx.data.clone()], limit, ..State::default() };
    let machine = Machine { program, cx, state: Mutex::new(state) };
    let result = machine.render();
    let state = machine.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    cx.host.work.spend(state.work);
    match (state.error, result) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(state.out),
        // Not reached: every failure of a helper leaves its error in the state.
        (None, Err(error)) => Err(LangError::execution(0..0, error.to_string())),
    }
}

struct Machine<'a> {
    program: &'a Program,
    cx: &'a Context<'a>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    out: String,
    /// One a running `define`; the last one is the running one's.
    frames: Vec<Frame>,
    /// The values of `.`, innermost last.
    dots: Vec<Json>,
    flow: Flow,
    depth: usize,
    rounds: usize,
    /// Bytes of arguments, results and output, and what else counts as some.
    work: usize,
    limit: usize,
    error: Option<LangError>,
}

struct Frame {
    variables: Vec<Json>,
}

impl Frame {
    /// Slot 0 is `$`.
    fn new(root: Json, slots: usize) -> Self {
        let mut variables = vec![Json::Null; slots.max(1)];
        variables[0] = root;
        Self { variables }
    }
}

/// Whether the pieces that follow still run.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Flow {
    #[default]
    On,
    Break,
    Continue,
}

/// The helpers by name.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Print,
    Do,
    If,
    With,
    Range,
    Invoke,
    Break,
    Continue,
    Set,
    Dot,
    Variable,
    Field,
    Method,
    Call,
    Choose,
    Fail,
}

const HELPERS: [(&str, Kind); 17] = [
    ("text", Kind::Text),
    ("print", Kind::Print),
    ("do", Kind::Do),
    ("if", Kind::If),
    ("with", Kind::With),
    ("range", Kind::Range),
    ("invoke", Kind::Invoke),
    ("break", Kind::Break),
    ("continue", Kind::Continue),
    ("set", Kind::Set),
    ("dot", Kind::Dot),
    ("variable", Kind::Variable),
    ("field", Kind::Field),
    ("method", Kind::Method),
    ("call", Kind::Call),
    ("choose", Kind::Choose),
    ("fail", Kind::Fail),
];

struct Op<'a> {
    kind: Kind,
    machine: &'a Machine<'a>,
}

impl Machine<'_> {
    fn render(&self) -> Result<(), RenderError> {
        let mut handlebars = Handlebars::new();
        handlebars.set_strict_mode(true);
        handlebars.register_escape_fn(handlebars::no_escape);
        for (name, kind) in HELPERS {
            handlebars.register_helper(name, Box::new(Op { kind, machine: self }));
        }
        for (name, template) in &self.program.defines {
            handlebars.register_template(name, template.clone());
        }
        let context = HandlebarsContext::null();
        self.program.root.render(&handlebars, &context, &mut RenderContext::new(None), &mut Nowhere)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn site(&self, h: &Helper<'_>) -> Result<&Site, RenderError> {
        let number = h.param(0).and_then(|p| p.value().as_u64()).and_then(|n| usize::try_from(n).ok());
        number.and_then(|n| self.program.sites.get(n)).ok_or_else(stop)
    }

    fn fail(&self, error: LangError) -> RenderError {
        self.state().error.get_or_insert(error);
        stop()
    }

    fn emit(&self, text: &str) -> Result<(), RenderError> {
        let mut state = self.state();
        if state.out.len() + text.len() > MAX_BYTES {
            state.error.get_or_insert(LangError::execution(0..0, "the result is too long"));
            return Err(stop());
        }
        state.out.push_str(text);
        drop(state);
        self.spend(&(0..0), text.len())
    }

    /// Goes one block or template deeper, with a new `.` where given.
    fn enter(&self, site: &Site, dot: Option<Json>) -> Result<(), RenderError> {
        let mut state = self.state();
        state.depth += 1;
        if state.depth > MAX_DEPTH {
            let reason = format!("exceeded maximum template depth ({MAX_DEPTH})");
            state.error.get_or_insert(LangError::execution(site.range.clone(), reason));
            return Err(stop());
        }
        let dot = dot.unwrap_or_else(|| state.dots.last().cloned().unwrap_or(Json::Null));
        state.dots.push(dot);
        Ok(())
    }

    fn leave(&self) {
        let mut state = self.state();
        state.depth -= 1;
        state.dots.pop();
    }

    fn field(&self, site: &Site, base: &Json) -> Result<Json, RenderError> {
        let fault = |reason: String| self.fail(LangError::execution(site.range.clone(), reason));
        match base {
            Json::Null => Ok(Json::Null),
            Json::Object(members) => match members.get(&site.name) {
                Some(value) => Ok(value.clone()),
                None if self.cx.strict_data && base == self.cx.data => {
                    let error =
                        LangError::execution(site.range.clone(), format!("can't evaluate field {} in this place's data", site.name));
                    let known = members.keys().map(String::as_str);
                    let meant = crate::finding::nearest(&site.name, known.clone());
                    let help = meant.map_or_else(
                        || format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
                        |meant| format!("did you mean `.{meant}`?"),
                    );
                    Err(self.fail(error.with_help(help)))
                }
                None => Ok(Json::Null),
            },
            other => Err(fault(format!("can't evaluate field {} in type {}", site.name, type_name(other)))),
        }
    }

    fn call(&self, site: &Site, values: Vec<Json>) -> Result<Json, RenderError> {
        let Some(function) = table::find(&site.name) else { return Err(stop()) };
        self.count(site, function, values.len())?;
        let mut arguments = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            arguments.push(self.argument(site, function.parameter(index), index, value)?);
        }
        let bytes: usize = arguments.iter().filter_map(Json::as_str).map(str::len).sum();
        self.spend(&site.range, STEP + bytes)?;
        let result = (function.run)(&Call { cx: self.cx, arguments }).map_err(|fault| self.fail(calling(site, fault)))?;
        if result.as_str().is_some_and(|text| text.len() > MAX_BYTES) {
            return Err(self.fail(calling(site, "the result is too long".into())));
        }
        self.state().work += result.as_str().map_or(0, str::len);
        Ok(result)
    }

    /// Ends a rendering that goes on and on.
    fn spend(&self, place: &Range<usize>, bytes: usize) -> Result<(), RenderError> {
        let mut state = self.state();
        state.work += bytes;
        if state.work > state.limit {
            state.error.get_or_insert(LangError::execution(place.clone(), TOO_MUCH));
            return Err(stop());
        }
        Ok(())
    }

    fn count(&self, site: &Site, function: &Function, got: usize) -> Result<(), RenderError> {
        let least = function.least();
        let reason = match function.variadic {
            true if got < least => format!("wrong number of args for {}: want at least {least} got {got}", site.name),
            false if got != least => format!("wrong number of args for {}: want {least} got {got}", site.name),
            _ => return Ok(()),
        };
        Err(self.fail(LangError::execution(site.head.clone(), reason)))
    }

    /// Checks one argument against its parameter; the piped one is the last and not among the site's.
    fn argument(&self, site: &Site, wanted: Type, index: usize, value: Json) -> Result<Json, RenderError> {
        let name = match (wanted, &value) {
            (Type::Any, _) | (Type::Text, Json::String(_)) => return Ok(value),
            (Type::Integer, Json::Number(number)) if number.is_i64() || number.is_u64() => return Ok(value),
            (Type::Text, _) => "string",
            (Type::Integer, _) => "int",
        };
        let argument = site.arguments.get(index);
        let constant = wanted == Type::Integer && argument.is_some_and(|argument| argument.kind == ArgumentKind::Constant);
        if let Some(integer) = constant.then(|| whole(&value)).flatten() {
            return Ok(integer);
        }
        let range = argument.map_or(&site.head, |argument| &argument.range).clone();
        Err(self.fail(match argument.map(|argument| argument.kind) {
            // The spelling is put in by `Template::render`, which has the text.
            Some(ArgumentKind::Constant) => {
                LangError::execution(range, format!("expected {}; found ", if name == "int" { "integer" } else { name }))
            }
            Some(ArgumentKind::Nil) => LangError::execution(range, format!("cannot assign nil to {name}")),
            Some(ArgumentKind::Value) | None if value.is_null() => LangError::execution(range, format!("invalid value; expected {name}")),
            Some(ArgumentKind::Value) | None => {
                LangError::execution(range, format!("wrong type for value; expected {name}; got {}", type_name(&value)))
            }
        }))
    }
}

/// A constant such as 1e3 is an integer where one is wanted.
fn whole(value: &Json) -> Option<Json> {
    let float = value.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53, as checked")]
    Some(Json::from(float as i64))
}

fn calling(site: &Site, fault: Fault) -> LangError {
    let (range, reason) = if fault.bare {
        (site.head.clone(), fault.reason)
    } else {
        (site.range.clone(), format!("error calling {}: {}", site.name, fault.reason))
    };
    LangError { reason, range, help: fault.help, unset_variable: fault.unset_variable, question: fault.question, executing: !fault.bare }
}

/// Ends the rendering; what happened stands in the state.
fn stop() -> RenderError {
    RenderErrorReason::Other("stopped".into()).into()
}

/// handlebars' own output: unused, the helpers write into the state.
struct Nowhere;

impl Output for Nowhere {
    fn write(&mut self, _: &str) -> Result<(), std::io::Error> {
        Ok(())
    }
}

impl HelperDef for Op<'_> {
    /// Expressions: those that give a value.
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc HandlebarsContext,
        rc: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let machine = self.machine;
        let value = match self.kind {
            Kind::Set => {
                let value = parameter(h, 1);
                let mut state = machine.state();
                if let Some(slot) = index(h, 0).and_then(|slot| state.frames.last_mut()?.variables.get_mut(slot)) {
                    slot.clone_from(&value);
                }
                value
            }
            Kind::Dot => machine.state().dots.last().cloned().unwrap_or(Json::Null),
            Kind::Variable => {
                let state = machine.state();
                let variables = state.frames.last().map(|frame| &frame.variables);
                let value = index(h, 0).and_then(|slot| variables?.get(slot).cloned()).unwrap_or(Json::Null);
                drop(state);
                machine.spend(&(0..0), value.as_str().map_or(0, str::len))?;
                value
            }
            Kind::Field => machine.field(machine.site(h)?, h.param(1).map_or(&Json::Null, |p| p.value()))?,
            Kind::Method => {
                let (site, base) = (machine.site(h)?, h.param(1).map_or(&Json::Null, |p| p.value()));
                if base.is_object() {
                    let reason = format!("{} is not a method but has arguments", site.name);
                    return Err(machine.fail(LangError::execution(site.range.clone(), reason)));
                }
                machine.field(site, base)?
            }
            Kind::Call => {
                let values = h.params().iter().skip(1).map(|p| p.value().clone()).collect();
                machine.call(machine.site(h)?, values)?
            }
            Kind::Choose => self.choose(h, r, ctx, rc)?,
            Kind::Fail => {
                let site = machine.site(h)?;
                let reason = match site.name.as_str() {
                    "argument" => "can't give argument to non-function ".to_owned(),
                    name => name.to_owned(),
                };
                return Err(machine.fail(LangError::execution(site.range.clone(), reason)));
            }
            Kind::Text | Kind::Print | Kind::Do | Kind::If | Kind::With | Kind::Range | Kind::Invoke | Kind::Break | Kind::Continue => {
                return Err(stop());
            }
        };
        Ok(ScopedJson::Derived(value))
    }

    /// Statements: those that write, or decide what is written.
    fn call<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc HandlebarsContext,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let machine = self.machine;
        match self.kind {
            Kind::Text => machine.emit(h.param(0).and_then(|p| p.value().as_str()).unwrap_or_default()),
            Kind::Print => machine.emit(&printed(h.param(0).map_or(&Json::Null, |p| p.value()))),
            Kind::Do => Ok(()),
            Kind::Break => {
                machine.state().flow = Flow::Break;
                Ok(())
            }
            Kind::Continue => {
                machine.state().flow = Flow::Continue;
                Ok(())
            }
            Kind::If | Kind::With => {
                let (site, value) = (machine.site(h)?, parameter(h, 1));
                let truth = is_true(&value);
                let dot = (truth && matches!(self.kind, Kind::With)).then_some(value);
                machine.enter(site, dot)?;
                self.list(if truth { h.template() } else { h.inverse() }, r, ctx, rc, out)?;
                machine.leave();
                Ok(())
            }
            Kind::Range => self.range(h, r, ctx, rc, out),
            Kind::Invoke => self.invoke(h, r, ctx, rc, out),
            Kind::Set | Kind::Dot | Kind::Variable | Kind::Field | Kind::Method | Kind::Call | Kind::Choose | Kind::Fail => Err(stop()),
        }
    }
}

impl Op<'_> {
    /// Runs a list up to a `break` or `continue`, which skips what is left of it.
    fn list<'reg: 'rc, 'rc>(
        &self,
        list: Option<&'rc handlebars::Template>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc HandlebarsContext,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        for element in list.map(|list| list.elements.iter()).into_iter().flatten() {
            element.render(r, ctx, rc, out)?;
            self.machine.spend(&(0..0), STEP)?;
            if self.machine.state().flow != Flow::On {
                break;
            }
        }
        Ok(())
    }

    /// `and`, `or`: the first operand that decides, or the last one.
    fn choose<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc HandlebarsContext,
        rc: &mut RenderContext<'reg, 'rc>,
    ) -> Result<Json, RenderError> {
        let site = self.machine.site(h)?;
        let operands = h.template().map(|template| template.elements.as_slice()).unwrap_or_default();
        if let Some(function) = table::find(&site.name) {
            self.machine.count(site, function, operands.len())?;
        }
        let decides = site.name == "or";
        let mut last = Json::Null;
        for operand in operands {
            let TemplateElement::Expression(operand) = operand else { continue };
            let Some(value) = operand.params.first() else { continue };
            last = value.expand(r, ctx, rc)?.value().clone();
            if is_true(&last) == decides {
                break;
            }
        }
        Ok(last)
    }

    fn range<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc HandlebarsContext,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let machine = self.machine;
        let site = machine.site(h)?;
        let targets: Vec<usize> = (2..h.params().len()).filter_map(|at| index(h, at)).collect();
        let rounds = rounds(h.param(1).map_or(&Json::Null, |p| p.value()))
            .map_err(|reason| machine.fail(LangError::execution(site.range.clone(), reason)))?;
        if rounds.is_empty() {
            machine.enter(site, None)?;
            self.list(h.inverse(), r, ctx, rc, out)?;
            machine.leave();
            return Ok(());
        }
        for (key, element) in rounds {
            self.count_round(site)?;
            self.assign(&targets, key, &element);
            machine.enter(site, Some(element))?;
            self.list(h.template(), r, ctx, rc, out)?;
            machine.leave();
            if std::mem::take(&mut machine.state().flow) == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    fn count_round(&self, site: &Site) -> Result<(), RenderError> {
        let mut state = self.machine.state();
        state.rounds += 1;
        if state.rounds > MAX_ROUNDS {
            state.error.get_or_insert(LangError::execution(site.range.clone(), format!("more than {MAX_ROUNDS} rounds of range")));
            return Err(stop());
        }
        drop(state);
        self.machine.spend(&site.range, ROUND)
    }

    /// One variable takes the element, two take index or key and element.
    fn assign(&self, targets: &[usize], key: Json, element: &Json) {
        let mut state = self.machine.state();
        let Some(frame) = state.frames.last_mut() else { return };
        let (first, second) = match targets {
            [] => return,
            [only] => ((*only, element.clone()), None),
            [first, second, ..] => ((*first, key), Some((*second, element.clone()))),
        };
        for (slot, value) in std::iter::once(first).chain(second) {
            if let Some(variable) = frame.variables.get_mut(slot) {
                *variable = value;
            }
        }
    }

    fn invoke<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc HandlebarsContext,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let machine = self.machine;
        let site = machine.site(h)?;
        let Some(body) = r.get_template(&site.name) else {
            let reason = format!("template {:?} not defined", site.name);
            return Err(machine.fail(LangError::execution(site.range.clone(), reason)));
        };
        let argument = parameter(h, 1);
        machine.spend(&site.range, machine.program.slots * SLOT)?;
        machine.enter(site, Some(argument.clone()))?;
        machine.state().frames.push(Frame::new(argument, machine.program.slots));
        self.list(Some(body), r, ctx, rc, out)?;
        machine.state().frames.pop();
        machine.leave();
        Ok(())
    }
}

/// Key and element of every round.
fn rounds(value: &Json) -> Result<Vec<(Json, Json)>, String> {
    match value {
        Json::Null => Ok(Vec::new()),
        Json::Array(elements) => Ok(elements.iter().enumerate().map(|(at, element)| (at.into(), element.clone())).collect()),
        Json::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| key.as_str());
            Ok(sorted.into_iter().map(|(key, value)| (key.as_str().into(), value.clone())).collect())
        }
        // Newer Go counts: `{{range 3}}` goes over 0, 1, 2.
        Json::Number(number) if number.is_i64() || number.is_u64() => {
            let count = usize::try_from(number.as_i64().unwrap_or(0).max(0)).unwrap_or(0);
            // One more than allowed is enough to be refused.
            Ok((0..count.min(MAX_ROUNDS + 1)).map(|at| (at.into(), at.into())).collect())
        }
        other => Err(format!("range can't iterate over {}", printed(other))),
    }
}

fn parameter(h: &Helper<'_>, at: usize) -> Json {
    h.param(at).map_or(Json::Null, |p| p.value().clone())
}

fn index(h: &Helper<'_>, at: usize) -> Option<usize> {
    h.param(at).and_then(|p| p.value().as_u64()).and_then(|n| usize::try_from(n).ok())
}
