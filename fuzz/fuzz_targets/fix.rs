//! Any text to `fix`, and what can be fixed to `migrate`: an answer each time, and neither finds anything left to do the second time.
#![no_main]

use std::sync::LazyLock;

use amibake::parts::Parts;
use amibake_template::finding::render_human;
use amibake_template::fix;
use amibake_template::json::Dialect;
use amibake_template::migrate::{Wishes, migrate};
use amibake_template::source::Sources;
use libfuzzer_sys::fuzz_target;

static PARTS: LazyLock<Parts> = LazyLock::new(Parts::all);

fuzz_target!(|text: &str| {
    for dialect in [Dialect { jsonc: false }, Dialect { jsonc: true }] {
        let mut sources = Sources::default();
        let source = sources.add("t.json", text.to_owned());
        match fix::read(source, text, dialect).and_then(|root| fix::fix(&root)) {
            Err(findings) => drop(render_human(&findings, &sources, false)),
            Ok(template) => fixed_again(&fix::to_text(&template)),
        }
        for native in [false, true] {
            let wishes = Wishes { dialect, native, schema: Some("./s.json") };
            let migrated = |text: &str| {
                let mut sources = Sources::default();
                let source = sources.add("t.json", text);
                migrate(&mut sources, source, &PARTS.registry, wishes)
            };
            let Ok(once) = migrated(text) else { continue };
            let twice = migrated(&once);
            // PowerShell's escapes shrink with every run of `fix`.
            assert!(twice.is_ok_and(|twice| twice == once || once.contains('`')), "migrating {once:?} changes it again");
        }
    }
});

fn fixed_again(text: &str) {
    let mut sources = Sources::default();
    let source = sources.add("fixed.json", text.to_owned());
    let again = fix::read(source, text, Dialect::default()).and_then(|root| fix::fix(&root));
    assert!(again.is_ok_and(|again| fix::to_text(&again) == text || text.contains('`')), "fixing {text:?} changes it again");
}
