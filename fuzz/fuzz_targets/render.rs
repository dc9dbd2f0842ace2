//! Any text as a template string: compiled, and rendered wherever a string can stand.
#![no_main]

use std::collections::BTreeMap;

use amibake_template::lang::{Context, Host, Scope, Template, render_until_stable};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let Ok(template) = Template::compile(text) else { return };
    let host = Host { cwd: "/w".into(), template_dir: "/t".into(), started_unix_nanos: 1_795_231_468_280_000_000, ..Host::default() };
    let user: BTreeMap<String, String> = [("a".to_owned(), "b".to_owned()), ("c".to_owned(), "{{user `a`}}".to_owned())].into();
    let data = json!({"SourceAMI": "ami-1", "SourceAMITags": {"Name": "base"}, "List": [1, "a", null]});
    for scope in [Scope::Variables, Scope::Core, Scope::Component { amazon: true }] {
        let cx = Context { host: &host, scope, user: &user, build: Some(("n", "t")), data: &data, strict_data: false, build_data: None };
        let _ = template.render(&cx).map_err(|error| error.packer_message(text));
        let _ = render_until_stable(text, &cx);
    }
});
