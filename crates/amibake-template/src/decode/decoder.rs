//! One component's decoding: the walk over the written tree beside its schema.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Value as Json};

use super::failed::Failed;
use super::shape::Shape;
use crate::component::{Kind, Origin, Secret};
use crate::finding::{Finding, nearest_after};
use crate::json::{Member, Node, Value};
use crate::lang::Context;
use crate::variables::Values;
use crate::wording::describe;

/// What all of a component's strings are rendered with.
pub(crate) struct Setting<'a> {
    /// Builder, provisioner or post-processor.
    pub(crate) kind: Kind,
    /// `type`.
    pub(crate) type_name: &'a str,
    /// Keys the core has taken already.
    pub(crate) wrapper_keys: &'a [&'a str],
    /// The first pass.
    pub(crate) context: Context<'a>,
    /// Values of user variables and where they came from.
    pub(crate) values: &'a Values,
    /// All variables declared or given. One of them without a value has been reported already.
    pub(crate) declared: &'a BTreeSet<&'a str>,
    /// Variables whose values are never shown.
    pub(crate) sensitive: &'a BTreeSet<&'a str>,
}

/// What became of a written value.
pub(super) enum Outcome {
    /// It is this.
    Value(Json),
    /// It counts as not written (`null`).
    Unset,
    /// It was wrong; a finding says why.
    Failed,
}

/// Decodes one component.
pub(crate) struct Decoder<'a> {
    pub(super) setting: &'a Setting<'a>,
    /// What was found.
    pub(crate) findings: Vec<Finding>,
    /// JSON pointer to the user variables that took part in the value.
    pub(crate) origins: BTreeMap<String, Vec<Origin>>,
    /// Values of secret fields.
    pub(crate) secrets: Vec<Secret>,
    /// JSON pointers of values that failed, or were meant by a misspelt key, so that they are not called missing as well.
    pub(crate) failed: Failed,
}

impl<'a> Decoder<'a> {
    /// Nothing found yet.
    pub(crate) fn new(setting: &'a Setting<'a>) -> Self {
        Self { setting, findings: Vec::new(), origins: BTreeMap::new(), secrets: Vec::new(), failed: Failed::default() }
    }

    /// Decodes a whole component to what its struct deserialises from.
    pub(crate) fn component(&mut self, node: &Node, schema: &Json) -> Json {
        self.all_but(self.setting.wrapper_keys, node, schema)
    }

    /// Decodes an override: the core takes nothing from it, so its own keys are unknown there.
    pub(crate) fn over(&mut self, node: &Node, schema: &Json) -> Json {
        self.all_but(&["type"], node, schema)
    }

    /// Keys beginning with `packer_` are what Packer's own core hands to its plugins; they pass everywhere.
    fn all_but(&mut self, taken: &[&str], node: &Node, schema: &Json) -> Json {
        let Value::Object(members) = &node.value else { return Json::Object(Map::new()) };
        let is_own = |member: &&Member| !taken.contains(&member.key.as_str()) && !member.key.starts_with("packer_");
        let own: Vec<&Member> = members.iter().filter(is_own).collect();
        Json::Object(self.fields(&own, schema, ""))
    }

    /// One value by its schema; a failure is remembered.
    pub(super) fn value(&mut self, node: &Node, schema: &Json, pointer: &str) -> Outcome {
        let outcome = match Shape::of(schema) {
            _ if matches!(node.value, Value::Null) => Outcome::Unset,
            Shape::Any => self.any(node, pointer),
            Shape::Scalar(kind) => self.scalar(node, kind, schema, pointer),
            Shape::List(items) => self.list(node, items, pointer),
            Shape::Map(values) => self.map(node, values, pointer),
            Shape::Struct => match &node.value {
                Value::Object(members) => {
                    let members: Vec<&Member> = members.iter().collect();
                    Outcome::Value(Json::Object(self.fields(&members, schema, pointer)))
                }
                _ => self.wrong_type(node, "an object", pointer),
            },
        };
        if matches!(outcome, Outcome::Failed) {
            self.failed.add(pointer, node.span);
        }
        outcome
    }

