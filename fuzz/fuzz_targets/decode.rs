//! Any text as a whole template: planned with the program's own builders, provisioners and post-processors.
#![no_main]

use std::sync::LazyLock;

use amibake::parts::Parts;
use amibake_template::component::{FileKind, Files};
use amibake_template::document;
use amibake_template::finding::{Severity, render_human};
use amibake_template::json::{Dialect, parse};
use amibake_template::lang::Host;
use amibake_template::plan::{Selection, plan};
use amibake_template::source::Sources;
use libfuzzer_sys::fuzz_target;

static PARTS: LazyLock<Parts> = LazyLock::new(Parts::all);

/// Every path is a file.
struct Exist;

impl Files for Exist {
    fn kind_of(&self, _path: &str) -> FileKind {
        FileKind::File
    }
}

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let source = sources.add("t.json", text.to_owned());
    let (root, mut findings) = parse(source, text, Dialect::default());
    let Some(root) = root else { return };
    let (document, more) = document::read(root);
    findings.extend(more);
    let Some(document) = document.filter(|_| findings.iter().all(|finding| finding.severity == Severity::Warning)) else { return };
    let host = Host { cwd: "/w".into(), template_dir: "/t".into(), started_unix_nanos: 1_795_231_468_280_000_000, ..Host::default() };
    let (_, more) = plan(&document, &PARTS.registry, &[], &Selection::default(), &host, &Exist);
    let _ = render_human(&more, &sources, false);
});
