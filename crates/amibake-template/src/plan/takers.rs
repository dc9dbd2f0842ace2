//! Which builds a component takes part in, by its `only` and `except`.

use std::collections::HashSet;

use crate::document::{Document, PostProcessor};

/// The builds of one component, by raw name.
#[derive(Default)]
pub(super) struct Take<'d> {
    only: HashSet<&'d str>,
    except: HashSet<&'d str>,
}

impl<'d> Take<'d> {
    fn of(only: &'d [String], except: &'d [String]) -> Self {
        let set = |names: &'d [String]| names.iter().map(String::as_str).collect();
        Self { only: set(only), except: set(except) }
    }

    /// Whether the component takes part in this build.
    pub(super) fn take(&self, raw: &str) -> bool {
        if self.only.is_empty() { !self.except.contains(raw) } else { self.only.contains(raw) }
    }
}

/// The builds of all components of a document.
pub(super) struct Takers<'d> {
    provisioners: Vec<Take<'d>>,
    post_processors: Vec<Vec<Take<'d>>>,
    everyone: Take<'d>,
}

impl<'d> Takers<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        let chain = |chain: &'d Vec<PostProcessor>| chain.iter().map(|part| Take::of(&part.only, &part.except)).collect();
        Self {
            provisioners: document.provisioners.iter().map(|part| Take::of(&part.only, &part.except)).collect(),
            post_processors: document.post_processors.iter().map(chain).collect(),
            everyone: Take::default(),
        }
    }

    /// By its place in the document; what is not in the list, such as the error-cleanup-provisioner, takes part in all.
    pub(super) fn provisioner(&self, index: usize) -> &Take<'d> {
        self.provisioners.get(index).unwrap_or(&self.everyone)
    }

    pub(super) fn post_processor(&self, chain: usize, index: usize) -> &Take<'d> {
        self.post_processors.get(chain).and_then(|chain| chain.get(index)).unwrap_or(&self.everyone)
    }
}
