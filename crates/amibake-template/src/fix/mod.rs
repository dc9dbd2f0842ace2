//! `fix`: templates of older Packers, brought up to date as Packer's own `fix` does it.
//!
//! [`read`] takes the text, [`fix`] runs every fixer of Packer 1.6.6, in its order, each on the result of the one before; [`to_text`] writes what came of it as
//! Packer prints it. 1.16 has the same fixers.
//!
//! - `read`: the text they are given.
//! - `table`: the fixers, one entry each; most are made of the few `rule`s, the others have a function in `own`.
//! - `sections`: how fixers get at builders, provisioners and post-processors, with Packer's idea of what each may be.
//! - `hint`: what a fixer would do about one key, for findings about unknown keys.
//! - `text`: JSON as Go writes it.
//!
//! ```
//! use amibake_template::{fix, json::Dialect, source::Sources};
//!
//! let text = r#"{"builders": [{"type": "amazon-ebs", "ssh_wait_timeout": "5m"}]}"#;
//! let source = Sources::default().add("packer-template.json", text);
//! let fixed = fix::read(source, text, Dialect::default()).and_then(|template| fix::fix(&template)).unwrap();
//! assert_eq!(fixed["builders"][0]["ssh_timeout"], "5m");
//! ```
//!
//! Fixers see JSON, never rendered values: a template string is neither a boolean nor a number.

mod hint;
mod own;
mod read;
mod rule;
mod sections;
mod table;
mod text;

use serde_json::Value as Json;

use self::sections::{Problem, Sections};
use crate::finding::Finding;
use crate::json::{Node, Value};

pub use self::hint::hint;
pub(crate) use self::hint::successor;
pub use self::read::read;
pub(crate) use self::text::go_number;
pub use self::text::{as_go_reads, to_text};

/// A fixer: its name in Packer, and what it does in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// As `packer fix -help` lists it.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
}

/// All fixers, in the order in which they run.
pub fn fixers() -> impl Iterator<Item = About> {
    table::FIXERS.iter().map(|fixer| About { name: fixer.name, summary: fixer.summary })
}

/// Runs all fixers over a template.
///
/// # Errors
/// What keeps a fixer from its work, at its place: a section or component that is no list or object, a builder without type, a
/// value that Packer refuses. All sections are looked at before the first fixer runs.
pub fn fix(template: &Node) -> Result<Json, Vec<Finding>> {
    let Value::Object(members) = &template.value else {
        let finding = Finding::error("fix", "a template is an object", template.span);
        return Err(vec![finding.with_help("it looks like {\"builders\": [...]}")]);
    };
    let root = members.iter().map(|member| (member.key.clone(), text::as_go_reads(&member.value))).collect();
    let mut sections = Sections::new(root);
    let problems = sections.problems();
    if !problems.is_empty() {
        return Err(problems.into_iter().map(|problem| problem.at(template, None)).collect());
    }
    for fixer in table::FIXERS {
        fixer.run(&mut sections).map_err(|problem: Problem| vec![problem.at(template, Some(fixer.name))])?;
    }
    Ok(Json::Object(sections.into_root()))
}
