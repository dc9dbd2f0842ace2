//! Which functions exist, what they take, and where each is implemented.

use serde_json::Value as Json;

use super::context::Context;
use super::lookups::Question;
use super::{builtins, functions, lookups, printf};

/// A function of the language.
pub(crate) struct Function {
    pub name: &'static str,
    /// Types of the parameters; the last one repeats where `variadic`.
    pub parameters: &'static [Type],
    pub variadic: bool,
    pub run: fn(&Call<'_>) -> Result<Json, Fault>,
}

/// What a parameter accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Integer,
    Any,
}

/// One call: arguments checked against the parameters.
pub(crate) struct Call<'a> {
    pub cx: &'a Context<'a>,
    pub arguments: Vec<Json>,
}

impl Call<'_> {
    /// A text argument; empty where there is none, which the check of arguments excludes.
    pub fn text(&self, index: usize) -> &str {
        self.arguments.get(index).and_then(Json::as_str).unwrap_or_default()
    }

    /// An integer argument.
    pub fn integer(&self, index: usize) -> i64 {
        self.arguments.get(index).and_then(Json::as_i64).unwrap_or_default()
    }
}

/// Why a function failed.
pub(crate) struct Fault {
    pub reason: String,
    pub help: Option<String>,
    pub unset_variable: Option<String>,
    pub question: Option<Box<Question>>,
    /// The reason stands alone, without `error calling NAME: ` before it.
    pub bare: bool,
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self { reason, help: None, unset_variable: None, question: None, bare: false }
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl Fault {
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

type Run = fn(&Call<'_>) -> Result<Json, Fault>;

const fn fixed(name: &'static str, parameters: &'static [Type], run: Run) -> Function {
    Function { name, parameters, variadic: false, run }
}

const fn variadic(name: &'static str, parameters: &'static [Type], run: Run) -> Function {
    Function { name, parameters, variadic: true, run }
}

use Type::{Any, Integer, Text};

/// Sorted by name. `and` and `or` stand here for their names; the machine evaluates them, one operand after the other.
static FUNCTIONS: [Function; 42] = [
    variadic("and", &[Any, Any], builtins::last),
    variadic("aws_secretsmanager", &[Text, Text], lookups::aws_secretsmanager),
    fixed("aws_secretsmanager_raw", &[Text], lookups::aws_secretsmanager_raw),
    fixed("build", &[Text], functions::build),
    fixed("build_name", &[], functions::build_name),
    fixed("build_type", &[], functions::build_type),
    variadic("call", &[Any, Any], builtins::call),
    fixed("clean_resource_name", &[Text], functions::clean_resource_name),
    fixed("consul_key", &[Text], lookups::consul_key),
    fixed("env", &[Text], functions::env),
    variadic("eq", &[Any, Any], builtins::eq),
    fixed("ge", &[Any, Any], builtins::ge),
    fixed("gt", &[Any, Any], builtins::gt),
    variadic("html", &[Any], builtins::html),
    variadic("index", &[Any, Any], builtins::index),
    variadic("isotime", &[Text], functions::isotime),
    variadic("js", &[Any], builtins::js),
    fixed("le", &[Any, Any], builtins::le),
    fixed("len", &[Any], builtins::len),
    fixed("lower", &[Text], functions::lower),
    fixed("lt", &[Any, Any], builtins::lt),
    fixed("ne", &[Any, Any], builtins::ne),
    fixed("not", &[Any], builtins::not),
    variadic("or", &[Any, Any], builtins::last),
    fixed("packer_version", &[], functions::packer_version),
    variadic("print", &[Any], printf::print),
    variadic("printf", &[Text, Any], printf::printf),
    variadic("println", &[Any], printf::println),
    fixed("pwd", &[], functions::pwd),
    fixed("replace", &[Text, Text, Integer, Text], functions::replace),
    fixed("replace_all", &[Text, Text, Text], functions::replace_all),
    fixed("sed", &[Text, Text], functions::sed),
    variadic("slice", &[Any, Any], builtins::slice),
    fixed("split", &[Text, Text, Integer], functions::split),
    fixed("strftime", &[Text], functions::strftime),
    fixed("template_dir", &[], functions::template_dir),
    fixed("timestamp", &[], functions::timestamp),
    fixed("upper", &[Text], functions::upper),
    variadic("urlquery", &[Any], builtins::urlquery),
    fixed("user", &[Text], functions::user),
    fixed("uuid", &[], functions::uuid),
    fixed("vault", &[Text, Text], lookups::vault),
];

/// The function of that name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// The names of all functions, for suggestions.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

impl Function {
    /// How many arguments a call must have at least. `print` and its kin, `isotime`, `and`: their last parameter may be absent.
    pub(crate) fn least(&self) -> usize {
        if self.variadic { self.parameters.len() - 1 } else { self.parameters.len() }
    }

    /// The type of the parameter that takes the argument at `index`.
    pub(crate) fn parameter(&self, index: usize) -> Type {
        self.parameters.get(index).or(self.parameters.last()).copied().unwrap_or(Type::Any)
    }
}
