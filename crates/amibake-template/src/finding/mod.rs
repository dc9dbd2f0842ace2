//! What is wrong with a template, where, and what to do: plain data ([`Finding`]), its renderings for people
//! ([`render_human`]) and for programs ([`report`](fn@report), [`sarif`](fn@sarif), [`render_github`]), and the search for what a
//! misspelt word was meant to be ([`nearest`]). [`tidy`] puts the findings of several steps together in order.

mod github;
mod human;
mod model;
mod near;
mod order;
mod report;
mod sarif;
mod secrets;

pub use github::render_github;
pub use human::{render_human, render_human_each, render_human_hiding, render_human_masked};
pub(crate) use model::{FOREIGN_TYPE, NOT_SUPPORTED_YET};
pub use model::{Finding, Label, Severity, refuse_to_run};
pub use near::nearest;
pub(crate) use near::nearest_after;
pub(crate) use order::gather;
pub use order::tidy;
pub use report::{Entry, Level, Place, REPORT_VERSION, Report, Tool, findings_schema, report};
pub use sarif::sarif;
pub(crate) use secrets::Secrets;
