//! How fixers get at a template's components, and what Packer lets them be.

use serde_json::{Map, Value as Json};

use crate::component::Kind;
use crate::finding::Finding;
use crate::json::Node;

/// The template's root while it is being fixed.
pub(super) struct Sections {
    root: Map<String, Json>,
}

/// What keeps `fix` from its work.
pub(super) struct Problem {
    /// JSON pointer to the value at fault.
    pub(super) pointer: String,
    /// What is wrong with it.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
}

impl Problem {
    /// A problem inside a component, whose pointer is put in front later.
    pub(super) fn new(pointer: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), message: message.into(), help: help.into() }
    }

    /// The finding, at the value's place or that of what holds it: an earlier fixer may have made the value.
    pub(super) fn at(self, template: &Node, fixer: Option<&str>) -> Finding {
        let mut pointer = self.pointer.as_str();
        let node = loop {
            match template.at(pointer) {
                Some(node) => break node,
                None => pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent),
            }
        };
        let finding = Finding::error("fix", self.message, node.span).with_help(self.help);
        match fixer {
            Some(name) => finding.with_label(format!("fixer `{name}`")),
            None => finding,
        }
    }
}

impl Sections {
    pub(super) fn new(root: Map<String, Json>) -> Self {
        Self { root }
    }

    pub(super) fn into_root(self) -> Map<String, Json> {
        self.root
    }

    /// Everything that is not of the shape fixers need. Packer stops at the first, and crashes over a builder without type.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let key = self.key_of("builders");
        match self.root.get(key) {
            None | Some(Json::Null) => {}
            Some(Json::Array(builders)) => {
                let named = builders.iter().enumerate();
                problems.extend(named.filter_map(|(index, builder)| builder_problem(&format!("/{key}/{index}"), index, builder)));
            }
            Some(other) => problems.push(no_list(key, other)),
        }
        if let Some(other) = self.root.get("post-processors").filter(|value| !value.is_array() && !value.is_null()) {
            problems.push(no_list("post-processors", other));
        }
        problems
    }

    pub(super) fn has_post_processors(&self) -> bool {
        self.root.get("post-processors").is_some_and(|value| !value.is_null())
    }

    /// Does something to each component of a kind.
    pub(super) fn each(
        &mut self,
        kind: Kind,
        mut change: impl FnMut(&mut Map<String, Json>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        match kind {
            Kind::Builder => {
                let section = self.written_back("builders");
                change_all(section, "/builders", &mut change)
            }
            Kind::PostProcessor => match self.root.get_mut("post-processors") {
                Some(Json::Array(chains)) => chains.iter_mut().enumerate().try_for_each(|(index, chain)| {
                    let pointer = format!("/post-processors/{index}");
                    change_one(chain, &pointer, &mut change)?;
                    change_all(chain, &pointer, &mut change)
                }),
                _ => Ok(()),
            },
            Kind::Provisioner => {
                if self.root.get(self.key_of("provisioners")).is_none_or(is_nothing) {
                    return Ok(());
                }
                let section = self.written_back("provisioners");
                if !section.is_array() {
                    // Packer decodes this section weakly: one thing is a list of one.
                    *section = Json::Array(vec![section.take()]);
                }
                change_all(section, "/provisioners", &mut change)
            }
        }
    }

    /// The key a section is read from. Packer's decoder looks for `Builders` first, then for any spelling; where there are both, the
    /// other spelling wins, again for each fixer.
    fn key_of<'k>(&'k self, section: &'k str) -> &'k str {
        let spellings = self.root.keys().filter(|key| key.eq_ignore_ascii_case(section) && *key != section);
        spellings.min().map_or(section, String::as_str)
    }

    /// A section as fixers write it back: always in small letters, null where there is none.
    fn written_back(&mut self, section: &str) -> &mut Json {
        let key = self.key_of(section);
        if key != section {
            let copy = self.root.get(key).cloned().unwrap_or_default();
            self.root.insert(section.to_owned(), copy);
        }
        self.root.entry(section).or_insert(Json::Null)
    }
}

fn is_nothing(section: &Json) -> bool {
    section.is_null() || section.as_object().is_some_and(Map::is_empty)
}

fn builder_problem(pointer: &str, index: usize, builder: &Json) -> Option<Problem> {
    let what = format!("builder {}", index + 1);
    let Json::Object(members) = builder else {
        return Some(Problem::new(
            pointer,
            format!("{what} is {}, not an object", kind_of(builder)),
            "a builder looks like {\"type\": ...}",
        ));
    };
    match members.get("type") {
        Some(Json::String(_)) => None,
        Some(other) => {
            let message = format!("`type` of {what} is {}, not a string", kind_of(other));
            Some(Problem::new(&format!("{pointer}/type"), message, "name one of the builders, such as \"amazon-ebs\""))
        }
        None => Some(Problem::new(pointer, format!("{what} has no `type`"), "add `\"type\": ...` to say which one it is")),
    }
}

fn no_list(key: &str, value: &Json) -> Problem {
    Problem::new(&format!("/{key}"), format!("`{key}` is {}, not a list", kind_of(value)), "put it into brackets: [...]")
}

/// A value's type in words.
pub(super) fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

fn change_all(
    list: &mut Json,
    pointer: &str,
    change: &mut impl FnMut(&mut Map<String, Json>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let elements = list.as_array_mut().into_iter().flatten().enumerate();
    elements.into_iter().try_for_each(|(index, element)| match element {
        Json::Object(_) => change_one(element, &format!("{pointer}/{index}"), change),
        _ => Ok(()),
    })
}

fn change_one(
    component: &mut Json,
    pointer: &str,
    change: &mut impl FnMut(&mut Map<String, Json>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let Json::Object(members) = component else { return Ok(()) };
    change(members).map_err(|problem| Problem { pointer: format!("{pointer}{}", problem.pointer), ..problem })
}
