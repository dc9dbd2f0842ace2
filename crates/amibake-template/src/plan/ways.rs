//! Ways around what amibake cannot run: which `-only` and `-except` leave it out.

use super::Selection;
use super::components::Written;
use super::names::Named;
use super::takers::Takers;
use crate::component::Kind;
use crate::document::{Document, PostProcessor};
use crate::registry::Registry;

/// Builds that a command line in a message names at most.
const MOST_NAMES: usize = 50;

/// The builds of a run by what amibake can make of them, as `-only` and `-except` take them: names with commas between, empty for none.
#[derive(Default)]
pub(super) struct Ways {
    /// Builds whose builder amibake cannot run.
    elsewhere: String,
    /// Builds whose builder it can run.
    here: String,
    /// Those of them of which it can run every part.
    whole: String,
}

impl Ways {
    /// Looks at the types only.
    pub(super) fn of(document: &Document, registry: &Registry, named: &[Named<'_>], takers: &Takers<'_>, selection: &Selection) -> Self {
        let runs = Runs::of(document, registry);
        let (mut elsewhere, mut here, mut whole): (Vec<&str>, Vec<&str>, Vec<&str>) = Default::default();
        for Named { name, builder } in named {
            if !registry.runs(Kind::Builder, &builder.type_name) {
                elsewhere.push(name);
                continue;
            }
            here.push(name);
            // What nobody is going to read need not be found out.
            if whole.len() <= MOST_NAMES && runs.all_of(document, takers, &builder.name, selection) {
                whole.push(name);
            }
        }
        Self { elsewhere: joined(&elsewhere), here: joined(&here), whole: joined(&whole) }
    }

    /// What to do about a component that cannot be run; the same words for every build it stands in.
    pub(super) fn around(&self, written: &Written<'_>) -> String {
        let Self { elsewhere, here, whole } = self;
        match written.kind {
            Kind::Builder if here.is_empty() => "none of the template's builders is one that amibake can run".to_owned(),
            Kind::Builder => format!("leave it out with -except='{elsewhere}', or name what to build: -only='{here}'"),
            Kind::Provisioner if whole.is_empty() => "take it out, or build this template with Packer".to_owned(),
            Kind::Provisioner => format!("take it out, or build what does not need it: -only='{whole}'"),
            Kind::PostProcessor => {
                let name = written.node.get("name").and_then(crate::json::Node::as_str).filter(|name| !name.is_empty());
                format!("leave it out, with all that follows it in its chain: -except='{}'", name.unwrap_or(written.type_name))
            }
        }
    }
}

/// Names as `-only` takes them; of very many the first ones.
fn joined(names: &[&str]) -> String {
    let mut text = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(",");
    if names.len() > MOST_NAMES {
        text.push_str(",...");
    }
    text
}

/// Which parts amibake can run, in the document's order. Nearly always all of them, so that it is worth to know that.
struct Runs {
    all: bool,
    provisioners: Vec<bool>,
    chains: Vec<Vec<bool>>,
}

impl Runs {
    fn of(document: &Document, registry: &Registry) -> Self {
        let provisioners = document.provisioners.iter().chain(&document.error_cleanup_provisioner);
        let provisioners: Vec<bool> = provisioners.map(|part| registry.runs(Kind::Provisioner, &part.type_name)).collect();
        let runs = |chain: &Vec<PostProcessor>| chain.iter().map(|part| registry.runs(Kind::PostProcessor, &part.type_name)).collect();
        let chains: Vec<Vec<bool>> = document.post_processors.iter().map(runs).collect();
        Self { all: provisioners.iter().chain(chains.iter().flatten()).all(|runs| *runs), provisioners, chains }
    }

    /// Whether amibake can run all provisioners and post-processors of a build.
    fn all_of(&self, document: &Document, takers: &Takers<'_>, raw: &str, selection: &Selection) -> bool {
        let taken = |(index, runs): (usize, &bool)| *runs || !takers.provisioner(index).take(raw);
        self.all
            || (self.provisioners.iter().enumerate().all(taken)
                && document.post_processors.iter().zip(&self.chains).enumerate().all(|(chain, (parts, runs))| {
                    let kept = parts.iter().zip(runs).take_while(|(part, _)| !selection.except.contains(&part.name));
                    kept.enumerate().all(|(index, (_, runs))| *runs || !takers.post_processor(chain, index).take(raw))
                }))
    }
}
