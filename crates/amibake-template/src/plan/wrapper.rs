//! What the core wraps around provisioners and post-processors.

use super::components::{Of, Workshop, Written};
use super::names::Core;
use super::takers::Takers;
use super::{PostProcessorPart, ProvisionerPart, Selection};
use crate::component::Kind;
use crate::document::{Document, POST_PROCESSOR_KEYS, PROVISIONER_KEYS, PostProcessor, Provisioner};
use crate::finding::Finding;
use crate::json::Value;

/// The provisioners of one build, in the template's order.
pub(super) fn provisioners(workshop: &mut Workshop<'_>, document: &Document, takers: &Takers<'_>, of: &Of<'_>) -> Vec<ProvisionerPart> {
    let mut parts = Vec::new();
    let takes = |(index, _): &(usize, &Provisioner)| takers.provisioner(*index).take(of.raw);
    for (_, provisioner) in document.provisioners.iter().enumerate().filter(takes) {
        parts.extend(self::provisioner(workshop, document, provisioner, of));
    }
    parts
}

/// One provisioner with its wrapping.
pub(super) fn provisioner(
    workshop: &mut Workshop<'_>,
    document: &Document,
    provisioner: &Provisioner,
    of: &Of<'_>,
) -> Option<ProvisionerPart> {
    let max_retries = max_retries(workshop, document, provisioner);
    let written =
        Written { kind: Kind::Provisioner, type_name: &provisioner.type_name, node: &provisioner.node, wrapper_keys: &PROVISIONER_KEYS };
    let part = workshop.part(&written, of)?;
    // Zero is how Go says "none"; a negative pause or limit passes at once in Go too.
    let positive = |duration: Option<crate::component::GoDuration>| duration?.positive().filter(|span| !span.is_zero());
    Some(ProvisionerPart {
        part,
        pause_before: positive(provisioner.pause_before),
        max_retries: max_retries?,
        timeout: positive(provisioner.timeout),
    })
}

/// `max_retries`: any scalar, rendered, then a whole number. None where a finding says why.
fn max_retries(workshop: &mut Workshop<'_>, document: &Document, provisioner: &Provisioner) -> Option<u32> {
    let Some(node) = provisioner.node.get("max_retries") else { return Some(0) };
    let text = match &node.value {
        Value::Null => return Some(0),
        Value::Bool(yes) => return Some(u32::from(*yes)),
        Value::Number(number) => number.clone(),
        Value::String(text) => {
            let core = Core { document, values: workshop.values, host: workshop.host };
            core.text(&text.value, Some(node), &mut workshop.findings)?
        }
        Value::Array(_) | Value::Object(_) => String::new(),
    };
    if text.is_empty() && matches!(node.value, Value::String(_)) {
        return Some(0);
    }
    // A float without fraction is how Packer's JSON has whole numbers.
    let whole = text.parse::<i64>().ok().or_else(|| {
        let written_as_number = matches!(node.value, Value::Number(_));
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole; what does not fit saturates")]
        let cut = |value: f64| (value.fract() == 0.0).then_some(value as i64);
        written_as_number.then(|| text.parse::<f64>().ok().and_then(cut)).flatten()
    });
    match whole {
        // Fewer than no retries are none.
        Some(count) => Some(u32::try_from(count.max(0)).unwrap_or(u32::MAX)),
        None => {
            let message = format!("`max_retries` must be a whole number, not {text:?}");
            workshop.findings.push(Finding::error("wrong-type", message, node.span).with_label("expected an integer"));
            None
        }
    }
}

/// The post-processor chains of one build. `-except` with a post-processor's name drops it and the rest of its chain.
pub(super) fn post_processors(
    workshop: &mut Workshop<'_>,
    document: &Document,
    takers: &Takers<'_>,
    selection: &Selection,
    of: &Of<'_>,
) -> Vec<Vec<PostProcessorPart>> {
    let mut chains = Vec::new();
    for (number, chain) in document.post_processors.iter().enumerate() {
        let kept = chain.iter().take_while(|element| !selection.except.contains(&element.name));
        let mut parts = Vec::new();
        for (_, element) in kept.enumerate().filter(|(index, _)| takers.post_processor(number, *index).take(of.raw)) {
            parts.extend(post_processor(workshop, element, of));
        }
        if !parts.is_empty() {
            chains.push(parts);
        }
    }
    chains
}

fn post_processor(workshop: &mut Workshop<'_>, element: &PostProcessor, of: &Of<'_>) -> Option<PostProcessorPart> {
    let written =
        Written { kind: Kind::PostProcessor, type_name: &element.type_name, node: &element.node, wrapper_keys: &POST_PROCESSOR_KEYS };
    let part = workshop.part(&written, of)?;
    Some(PostProcessorPart { part, name: element.name.clone(), keep_input_artifact: element.keep_input_artifact })
}
