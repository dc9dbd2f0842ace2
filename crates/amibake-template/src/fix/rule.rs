//! What fixers are made of.

use serde_json::{Map, Value as Json};

use super::sections::{Problem, Sections};
use crate::component::Kind;

/// One of Packer's fixers.
pub(super) struct Fixer {
    /// Its name in Packer.
    pub(super) name: &'static str,
    /// What it does, for people.
    pub(super) summary: &'static str,
    /// Done one after the other.
    pub(super) rules: &'static [Rule],
}

/// One thing a fixer does to the components of one kind.
pub(super) struct Rule {
    /// Builders, provisioners or post-processors.
    pub(super) kind: Kind,
    /// Which types of them.
    pub(super) types: Types,
    /// What is done.
    pub(super) action: Action,
}

/// Which types of component a rule is about.
#[derive(Clone, Copy)]
pub(super) enum Types {
    /// Every one, also those whose type is nobody's.
    All,
    /// These.
    Of(&'static [&'static str]),
    /// Those that begin so.
    Starting(&'static str),
}

/// What a rule does to a component.
pub(super) enum Action {
    /// A key gets a new name.
    Rename(Rename),
    /// A key goes.
    Remove(&'static str),
    /// The type gets a new name.
    Retype(&'static str),
    /// Anything else; `keys` says, for hints, what becomes of which key.
    Own {
        /// Keys that this function does away with.
        keys: &'static [(&'static str, Becomes)],
        /// Does it.
        run: Run,
    },
    /// `login_email` goes from builders too, but only where the template has post-processors.
    RemoveBesidePostProcessors(&'static str),
}

/// Changes one component.
pub(super) type Run = fn(&mut Map<String, Json>) -> Result<(), Problem>;

/// A key's new name.
pub(super) struct Rename {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    /// Values of other types leave the old key alone.
    pub(super) takes: Takes,
    /// Where both keys are there.
    pub(super) both: Both,
}

/// Which values a renaming takes.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    Any,
    String,
    Bool,
}

/// Which value stays where old and new key are there.
#[derive(Clone, Copy)]
pub(super) enum Both {
    /// That of the old key.
    OldWins,
    /// That of the new key; the old one is dropped, if its value is one that the renaming takes.
    NewWins,
    /// That of the new key; the old one is dropped, whatever its value is.
    NewWinsAlways,
}

/// What becomes of a key.
#[derive(Clone, Copy)]
pub(super) enum Becomes {
    /// It has a new name.
    Renamed(&'static str),
    /// Another key says the same in another way.
    Said(&'static str),
    /// It stands inside another key.
    Inside(&'static str),
    /// It means nothing any more.
    Gone,
}

impl Fixer {
    /// Runs its rules over the template.
    pub(super) fn run(&self, sections: &mut Sections) -> Result<(), Problem> {
        for rule in self.rules {
            if matches!(rule.action, Action::RemoveBesidePostProcessors(_)) && !sections.has_post_processors() {
                continue;
            }
            sections.each(
                rule.kind,
                |component| {
                    if rule.types.contain(component.get("type")) { rule.action.run(component) } else { Ok(()) }
                },
            )?;
        }
        Ok(())
    }
}

impl Types {
    /// Whether a component of this `type` is one of them.
    pub(super) fn contain(self, type_name: Option<&Json>) -> bool {
        match self {
            Self::All => true,
            Self::Of(names) => type_name.and_then(Json::as_str).is_some_and(|name| names.contains(&name)),
            Self::Starting(prefix) => type_name.and_then(Json::as_str).is_some_and(|name| name.starts_with(prefix)),
        }
    }
}

impl Action {
    fn run(&self, component: &mut Map<String, Json>) -> Result<(), Problem> {
        match self {
            Self::Rename(rename) => rename.run(component),
            Self::Remove(key) | Self::RemoveBesidePostProcessors(key) => {
                component.shift_remove(*key);
            }
            Self::Retype(name) => {
                component.insert("type".to_owned(), Json::from(*name));
            }
            Self::Own { run, .. } => return run(component),
        }
        Ok(())
    }

    /// What becomes of a key, where this is about it.
    pub(super) fn becomes(&self, key: &str) -> Option<Becomes> {
        match self {
            Self::Rename(rename) => (rename.from == key).then_some(Becomes::Renamed(rename.to)),
            Self::Remove(gone) | Self::RemoveBesidePostProcessors(gone) => (*gone == key).then_some(Becomes::Gone),
            Self::Retype(_) => None,
            Self::Own { keys, .. } => keys.iter().find(|(name, _)| *name == key).map(|(_, becomes)| *becomes),
        }
    }
}

impl Rename {
    fn run(&self, component: &mut Map<String, Json>) {
        let Some(value) = component.get(self.from) else { return };
        let there = component.contains_key(self.to);
        if !self.takes.accept(value) && !(there && matches!(self.both, Both::NewWinsAlways)) {
            return;
        }
        let value = component.shift_remove(self.from);
        if let Some(value) = value.filter(|_| !there || matches!(self.both, Both::OldWins)) {
            component.insert(self.to.to_owned(), value);
        }
    }
}

impl Takes {
    fn accept(self, value: &Json) -> bool {
        match self {
            Self::Any => true,
            Self::String => value.is_string(),
            Self::Bool => value.is_boolean(),
        }
    }
}
