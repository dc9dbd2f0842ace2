//! `migrate`: the same template in amibake's own best form, everything that does not change left byte for byte.
//!
//! [`migrate`] works on the text, in stages, each of which parses what the one before wrote: `fixed` brings it up to date as
//! [`crate::fix`] would, `typed` gives values the type of their field, `native` changes the spelling of template functions where that
//! is wished, and the root gets its `$schema`. `edit` and `layout` are how a text is changed, `parts` finds the components in it.
//!
//! Nothing here is to be believed: whoever calls resolves old and new text and asks [`differences`].

mod edit;
mod fixed;
mod layout;
mod native;
mod parts;
mod prove;
mod typed;

use serde_json::Value as Json;

use self::edit::Edits;
use self::layout::{Layout, quoted};
use crate::document::{self, Document};
use crate::finding::{Finding, Severity};
use crate::fix;
use crate::json::{self, Dialect, Member, Node, Value};
use crate::registry::Registry;
use crate::source::{SourceId, Sources};

pub use self::prove::differences;

/// How a migration reads a text, and what it does beyond fixing and types.
#[derive(Debug, Clone, Copy)]
pub struct Wishes<'a> {
    /// What the text may hold beyond JSON.
    pub dialect: Dialect,
    /// Template functions are spelt `<<user ...>>` where they can be.
    pub native: bool,
    /// What the root gives as `$schema`, a path or URL that editors can load; None leaves the root as it is. Packer refuses a template
    /// that has one.
    pub schema: Option<&'a str>,
}

/// Migrates one of the texts in `sources`. A text that is in its best form comes back as it is. What the stages make is added to
/// `sources`, under the same name, for findings to point into.
///
/// # Errors
/// What keeps the text from being read or fixed, at its place; a stage that did not make what it should have, which is a mistake of
/// ours.
pub fn migrate(sources: &mut Sources, source: SourceId, registry: &Registry, wishes: Wishes<'_>) -> Result<String, Vec<Finding>> {
    let (name, text) = (sources.name(source).to_owned(), sources.text(source).to_owned());
    let mut stages = Stages { sources, name, dialect: wishes.dialect, registry };
    let text = stages.fixed(&text)?;
    let text = stages.edited(text, |document, registry, edits| {
        parts::parts(document, registry).iter().for_each(|part| typed::edits(part, edits));
    })?;
    let text = if wishes.native { stages.native(text)? } else { text };
    match wishes.schema {
        Some(link) => stages.with_schema(text, link),
        None => Ok(text),
    }
}

struct Stages<'a> {
    sources: &'a mut Sources,
    name: String,
    dialect: Dialect,
    registry: &'a Registry,
}

impl Stages<'_> {
    fn parse(&mut self, text: &str) -> Result<Node, Vec<Finding>> {
        let source = self.sources.add(self.name.as_str(), text);
        let (tree, mut findings) = json::parse(source, text, self.dialect);
        findings.retain(|finding| finding.severity == Severity::Error);
        tree.filter(|_| findings.is_empty()).ok_or(findings)
    }

    fn fixed(&mut self, text: &str) -> Result<String, Vec<Finding>> {
        let root = self.parse(text)?;
        let mut wanted = fix::fix(&root)?;
        // Fixers write `builders` back where there are none; that would be no improvement.
        if let (None, Json::Object(members)) = (root.get("builders"), &mut wanted)
            && members.get("builders").is_some_and(Json::is_null)
        {
            members.shift_remove("builders");
        }
        let edits = fixed::edits(&Layout::of(text, &root), &root, &wanted);
        if edits.is_empty() {
            return Ok(text.to_owned());
        }
        let changed = edits.apply(text);
        let same = self.parse(&changed).is_ok_and(|tree| fix::as_go_reads(&tree) == wanted);
        if same { Ok(changed) } else { Err(vec![our_mistake(&root)]) }
    }

    fn edited(&mut self, text: String, edit: impl Fn(&Document, &Registry, &mut Edits)) -> Result<String, Vec<Finding>> {
        let root = self.parse(&text)?;
        let (document, findings) = document::read(root);
        let mut edits = Edits::default();
        match document {
            Some(document) => edit(&document, self.registry, &mut edits),
            None => return Err(findings),
        }
        Ok(edits.apply(&text))
    }

    fn native(&mut self, text: String) -> Result<String, Vec<Finding>> {
        self.edited(text, |document, registry, edits| {
            native::variables(document, edits);
            parts::parts(document, registry).iter().for_each(|part| native::part(part, edits));
        })
    }

    fn with_schema(&mut self, text: String, link: &str) -> Result<String, Vec<Finding>> {
        let root = self.parse(&text)?;
        let Value::Object(members) = &root.value else { return Ok(text) };
        let (Some(first), None) = (members.first(), root.get("$schema")) else { return Ok(text) };
        let mut edits = Edits::default();
        edits.insert(first.key_span.start as usize, schema_member(link, &Layout::of(&text, &root), first));
        Ok(edits.apply(&text))
    }
}

/// `"$schema": ...` as it stands before the first member.
fn schema_member(link: &str, layout: &Layout<'_>, first: &Member) -> String {
    format!("\"$schema\": {},{}", quoted(link), layout.separator(first))
}

fn our_mistake(root: &Node) -> Finding {
    Finding::error("migrate", "the text could not be changed as `fix` would change it", root.span)
        .with_help("nothing was written; please report this template, and use `amibake fix` for now")
}
