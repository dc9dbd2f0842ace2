//! The components of a tree whose types are known.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value as Json;

use crate::component::Kind;
use crate::document::{BUILDER_KEYS, Document, POST_PROCESSOR_KEYS, PROVISIONER_KEYS};
use crate::json::{Member, Node, Value};
use crate::registry::Registry;

/// A component as written, and the strict schema of its type.
pub(super) struct Part<'d> {
    pub(super) kind: Kind,
    pub(super) node: &'d Node,
    pub(super) schema: Rc<Json>,
}

/// All components of known type.
pub(super) fn parts<'d>(document: &'d Document, registry: &Registry) -> Vec<Part<'d>> {
    let builders = document.builders.iter().map(|builder| (Kind::Builder, &builder.type_name, &builder.node));
    let provisioners = document.provisioners.iter().chain(&document.error_cleanup_provisioner);
    let provisioners = provisioners.map(|provisioner| (Kind::Provisioner, &provisioner.type_name, &provisioner.node));
    let post_processors = document.post_processors.iter().flatten();
    let post_processors = post_processors.map(|element| (Kind::PostProcessor, &element.type_name, &element.node));
    // Deriving a schema takes longer than reading a component by it.
    let mut schemas: BTreeMap<(Kind, &str), Rc<Json>> = BTreeMap::new();
    let known = builders.chain(provisioners).chain(post_processors).filter_map(|(kind, type_name, node)| {
        let entry = registry.find(kind, type_name)?;
        let schema = schemas.entry((kind, type_name)).or_insert_with(|| Rc::new(crate::schema::strict((entry.schema)())));
        Some(Part { kind, node, schema: Rc::clone(schema) })
    });
    known.collect()
}

impl<'d> Part<'d> {
    /// The members that the component itself reads.
    pub(super) fn own_members(&self) -> impl Iterator<Item = &'d Member> {
        let taken: &[&str] = match self.kind {
            Kind::Builder => &BUILDER_KEYS,
            Kind::Provisioner => &PROVISIONER_KEYS,
            Kind::PostProcessor => &POST_PROCESSOR_KEYS,
        };
        members(self.node).iter().filter(move |member| !taken.contains(&member.key.as_str()))
    }

    /// What a provisioner says about single builders.
    pub(super) fn overrides(&self) -> impl Iterator<Item = &'d Node> {
        let node = self.node.get("override").filter(|_| self.kind == Kind::Provisioner);
        node.map(members).unwrap_or_default().iter().map(|member| &member.value)
    }

    /// `max_retries`, which the core reads and converts.
    pub(super) fn max_retries(&self) -> Option<&'d Node> {
        self.node.get("max_retries").filter(|_| self.kind == Kind::Provisioner)
    }
}

fn members(node: &Node) -> &[Member] {
    match &node.value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => &[],
    }
}
