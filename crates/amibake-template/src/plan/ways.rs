//! Ways around what amibake cannot run: which `-only` and `-except` leave it out.

use super::Selection;
use super::components::Written;
use super::names::Named;
use super::wrapper::applies;
use crate::component::Kind;
use crate::document::Document;
use crate::registry::Registry;

/// The builds of a run by what amibake can make of them.
#[derive(Default)]
pub(super) struct Ways {
    /// Builds whose builder amibake cannot run.
    elsewhere: Vec<String>,
    /// Builds whose builder it can run.
    here: Vec<String>,
    /// Those of them of which it can run every part.
    whole: Vec<String>,
}

impl Ways {
    /// Looks at the types only.
    pub(super) fn of(document: &Document, registry: &Registry, named: &[Named<'_>], selection: &Selection) -> Self {
        let mut ways = Self::default();
        for Named { name, builder } in named {
            if !registry.runs(Kind::Builder, &builder.type_name) {
                ways.elsewhere.push(name.clone());
                continue;
            }
            ways.here.push(name.clone());
            if parts_run(document, registry, &builder.name, selection) {
                ways.whole.push(name.clone());
            }
        }
        ways
    }

    /// What to do about a component that cannot be run; the same words for every build it stands in.
    pub(super) fn around(&self, written: &Written<'_>) -> String {
        let whole = self.whole.join(",");
        match written.kind {
            Kind::Builder if self.here.is_empty() => "none of the template's builders is one that amibake can run".to_owned(),
            Kind::Builder => {
                let (elsewhere, here) = (self.elsewhere.join(","), self.here.join(","));
                format!("leave it out with -except='{elsewhere}', or name what to build: -only='{here}'")
            }
            Kind::Provisioner if whole.is_empty() => "take it out, or build this template with Packer".to_owned(),
            Kind::Provisioner => format!("take it out, or build what does not need it: -only='{whole}'"),
            Kind::PostProcessor => {
                let name = written.node.get("name").and_then(crate::json::Node::as_str).filter(|name| !name.is_empty());
                format!("leave it out, with all that follows it in its chain: -except='{}'", name.unwrap_or(written.type_name))
            }
        }
    }
}

/// Whether amibake can run all provisioners and post-processors of a build.
fn parts_run(document: &Document, registry: &Registry, raw: &str, selection: &Selection) -> bool {
    let provisioners = document.provisioners.iter().filter(|part| applies(&part.only, &part.except, raw));
    let cleanup = document.error_cleanup_provisioner.iter();
    let mut chains = document.post_processors.iter();
    provisioners.chain(cleanup).all(|part| registry.runs(Kind::Provisioner, &part.type_name))
        && chains.all(|chain| {
            let kept = chain.iter().take_while(|part| !selection.except.contains(&part.name));
            let mut kept = kept.filter(|part| applies(&part.only, &part.except, raw));
            kept.all(|part| registry.runs(Kind::PostProcessor, &part.type_name))
        })
}
