//! Values against the strict schema's constraints: enums, ranges, patterns, required keys. The jsonschema crate decides, we word it.

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value as Json;

use super::decoder::{Decoder, path};
use crate::component::{locate, object_span};
use crate::finding::{Finding, nearest};
use crate::json::Node;

/// A component type's schema, ready for use.
pub(crate) struct Constraints {
    /// The strict form.
    pub(crate) schema: Json,
    validator: Validator,
}

impl Constraints {
    /// Compiles a strict schema; None for a schema that is not one, which the tests of the registered types exclude.
    pub(crate) fn new(schema: Json) -> Option<Self> {
        let validator = jsonschema::draft7::options().should_validate_formats(false).build(&schema).ok()?;
        Some(Self { schema, validator })
    }

    /// Checks a decoded component; `node` is what was written.
    pub(crate) fn check(&self, config: &Json, node: &Node, decoder: &mut Decoder<'_>) {
        if self.validator.is_valid(config) {
            return;
        }
        for error in self.validator.iter_errors(config) {
            let pointer = error.instance_path().as_str().to_owned();
            let finding = match error.kind() {
                Kind::Required { property } => self.missing(property.as_str().unwrap_or_default(), &pointer, node, decoder),
                _ => Some(self.explain(&error, &pointer, node, decoder)),
            };
            decoder.findings.extend(finding);
        }
    }

    /// A required key that was not written, unless it was written wrong.
    fn missing(&self, key: &str, pointer: &str, node: &Node, decoder: &Decoder<'_>) -> Option<Finding> {
        let at = format!("{pointer}/{key}");
        if decoder.failed.holds(&at) {
            return None;
        }
        let written = locate(node, &at);
        let empty = written.as_str().is_some_and(str::is_empty) && written.span != locate(node, pointer).span;
        let (message, span) = if empty {
            (format!("`{}` is empty", path(&at)), written.span)
        } else {
            (format!("{} needs `{}`", owner(pointer, decoder), path(&at)), object_span(locate(node, pointer), pointer.is_empty()))
        };
        let finding = Finding::error("missing-key", message, span);
        Some(match self.description(&at) {
            Some(text) => finding.with_help(format!("`{key}`: {text}")),
            None => finding,
        })
    }

    fn explain(&self, error: &ValidationError<'_>, pointer: &str, node: &Node, decoder: &Decoder<'_>) -> Finding {
        let name = path(pointer);
        let secret = self.at(pointer).is_some_and(|schema| schema.get("x-amibake-secret").is_some());
        let text = error.instance().as_str().map_or_else(|| error.instance().to_string(), str::to_owned);
        let shown = decoder.shown(&text, secret, pointer);
        let (message, help) = match error.kind() {
            Kind::Enum { options } => (format!("`{name}` cannot be {shown}"), Some(one_of(&text, options))),
            Kind::Constant { expected_value } => (format!("`{name}` cannot be {shown}"), Some(format!("it must be {expected_value}"))),
            Kind::Minimum { limit } => (format!("`{name}` must be at least {limit}, not {text}"), None),
            Kind::Maximum { limit } => (format!("`{name}` must be at most {limit}, not {text}"), None),
            Kind::ExclusiveMinimum { limit } => (format!("`{name}` must be more than {limit}, not {text}"), None),
            Kind::ExclusiveMaximum { limit } => (format!("`{name}` must be less than {limit}, not {text}"), None),
            Kind::MinLength { limit } => (format!("`{name}` must have at least {limit} characters"), None),
            Kind::MaxLength { limit } => (format!("`{name}` must have at most {limit} characters"), None),
            Kind::MinItems { limit } => (format!("`{name}` must have at least {limit} elements"), None),
            Kind::MaxItems { limit } => (format!("`{name}` must have at most {limit} elements"), None),
            Kind::Pattern { pattern } => {
                let help = self.description(pointer).map_or_else(|| format!("it must match {pattern}"), |text| format!("`{name}`: {text}"));
                (format!("`{name}` does not have the right form: {shown}"), Some(help))
            }
            // Rare keywords, whose own words are good enough; values stay out of them.
            _ => (format!("`{name}` is not allowed: {}", error.masked()), None),
        };
        let finding = Finding::error("bad-value", message, locate(node, pointer).span);
        let finding = match help {
            Some(help) => finding.with_help(help),
            None => finding,
        };
        decoder.explain_origins(finding, pointer)
    }

    /// The first line of a key's description.
    fn description(&self, pointer: &str) -> Option<&str> {
        let text = self.at(pointer)?.get("description")?.as_str()?;
        text.lines().next().filter(|line| !line.is_empty())
    }

    /// The schema of a place in a value.
    fn at(&self, pointer: &str) -> Option<&Json> {
        pointer.split('/').filter(|step| !step.is_empty()).try_fold(&self.schema, |schema, step| {
            let property = schema.get("properties").and_then(|properties| properties.get(step.replace("~1", "/").replace("~0", "~")));
            property.or_else(|| schema.get("items")).or_else(|| schema.get("additionalProperties"))
        })
    }
}

fn one_of(text: &str, options: &Json) -> String {
    let options: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    match nearest(text, options.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? It can be {}", crate::wording::name_list(&options)),
        None => format!("it can be {}", crate::wording::name_list(&options)),
    }
}

fn owner(pointer: &str, decoder: &Decoder<'_>) -> String {
    if pointer.is_empty() { decoder.what() } else { format!("`{}`", path(pointer)) }
}
