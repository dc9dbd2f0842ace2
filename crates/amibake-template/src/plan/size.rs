//! How much a template makes of itself: each build gets every provisioner and post-processor anew, so that a file of builders and
//! provisioners grows with the product of both. Everything else of a plan grows with the file.

use super::Selection;
use super::names::Named;
use super::takers::Takers;
use crate::document::Document;
use crate::finding::Finding;
use crate::json::{Node, Value};
use crate::source::Span;

/// Bytes of provisioners and post-processors, written out for every build but the first. Reading them takes a second or two.
const MOST: usize = 32 << 20;
/// What a component costs beside its bytes, in bytes: reading an empty one takes as long.
const EACH: usize = 256;
/// What it costs to see that a component takes no part in a build.
const SEEN: usize = 8;

/// Builds that are too many for what each of them has to hold.
pub(super) fn too_large(document: &Document, named: &[Named<'_>], takers: &Takers<'_>, selection: &Selection) -> Option<Finding> {
    let cost = |node: &Node, takes: bool| if takes { EACH + (node.span.end - node.span.start) as usize } else { SEEN };
    let mut total = 0;
    for Named { builder, .. } in named.iter().skip(1) {
        let raw = builder.name.as_str();
        for (index, part) in document.provisioners.iter().enumerate() {
            total += cost(&part.node, takers.provisioner(index).take(raw));
        }
        for (chain, parts) in document.post_processors.iter().enumerate() {
            let kept = parts.iter().take_while(|part| !selection.except.contains(&part.name));
            for (index, part) in kept.enumerate() {
                total += cost(&part.node, takers.post_processor(chain, index).take(raw));
            }
        }
        if total > MOST {
            return Some(finding(document, named.len()));
        }
    }
    None
}

fn finding(document: &Document, builds: usize) -> Finding {
    let message =
        format!("{builds} builds with a copy of each provisioner and post-processor make more than {} MiB of configuration", MOST >> 20);
    let help = "choose builds with -only, let `only` say which provisioners are for which builds, or split the template";
    Finding::error("too-large", message, place(&document.root)).with_help(help)
}

/// The opening bracket of `builders`.
fn place(root: &Node) -> Span {
    let Value::Object(members) = &root.value else { return root.span };
    let section = members.iter().find(|member| member.key.eq_ignore_ascii_case("builders")).map_or(root, |member| &member.value);
    Span { end: section.span.start.saturating_add(1).min(section.span.end), ..section.span }
}
