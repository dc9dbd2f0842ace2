//! Which component types exist. One line each, in the program's `src/parts.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::component::{Check, Component, Kind};
use crate::foreign::{Outline, outlines};

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
    /// A minimal JSON object of this type, for editors.
    pub(crate) example: Box<dyn Fn() -> String + Send + Sync>,
    /// Whether the program can run it; else it is known by its keys only.
    pub(crate) runs: bool,
    /// The strict schema, straight from the type.
    pub(crate) schema: SchemaOf,
    /// Plain serde on the decoded value, then the type's own checks. The string is serde's message.
    pub(crate) check: CheckOf,
}

type SchemaOf = Arc<dyn Fn() -> schemars::Schema + Send + Sync>;
type CheckOf = Arc<dyn Fn(&Value, &mut Check<'_>) -> Result<(), String> + Send + Sync>;

impl Registry {
    /// Adds a component type.
    pub fn register<C: Component>(&mut self) -> &mut Self {
        self.entries.push(Entry {
            kind: C::KIND,
            type_name: C::TYPE,
            build_data: C::BUILD_DATA,
            example: Box::new(|| C::EXAMPLE.to_owned()),
            runs: true,
            schema: Arc::new(strict_schema::<C>),
            check: Arc::new(|value, check| {
                let config = C::deserialize(value).map_err(|error| error.to_string())?;
                config.check(check);
                Ok(())
            }),
        });
        self
    }

    /// Adds Packer's own components that are known by their keys only ([`crate::foreign`]). To be called last: a type that is
    /// registered already stays as it is.
    pub fn register_outlines(&mut self) -> &mut Self {
        for outline in outlines() {
            if self.find(outline.kind, outline.type_name).is_none() {
                self.entries.push(Entry::outlined(outline));
            }
        }
        self
    }

    /// Whether the program can run a component of this type.
    pub fn runs(&self, kind: Kind, type_name: &str) -> bool {
        self.find(kind, type_name).is_some_and(|entry| entry.runs)
    }

    /// The known type names of a kind, in the order of registration; also of those that are known by their keys only.
    pub fn types(&self, kind: Kind) -> impl Iterator<Item = &'static str> {
        self.entries.iter().filter(move |e| e.kind == kind).map(|e| e.type_name)
    }

    /// The texts of a component's configuration that stand under a key its type calls secret.
    pub fn secrets<'c>(&self, kind: Kind, type_name: &str, config: &'c Value) -> Vec<&'c str> {
        let (mut keys, mut texts) = (BTreeSet::new(), Vec::new());
        if let Some(entry) = self.find(kind, type_name) {
            secret_keys((entry.schema)().as_value(), &mut keys);
            texts_under(config, &keys, false, &mut texts);
        }
        texts
    }

    pub(crate) fn find(&self, kind: Kind, type_name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.kind == kind && e.type_name == type_name)
    }
}

impl Entry {
    fn outlined(outline: &'static Outline) -> Self {
        Self {
            kind: outline.kind,
            type_name: outline.type_name,
            build_data: outline.build_data(),
            example: Box::new(|| outline.example()),
            runs: false,
            schema: Arc::new(|| schemars::Schema::try_from(outline.schema().clone()).unwrap_or_default()),
            check: Arc::new(|value, check| {
                outline.check(value, check);
                Ok(())
            }),
        }
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

/// Names of the properties, at any depth, whose schema is a secret's.
fn secret_keys(schema: &Value, keys: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        keys.extend(properties.iter().filter(|(_, schema)| is_secret(schema)).map(|(name, _)| name.clone()));
    }
    match schema {
        Value::Object(members) => members.values().for_each(|member| secret_keys(member, keys)),
        Value::Array(elements) => elements.iter().for_each(|element| secret_keys(element, keys)),
        _ => {}
    }
}

/// Whether a value is a secret, or a list or choice of them; properties of their own are looked at by themselves.
fn is_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.contains_key("x-amibake-secret") || members.iter().any(|(name, member)| name != "properties" && is_secret(member))
        }
        Value::Array(elements) => elements.iter().any(is_secret),
        _ => false,
    }
}

fn texts_under<'c>(value: &'c Value, keys: &BTreeSet<String>, secret: bool, texts: &mut Vec<&'c str>) {
    match value {
        Value::String(text) if secret => texts.push(text),
        Value::Array(elements) => elements.iter().for_each(|element| texts_under(element, keys, secret, texts)),
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| texts_under(member, keys, secret || keys.contains(name), texts));
        }
        _ => {}
    }
}
