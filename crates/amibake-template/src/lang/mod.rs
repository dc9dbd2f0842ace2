//! The template language: Go's text/template as Packer uses it, `{{ ... }}`, and the native spelling `<<function ...>>`.
//!
//! [`Template::compile`] parses with spans (`lexer`, `parser`, `tree`) and lowers the tree to a handlebars template whose
//! every element is a call of one of our helpers (`lower`); [`Template::render`] runs it (`machine`). handlebars never sees
//! raw text, so nothing of its own syntax can leak in. Strings without an opening delimiter are never compiled. What the
//! `native` says which `<<` opens one. What the
//! functions do is in `functions` (Packer's), `builtins` (Go's), `printf` and `clock` (layouts of times).
//! Source: Packer 1.6.6, observed; where 1.16 accepts more, so do we.

mod builtins;
mod clock;
mod context;
mod error;
mod floats;
mod functions;
mod lexer;
mod lookups;
mod lower;
mod machine;
mod native;
mod numbers;
mod parser;
mod printf;
mod strings;
mod table;
mod template;
mod tree;
mod value;
mod verbs;
mod work;

pub use context::{Context, Host, Scope};
pub use error::LangError;
pub use lookups::{Answers, LookupKind, Question};
pub(crate) use native::can_stand;
pub use table::function_names;
pub use template::{Template, UserReference, placeholders, render_again_until_stable, render_until_stable};
pub use work::Work;
