//! Decoding and checking of the components of one run; compiled schemas are shared between builds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use serde_json::{Value as Json, json};

use super::Part;
use super::ways::Ways;
use crate::component::{Check, Files, Kind, Secret, object_span};
use crate::decode::constraints::Constraints;
use crate::decode::{Decoder, Setting, kind_word, merge};
use crate::finding::{FOREIGN_TYPE, Finding, NOT_SUPPORTED_YET, Severity, nearest_after};
use crate::foreign;
use crate::json::{Member, Node, Value};
use crate::lang::{Context, Host, Scope};
use crate::registry::{Entry, Registry};
use crate::variables::Values;

/// Names that `` {{build `NAME`}} `` always knows (reference section 11).
const BUILD_DATA: [&str; 13] = [
    "ID",
    "Host",
    "Port",
    "User",
    "Password",
    "ConnType",
    "PackerRunUUID",
    "PackerHTTPPort",
    "PackerHTTPIP",
    "PackerHTTPAddr",
    "SSHPublicKey",
    "SSHPrivateKey",
    "WinRMPassword",
];

/// What all components of a run share.
pub(super) struct Workshop<'a> {
    pub(super) registry: &'a Registry,
    pub(super) host: &'a Host,
    pub(super) files: &'a dyn Files,
    pub(super) values: &'a Values,
    pub(super) declared: BTreeSet<&'a str>,
    pub(super) sensitive: BTreeSet<&'a str>,
    pub(super) force: bool,
    pub(super) ways: Ways,
    /// Compiled when a type is first met. The whole plan of the Flask template (157 builder keys, four more parts) takes 1.1 ms in a
    /// new process and 0.44 ms after that (release build, 2 cores, 3 runs); compiling every known type would be most of 10 ms.
    compiled: BTreeMap<(Kind, &'static str), Option<Rc<Constraints>>>,
    pub(super) findings: Vec<Finding>,
    pub(super) secrets: Vec<Secret>,
}

/// The build a component belongs to.
pub(super) struct Of<'a> {
    /// Interpolated name.
    pub(super) build: &'a str,
    /// Raw name, which overrides go by.
    pub(super) raw: &'a str,
    /// The builder's type.
    pub(super) builder_type: &'a str,
}

/// A component as written.
pub(super) struct Written<'a> {
    pub(super) kind: Kind,
    pub(super) type_name: &'a str,
    pub(super) node: &'a Node,
    pub(super) wrapper_keys: &'a [&'a str],
}

impl<'a> Workshop<'a> {
    pub(super) fn new(registry: &'a Registry, host: &'a Host, files: &'a dyn Files, values: &'a Values) -> Self {
        Self {
            registry,
            host,
            files,
            values,
            declared: BTreeSet::new(),
            sensitive: BTreeSet::new(),
            force: false,
            ways: Ways::default(),
            compiled: BTreeMap::new(),
            findings: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// Decodes and checks one component for one build. None where a finding says why.
    pub(super) fn part(&mut self, written: &Written<'_>, of: &Of<'_>) -> Option<Part> {
        let Some(entry) = self.registry.find(written.kind, written.type_name) else { return self.unregistered(written, of) };
        let Some(constraints) = self.constraints(entry) else {
            let message = format!("amibake's own schema of `{}` is broken", entry.type_name);
            self.findings.push(Finding::error("broken-schema", message, object_span(written.node, true)).with_help("please report this"));
            return None;
        };
        let data = placeholders(written.kind);
        let build_data = (written.kind != Kind::Builder).then(|| build_data(self.registry, of.builder_type));
        let setting = self.setting(written, of, &data, build_data.as_ref());
        let mut decoder = Decoder::new(&setting);
        let (config, node) = decode(&mut decoder, written, of.raw, &constraints);
        let mut findings = std::mem::take(&mut decoder.findings);
        // A value may be missing without a finding here: its variable has one already.
        let whole = decoder.failed.is_empty() && !has_errors(&findings);
        findings.extend(self.own_checks(entry, &config, &node, of, &decoder, whole));
        let sound = whole && !has_errors(&findings);
        if sound && !entry.runs {
            findings.push(self.cannot_run(written, NOT_SUPPORTED_YET, |what| format!("amibake knows {what}, but cannot run it yet")));
        }
        self.only_what_counts(&mut findings, written, of);
        let secrets = std::mem::take(&mut decoder.secrets);
        self.findings.extend(findings);
        self.secrets.extend(secrets);
        sound.then(|| Part { kind: written.kind, type_name: written.type_name.to_owned(), config, node })
    }

    fn constraints(&mut self, entry: &Entry) -> Option<Rc<Constraints>> {
        let slot = self.compiled.entry((entry.kind, entry.type_name));
        slot.or_insert_with(|| Constraints::new(crate::schema::strict((entry.schema)())).map(Rc::new)).clone()
    }

    fn setting<'s>(
        &'s self,
        written: &Written<'s>,
        of: &Of<'s>,
        data: &'s Json,
        build_data: Option<&'s BTreeMap<String, String>>,
    ) -> Setting<'s> {
        Setting {
            kind: written.kind,
            type_name: written.type_name,
            wrapper_keys: written.wrapper_keys,
            context: Context {
                host: self.host,
                scope: Scope::Component { amazon: written.type_name.starts_with("amazon-") },
                user: &self.values.values,
                build: Some((of.build, of.builder_type)),
                data,
                strict_data: false,
                build_data,
            },
            values: self.values,
            declared: &self.declared,
            sensitive: &self.sensitive,
        }
    }

