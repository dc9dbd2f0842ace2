//! Which component types exist. One line each, in the program's `src/parts.rs`.

use crate::component::{Check, Component, Kind};

/// All known component types.
#[derive(Default)]
pub struct Registry {
    pub(crate) entries: Vec<Entry>,
}

/// What the registry keeps of a component type.
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) type_name: &'static str,
    pub(crate) build_data: &'static [&'static str],
    pub(crate) example: &'static str,
    /// The strict schema, straight from the type.
    pub(crate) schema: fn() -> schemars::Schema,
    /// Plain serde on the decoded value, then the type's own checks. The string is serde's message.
    pub(crate) check: fn(&serde_json::Value, &mut Check<'_>) -> Result<(), String>,
}

impl Registry {
    /// Adds a component type.
    pub fn register<C: Component>(&mut self) -> &mut Self {
        self.entries.push(Entry {
            kind: C::KIND,
            type_name: C::TYPE,
            build_data: C::BUILD_DATA,
            example: C::EXAMPLE,
            schema: strict_schema::<C>,
            check: |value, check| {
                let config = C::deserialize(value).map_err(|error| error.to_string())?;
                config.check(check);
                Ok(())
            },
        });
        self
    }

    /// The known type names of a kind, in the order of registration.
    pub fn types(&self, kind: Kind) -> impl Iterator<Item = &'static str> {
        self.entries.iter().filter(move |e| e.kind == kind).map(|e| e.type_name)
    }

    pub(crate) fn find(&self, kind: Kind, type_name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.kind == kind && e.type_name == type_name)
    }
}

/// The schema as the type has it. Nothing is shared by reference: whoever walks it meets every key where it stands.
fn strict_schema<C: Component>() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<C>()
}
