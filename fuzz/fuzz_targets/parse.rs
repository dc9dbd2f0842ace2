//! Any text as a template: parsed, its structure read, its findings shown.
#![no_main]

use amibake_template::document;
use amibake_template::finding::render_human;
use amibake_template::json::{Dialect, parse};
use amibake_template::source::Sources;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for dialect in [Dialect { jsonc: false }, Dialect { jsonc: true }] {
        let mut sources = Sources::default();
        let source = sources.add("t.json", text.to_owned());
        let (root, mut findings) = parse(source, text, dialect);
        if let Some(root) = root {
            findings.extend(document::read(root).1);
        }
        let _ = render_human(&findings, &sources, false);
    }
});