    /// What the component's type itself has to say. Of a component with mistakes already, only what these do not explain.
    fn own_checks(&self, entry: &Entry, config: &Json, node: &Node, of: &Of<'_>, decoder: &Decoder<'_>, whole: bool) -> Vec<Finding> {
        let mut check = Check {
            node,
            files: self.files,
            force: self.force,
            build: Some((of.build, of.builder_type)),
            origins: &decoder.origins,
            findings: Vec::new(),
        };
        match (entry.check)(config, &mut check) {
            Ok(()) if whole => check.findings,
            Ok(()) => check.findings.into_iter().filter(|finding| !decoder.failed.explain(finding)).collect(),
            Err(_) if !whole => Vec::new(),
            // What schema and decoding let through and the type still refuses; its own words are all there is.
            Err(reason) => vec![Finding::error("bad-value", format!("{}: {reason}", decoder.what()), object_span(node, true))],
        }
    }

    /// A component of no registered type: one for another platform is left as it is, unknown ones are an error.
    fn unregistered(&mut self, written: &Written<'_>, of: &Of<'_>) -> Option<Part> {
        let Some(platform) = foreign::platform(written.kind, written.type_name) else {
            self.findings.push(self.unknown_type(written));
            return None;
        };
        let finding =
            self.cannot_run(written, FOREIGN_TYPE, |what| format!("{what} is for {platform}: amibake neither checks nor runs it"));
        let mut findings = vec![finding];
        self.only_what_counts(&mut findings, written, of);
        self.findings.extend(findings);
        let (type_name, config) = (written.type_name.to_owned(), written.node.to_json());
        Some(Part { kind: written.kind, type_name, config, node: written.node.clone() })
    }

    fn cannot_run(&self, written: &Written<'_>, code: &'static str, words: impl Fn(&str) -> String) -> Finding {
        let what = format!("the {} `{}`", kind_word(written.kind), written.type_name);
        Finding::warning(code, words(&what), object_span(written.node, true)).with_help(self.ways.around(written))
    }

    /// What amibake cannot run does not matter in a build that it cannot run anyway.
    fn only_what_counts(&self, findings: &mut Vec<Finding>, written: &Written<'_>, of: &Of<'_>) {
        if written.kind != Kind::Builder && !self.registry.runs(Kind::Builder, of.builder_type) {
            findings.retain(|finding| finding.severity == Severity::Error || !finding.stops_a_run());
        }
    }

    fn unknown_type(&self, written: &Written<'_>) -> Finding {
        let kind = kind_word(written.kind);
        let span = written.node.get("type").map_or(written.node.span, |node| node.span);
        let finding = Finding::error("unknown-type", format!("there is no {kind} of type `{}`", written.type_name), span);
        let known: Vec<&str> = self.registry.types(written.kind).collect();
        finding.with_help(
            match nearest_after(self.findings.len(), written.type_name, known.iter().copied().chain(foreign::names(written.kind))) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("amibake knows these: {}", crate::wording::name_list(&known)),
            },
        )
    }
}

/// A component with its override: what its struct gets, and both written forms in one.
fn decode(decoder: &mut Decoder<'_>, written: &Written<'_>, raw_name: &str, constraints: &Constraints) -> (Json, Node) {
    let mut config = decoder.component(written.node, &constraints.schema);
    let node = match override_of(written, raw_name) {
        Some(over) => {
            let changes = decoder.over(over, &constraints.schema);
            merge(&mut config, changes);
            merge_nodes(written.node, over)
        }
        None => written.node.clone(),
    };
    constraints.check(&config, &node, decoder);
    (config, node)
}

/// Whether any finding stops the run.
pub(super) fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// `.` in the first pass: what names of build data stand for when written directly, without `build`.
fn placeholders(kind: Kind) -> Json {
    if kind == Kind::Builder {
        return Json::Null;
    }
    let hint = |name: &str| format!("Build_{name}. To set this dynamically in the Packer template, you must use the `build` function");
    let names = BUILD_DATA.iter().map(|name| {
        let text = if *name == "WinRMPassword" { "{{.WinRMPassword}}".to_owned() } else { hint(name) };
        ((*name).to_owned(), json!(text))
    });
    Json::Object(names.collect())
}

/// What `build` answers in the first pass: text that the run-time rendering replaces.
fn build_data(registry: &Registry, builder_type: &str) -> BTreeMap<String, String> {
    let own = registry.find(Kind::Builder, builder_type).map_or(&[][..], |entry| entry.build_data);
    crate::lang::placeholders(BUILD_DATA.iter().chain(own).copied())
}

fn override_of<'n>(written: &Written<'n>, raw: &str) -> Option<&'n Node> {
    let over = (written.kind == Kind::Provisioner).then(|| written.node.get("override")?.get(raw)).flatten()?;
    matches!(over.value, Value::Object(_)).then_some(over)
}

/// The written forms of a base and its override in one tree, so that messages point at the one that counts.
fn merge_nodes(base: &Node, over: &Node) -> Node {
    match (&base.value, &over.value) {
        (Value::Object(base_members), Value::Object(over_members)) => {
            let mut members: Vec<Member> = base_members.clone();
            let mut places: HashMap<String, usize> = HashMap::new();
            for (at, member) in members.iter().enumerate() {
                places.entry(member.key.to_ascii_lowercase()).or_insert(at);
            }
            for member in over_members {
                let at = *places.entry(member.key.to_ascii_lowercase()).or_insert(members.len());
                match members.get_mut(at) {
                    Some(known) => known.value = merge_nodes(&known.value, &member.value),
                    None => members.push(member.clone()),
                }
            }
            Node { span: base.span, value: Value::Object(members) }
        }
        (Value::Array(base_items), Value::Array(over_items)) => {
            let kept = base_items.iter().skip(over_items.len());
            Node { span: over.span, value: Value::Array(over_items.iter().chain(kept).cloned().collect()) }
        }
        (_, Value::Null) => base.clone(),
        _ => over.clone(),
    }
}