    /// The fields of an object that has a fixed set of keys.
    fn fields(&mut self, members: &[&Member], schema: &Json, pointer: &str) -> Map<String, Json> {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Json::as_object).unwrap_or(&empty);
        let mut fields = Map::new();
        let written: LazyCell<HashSet<&str>, _> = LazyCell::new(|| members.iter().map(|member| member.key.as_str()).collect());
        let is_written = |key: &str| written.contains(key);
        for member in members {
            let Some(key) = self.match_key(member, &is_written, properties, pointer) else { continue };
            let Some(inner) = properties.get(key) else { continue };
            let at = format!("{pointer}/{}", escape(key));
            if let Outcome::Value(value) = self.value(&member.value, inner, &at)
                && !is_unset_by_zero(&value, inner)
            {
                fields.insert(key.to_owned(), value);
            }
        }
        fields
    }

    /// The property a key means: the exact spelling first, then any case. A key that means none is reported.
    fn match_key<'p>(
        &mut self,
        member: &Member,
        is_written: &dyn Fn(&str) -> bool,
        properties: &'p Map<String, Json>,
        pointer: &str,
    ) -> Option<&'p str> {
        if let Some((key, _)) = properties.get_key_value(&member.key) {
            return Some(key);
        }
        let folded = properties.keys().find(|key| key.eq_ignore_ascii_case(&member.key));
        // Where both spellings stand, the exact one is read and this one by nobody.
        if let Some(key) = folded.filter(|key| !is_written(key)) {
            return Some(key);
        }
        let finding = super::renamed::explain(self.setting, member, pointer).unwrap_or_else(|| {
            let message = format!("unknown key `{}` in {}", path(&format!("{pointer}/{}", escape(&member.key))), self.what());
            let help = self.suggest(&member.key, properties, pointer);
            Finding::error("unknown-key", message, member.key_span).with_help(help)
        });
        self.findings.push(finding);
        None
    }

    /// What a key nobody reads may have been meant to be.
    fn suggest(&mut self, key: &str, properties: &Map<String, Json>, pointer: &str) -> String {
        let wrappers = if pointer.is_empty() { self.setting.wrapper_keys } else { &[] };
        if wrappers.contains(&key) {
            return format!("`{key}` holds for all builders: it stands beside `override`, not in it");
        }
        if let Some(hint) = crate::fix::hint(self.setting.kind, self.setting.type_name, key).filter(|_| pointer.is_empty()) {
            return hint;
        }
        let known = properties.keys().map(String::as_str).chain(wrappers.iter().copied());
        let Some(near) = nearest_after(self.findings.len(), key, known) else { return keys_help(properties) };
        // It was written, if wrong: not to be called missing as well.
        self.failed.add_absent(format!("{pointer}/{}", escape(near)));
        format!("did you mean `{near}`?")
    }

    /// The component for people: ``the builder `null` ``.
    pub(crate) fn what(&self) -> String {
        format!("the {} `{}`", kind_word(self.setting.kind), self.setting.type_name)
    }

    fn list(&mut self, node: &Node, items: &Json, pointer: &str) -> Outcome {
        match &node.value {
            Value::Array(elements) => {
                let decoded =
                    elements.iter().enumerate().map(|(index, element)| self.element(element, items, &format!("{pointer}/{index}")));
                collect(decoded.collect())
            }
            Value::Object(members) if members.is_empty() => Outcome::Value(Json::Array(Vec::new())),
            Value::String(text) if Shape::of(items).is_scalar() => self.comma_list(node, text, items, pointer),
            // One value stands for a list of one.
            _ => {
                let element = self.element(node, items, &format!("{pointer}/0"));
                collect(vec![element])
            }
        }
    }

    /// `null` in a list is the type's zero value, as Go has it.
    fn element(&mut self, node: &Node, items: &Json, pointer: &str) -> Outcome {
        match self.value(node, items, pointer) {
            Outcome::Unset => Outcome::Value(Shape::of(items).zero()),
            other => other,
        }
    }

    fn map(&mut self, node: &Node, values: &Json, pointer: &str) -> Outcome {
        let members: Vec<&Member> = match &node.value {
            Value::Object(members) => members.iter().collect(),
            // A list of objects is merged, later ones win.
            Value::Array(elements) => {
                let mut all = Vec::new();
                for element in elements {
                    match &element.value {
                        Value::Object(members) => all.extend(members),
                        _ => return self.wrong_type(element, "an object", pointer),
                    }
                }
                all
            }
            _ => return self.wrong_type(node, "an object", pointer),
        };
        let mut map = Map::new();
        let mut whole = true;
        for member in members {
            let Some(key) = self.map_key(member, values, pointer) else {
                whole = false;
                continue;
            };
            match self.element(&member.value, values, &format!("{pointer}/{}", escape(&key))) {
                Outcome::Value(value) => {
                    map.insert(key, value);
                }
                Outcome::Unset | Outcome::Failed => whole = false,
            }
        }
        if whole { Outcome::Value(Json::Object(map)) } else { Outcome::Failed }
    }

    /// A value without a type of its own: rendered, otherwise as it is.
    fn any(&mut self, node: &Node, pointer: &str) -> Outcome {
        match &node.value {
            Value::Array(elements) => {
                let decoded = elements.iter().enumerate().map(|(index, element)| self.any(element, &format!("{pointer}/{index}")));
                collect(decoded.collect())
            }
            Value::Object(_) => self.map(node, &Json::Bool(true), pointer),
            Value::String(text) => match self.render(node, &text.value, false, pointer) {
                Some(text) => Outcome::Value(Json::String(text)),
                None => Outcome::Failed,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => Outcome::Value(node.to_json()),
        }
    }

    /// A value that no weak conversion makes fit.
    pub(super) fn wrong_type(&mut self, node: &Node, expected: &str, pointer: &str) -> Outcome {
        let message = format!("`{}` must be {expected}, not {}", path(pointer), describe(&node.value));
        self.findings.push(Finding::error("wrong-type", message, node.span).with_label(format!("expected {expected}")));
        Outcome::Failed
    }
}

