//! Packer's own components that amibake does not run yet, known by their keys: one JSON Schema each, as a type of ours would give it.
//!
//! A component that gets built registers its type; its file in `keys/` and its line here go then. Beside what JSON Schema knows, a file
//! may say what is checked in the file system: `x-amibake-files` and `x-amibake-folders` name keys (texts or lists) whose values must be
//! there, `x-amibake-paths` keys whose values may be either; of the keys in `x-amibake-one-of` one must be given, those in
//! `x-amibake-apart` cannot stand together, and a key in `x-amibake-needs` needs another.

use std::sync::OnceLock;

use serde_json::Value;

use crate::component::{Check, FileKind, Kind};

/// A component known by its keys.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) kind: Kind,
    pub(crate) type_name: &'static str,
    text: &'static str,
    /// The text, read when it is first asked for: reading all of them would be most of a run's time.
    schema: OnceLock<Value>,
}

/// All of them.
pub(crate) fn outlines() -> impl Iterator<Item = &'static Outline> {
    OUTLINES.iter()
}

macro_rules! outline {
    ($kind:ident, $word:literal, $type_name:literal) => {
        Outline {
            kind: Kind::$kind,
            type_name: $type_name,
            text: include_str!(concat!("keys/", $word, ".", $type_name, ".json")),
            schema: OnceLock::new(),
        }
    };
}

static OUTLINES: [Outline; 17] = [
    outline!(Provisioner, "provisioner", "ansible"),
    outline!(Provisioner, "provisioner", "ansible-local"),
    outline!(Provisioner, "provisioner", "breakpoint"),
    outline!(Provisioner, "provisioner", "chef-client"),
    outline!(Provisioner, "provisioner", "chef-solo"),
    outline!(Provisioner, "provisioner", "goss"),
    outline!(Provisioner, "provisioner", "powershell"),
    outline!(Provisioner, "provisioner", "puppet-masterless"),
    outline!(Provisioner, "provisioner", "puppet-server"),
    outline!(Provisioner, "provisioner", "salt-masterless"),
    outline!(Provisioner, "provisioner", "sleep"),
    outline!(Provisioner, "provisioner", "windows-restart"),
    outline!(Provisioner, "provisioner", "windows-shell"),
    outline!(PostProcessor, "post-processor", "artifice"),
    outline!(PostProcessor, "post-processor", "checksum"),
    outline!(PostProcessor, "post-processor", "compress"),
    outline!(PostProcessor, "post-processor", "vagrant"),
];

impl Outline {
    /// Its keys. A file that is no JSON, which a test excludes, gives a schema that takes anything.
    pub(crate) fn schema(&self) -> &Value {
        self.schema.get_or_init(|| serde_json::from_str(self.text).unwrap_or_default())
    }

    /// The minimal object of this type, for editors.
    pub(crate) fn example(&self) -> String {
        self.schema()["examples"][0].to_string()
    }

    /// Names that `` {{build `NAME`}} `` knows in builds of this type.
    pub(crate) fn build_data(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Builder => {
                &["SourceAMI", "SourceAMIName", "SourceAMICreationDate", "SourceAMIOwner", "SourceAMIOwnerName", "BuildRegion"]
            }
            Kind::Provisioner | Kind::PostProcessor => &[],
        }
    }

    /// What the file says beyond its keys.
    pub(crate) fn check(&self, config: &Value, check: &mut Check<'_>) {
        let schema = self.schema();
        self.one_of(schema, config, check);
        apart(schema, config, check);
        needs(schema, config, check);
        for key in names(schema, "x-amibake-files") {
            self.each_path(key, config, check, |kind| kind == FileKind::File, "file");
        }
        for key in names(schema, "x-amibake-folders") {
            self.each_path(key, config, check, |kind| kind == FileKind::Directory, "folder");
        }
        for key in names(schema, "x-amibake-paths") {
            self.each_path(key, config, check, |kind| kind != FileKind::Missing, "file or folder");
        }
    }

    fn one_of(&self, schema: &Value, config: &Value, check: &mut Check<'_>) {
        let keys: Vec<&str> = names(schema, "x-amibake-one-of").collect();
        let given: Vec<&str> = keys.iter().copied().filter(|key| is_given(&config[*key])).collect();
        match given[..] {
            [] if !keys.is_empty() => {
                let names = crate::wording::name_list(&keys);
                check.error("", "missing-key", format!("`{}` needs one of {names}", self.type_name), None);
            }
            [_, second, ..] => {
                let names = crate::wording::name_list(&given);
                check.error(second, "exclude-each-other", format!("only one of {names} can be given"), None);
            }
            _ => {}
        }
    }

    fn each_path(&self, key: &str, config: &Value, check: &mut Check<'_>, right: fn(FileKind) -> bool, what: &str) {
        let is_list = config[key].is_array();
        for (index, path) in texts(&config[key]).enumerate() {
            // Where `~` is, only the run knows.
            if path.starts_with('~') || right(check.files.kind_of(path)) {
                continue;
            }
            let pointer = if is_list { format!("{key}/{index}") } else { key.to_owned() };
            let help = "paths are relative to the folder in which amibake runs";
            check.error(&pointer, "file-missing", format!("there is no {what} `{path}`"), Some(help.to_owned()));
        }
    }
}

fn apart(schema: &Value, config: &Value, check: &mut Check<'_>) {
    for pair in schema["x-amibake-apart"].as_array().into_iter().flatten() {
        let (one, other) = (pair[0].as_str().unwrap_or_default(), pair[1].as_str().unwrap_or_default());
        if is_given(&config[one]) && is_given(&config[other]) {
            let message = format!("`{other}` has no place beside `{one}`");
            check.error(other, "exclude-each-other", message, Some("remove one of them".to_owned()));
        }
    }
}

fn needs(schema: &Value, config: &Value, check: &mut Check<'_>) {
    for (key, needed) in schema["x-amibake-needs"].as_object().into_iter().flatten() {
        let needed = needed.as_str().unwrap_or_default();
        if is_given(&config[key]) && !is_given(&config[needed]) {
            check.error(key, "missing-key", format!("`{key}` needs `{needed}`"), None);
        }
    }
}

fn is_given(value: &Value) -> bool {
    texts(value).next().is_some()
}

fn names<'s>(schema: &'s Value, list: &str) -> impl Iterator<Item = &'s str> {
    schema[list].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The texts of a value that are not empty: its own, or those of its elements.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let own = value.as_str().into_iter();
    own.chain(value.as_array().into_iter().flatten().filter_map(Value::as_str)).filter(|text| !text.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_schema_with_an_example_of_its_type() {
        for outline in outlines() {
            let schema: Value = serde_json::from_str(outline.text).unwrap_or_else(|error| panic!("{}: {error}", outline.type_name));
            assert!(schema["description"].is_string(), "{}", outline.type_name);
            assert_eq!(schema["examples"][0]["type"], outline.type_name);
            for list in ["required", "x-amibake-files", "x-amibake-folders", "x-amibake-paths", "x-amibake-one-of"] {
                for key in names(&schema, list) {
                    assert!(schema["properties"][key].is_object(), "{}: {list} names `{key}`", outline.type_name);
                }
            }
        }
    }
}