fn keys_help(properties: &Map<String, Json>) -> String {
    // A long list helps nobody in a terminal; the editor's completion and the reference have it.
    const FEW: usize = 12;
    if properties.len() > FEW || properties.is_empty() {
        return "take it away, or see the reference for the keys that exist".to_owned();
    }
    let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
    format!("the keys are {}", crate::wording::name_list(&keys))
}

/// A list is whole or failed.
pub(super) fn collect(elements: Vec<Outcome>) -> Outcome {
    let count = elements.len();
    let values: Vec<Json> = elements
        .into_iter()
        .filter_map(|element| match element {
            Outcome::Value(value) => Some(value),
            Outcome::Unset | Outcome::Failed => None,
        })
        .collect();
    if values.len() == count { Outcome::Value(Json::Array(values)) } else { Outcome::Failed }
}

/// In Go the zero value means "not given": `"tenancy": ""` and `"delay_seconds": 0` take the default where the value itself
/// would not be allowed.
fn is_unset_by_zero(value: &Json, schema: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) if text.is_empty() => {
            let listed = schema.get("enum").and_then(Json::as_array).map(|values| values.contains(value));
            listed == Some(false) || ["pattern", "minLength"].iter().any(|key| schema.get(key).is_some())
        }
        Json::Number(number) if number.as_f64() == Some(0.0) => {
            schema.get("minimum").and_then(Json::as_f64).is_some_and(|least| least > 0.0)
        }
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => false,
    }
}

/// An override decoded into what the base has set: maps and objects key by key, lists element by element, so that a shorter
/// list leaves the tail of the base in place.
pub(crate) fn merge(base: &mut Json, over: Json) {
    match (base, over) {
        (Json::Object(base), Json::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(slot) => merge(slot, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (Json::Array(base), Json::Array(over)) => {
            for (index, value) in over.into_iter().enumerate() {
                match base.get_mut(index) {
                    Some(slot) => merge(slot, value),
                    None => base.push(value),
                }
            }
        }
        (base, over) => *base = over,
    }
}

/// One step of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A JSON pointer for people: `ami_block_device_mappings[0].volume_type`.
pub(super) fn path(pointer: &str) -> String {
    let mut out = String::new();
    for step in pointer.split('/').filter(|step| !step.is_empty()) {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push('[');
            out.push_str(step);
            out.push(']');
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(&step.replace("~1", "/").replace("~0", "~"));
        }
    }
    out
}

/// A kind of part in words.
pub(crate) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Builder => "builder",
        Kind::Provisioner => "provisioner",
        Kind::PostProcessor => "post-processor",
    }
}
