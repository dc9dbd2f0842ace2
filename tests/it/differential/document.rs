//! Whole templates: a right one, with a mistake or two, or something unusual that is none.

use serde_json::{Map, Value, json};

use super::random::Random;

/// Makes the text of a template.
pub fn document(random: &mut Random) -> String {
    let mut root = right(random);
    for _ in 0..random.below(3) {
        change(random, &mut root);
    }
    let text = if random.one_in(2) { root.to_string() } else { serde_json::to_string_pretty(&root).unwrap() };
    if random.one_in(8) { damaged(random, &text) } else { text }
}

/// A template that both take.
fn right(random: &mut Random) -> Value {
    let mut root = json!({
        "variables": {"a": "x", "b": "{{user `a`}}-y", "n": "3"},
        "builders": [
            {"type": "null", "communicator": "none"},
            {"type": "file", "name": "f-{{user `a`}}", "target": "out.txt", "content": "{{user `b`}} é {{timestamp}}"},
        ],
        "provisioners": [{"type": "shell-local", "inline": ["true {{user `b`}}"], "environment_vars": ["A={{build `ID`}}"]}],
        "post-processors": ["manifest", [{"type": "manifest", "output": "m.json"}, {"type": "shell-local", "inline": ["true"]}]],
    });
    let members = root.as_object_mut().unwrap();
    for key in ["variables", "provisioners", "post-processors"] {
        if random.one_in(4) {
            members.remove(key);
        }
    }
    if !members.contains_key("variables") {
        members["builders"] = json!([{"type": "file", "target": "out.txt", "content": "{{build_name}}"}]);
        members.remove("provisioners");
    }
    root
}

/// One thing done to one place.
fn change(random: &mut Random, root: &mut Value) {
    let mut places = Vec::new();
    list(root, &mut String::new(), &mut places);
    let place = places[random.below(places.len())].clone();
    let Some(target) = root.pointer_mut(&place) else { return };
    match random.below(10) {
        0..=2 => *target = value(random),
        3 => *target = weak(target),
        4..=7 => add(random, target, &place),
        8 => rename(random, target),
        _ => remove(random, target),
    }
}

fn list(value: &Value, at: &mut String, places: &mut Vec<String>) {
    places.push(at.clone());
    let length = at.len();
    let inner: Vec<(String, &Value)> = match value {
        Value::Array(elements) => elements.iter().enumerate().map(|(index, element)| (index.to_string(), element)).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect(),
        _ => Vec::new(),
    };
    for (step, element) in inner {
        at.push('/');
        at.push_str(&step);
        list(element, at, places);
        at.truncate(length);
    }
}

fn value(random: &mut Random) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(3),
        json!(1.5),
        json!(-1),
        json!(1e21),
        json!(9_007_199_254_740_993_u64),
        json!(""),
        json!("x"),
        json!("5"),
        json!("true"),
        json!("yes"),
        json!("10s"),
        json!("1h30m"),
        json!("5d"),
        json!("a,b"),
        json!([]),
        json!({}),
        json!(["x"]),
        json!([1, true, null]),
        json!([["x"]]),
        json!({"x": "y"}),
        json!([{"x": "y"}]),
        json!("{{user `a`}}"),
        json!("{{timestamp}}"),
        json!("{{nope}}"),
        json!("{{.Foo}}"),
        json!("{{env `HOME`}}"),
        json!("{{build `ID`}}"),
        json!("{{build_type}}"),
        json!("{{"),
        json!("é\u{1F600}\u{1}"),
    ];
    values[random.below(values.len())].clone()
}

/// The same in another type.
fn weak(value: &Value) -> Value {
    match value {
        Value::String(text) => text.parse::<i64>().map_or_else(|_| json!([text]), |number| json!(number)),
        Value::Number(number) => json!(number.to_string()),
        Value::Bool(yes) => json!(yes.to_string()),
        Value::Array(elements) if elements.len() == 1 => elements[0].clone(),
        Value::Array(elements) => json!([elements]),
        Value::Object(_) => json!([value]),
        Value::Null => json!(""),
    }
}

/// A key that belongs there, or not.
fn add(random: &mut Random, target: &mut Value, place: &str) {
    let known: &[&str] = if place.starts_with("/provisioners") {
        &[
            "only",
            "except",
            "override",
            "pause_before",
            "timeout",
            "max_retries",
            "type",
            "name",
            "bogus",
            "Only",
            "inline",
            "command",
            "script",
            "environment_vars",
            "execute_command",
            "valid_exit_codes",
            "packer_x",
            "only_on",
            "inline_shebang",
        ]
    } else if place.starts_with("/post-processors") {
        &["only", "except", "name", "keep_input_artifact", "type", "custom_data", "output", "strip_path", "bogus", "Type", "strip_time"]
    } else if place.starts_with("/builders") {
        &[
            "name",
            "type",
            "bogus",
            "communicator",
            "content",
            "source",
            "target",
            "ssh_timeout",
            "ssh_port",
            "ssh_pty",
            "config",
            "iso_md5",
            "packer_y",
            "Name",
            "TARGET",
            "ssh_host",
            "ssh_username",
            "only",
        ]
    } else if place.starts_with("/variables") {
        &["a", "c", "d", "e"]
    } else {
        &[
            "_comment",
            "bogus",
            "description",
            "min_packer_version",
            "sensitive-variables",
            "variables",
            "provisioners",
            "post-processors",
            "push",
            "error-cleanup-provisioner",
            "BUILDERS",
            "Description",
            "_x",
        ]
    };
    let key = random.of(known);
    let value = suitable(random, key);
    match target {
        Value::Object(members) => {
            members.insert(key.to_owned(), value);
        }
        Value::Array(elements) => elements.push(value),
        other => *other = value,
    }
}

/// What often stands under a key, or anything.
fn suitable(random: &mut Random, key: &str) -> Value {
    if random.one_in(3) {
        return value(random);
    }
    let pick = |random: &mut Random, values: &[Value]| values[random.below(values.len())].clone();
    match key {
        "only" | "except" | "Only" => pick(
            random,
            &[json!(["null"]), json!(["file"]), json!("null"), json!(["nope"]), json!([]), json!(["f-{{user `a`}}"]), json!(["f-x"])],
        ),
        "override" => pick(
            random,
            &[
                json!({"null": {"inline": ["true"]}}),
                json!({"nope": {}}),
                json!({"null": "x"}),
                json!({"null": {"bogus": 1}}),
                json!({"null": null}),
                json!({}),
            ],
        ),
        "pause_before" | "timeout" | "ssh_timeout" => {
            pick(random, &[json!("10s"), json!("5"), json!(5), json!("1h30m"), json!("-1s"), json!("1.5h"), json!("")])
        }
        "max_retries" => pick(random, &[json!(1), json!("2"), json!("{{user `n`}}"), json!("x"), json!("-1"), json!(1.5), json!(true)]),
        "keep_input_artifact" | "strip_path" | "strip_time" | "ssh_pty" => {
            pick(random, &[json!(true), json!(false), json!("true"), json!(1), json!(null), json!("")])
        }
        "min_packer_version" => {
            pick(random, &[json!("1.0"), json!("v1.6"), json!("99.0.0"), json!("abc"), json!(">= 1.0"), json!("1.6.6"), json!("1.6.6-dev")])
        }
        "provisioners" => pick(
            random,
            &[
                json!([]),
                json!([{"type": "shell-local", "command": "true"}]),
                json!([{}]),
                json!({"type": "shell-local", "command": "true"}),
            ],
        ),
        "post-processors" => pick(
            random,
            &[json!([]), json!([[]]), json!(["manifest"]), json!([{"type": ""}]), json!([[["manifest"]]]), json!([[null]]), json!([3])],
        ),
        "error-cleanup-provisioner" => {
            pick(random, &[json!({"type": "shell-local", "command": "true"}), json!({}), json!({"type": "nope"}), json!([])])
        }
        "sensitive-variables" => pick(random, &[json!(["a"]), json!(["nope"]), json!([]), json!("a")]),
        "ssh_port" => pick(random, &[json!(22), json!("22"), json!("0x16"), json!(" 22"), json!("22.5"), json!(true), json!("010")]),
        "valid_exit_codes" => pick(random, &[json!([0, 1]), json!("0,1"), json!("0"), json!(3), json!(["x"]), json!("")]),
        "environment_vars" | "inline" => {
            pick(random, &[json!(["A=b"]), json!("A=b"), json!(["A"]), json!([]), json!(["=x"]), json!(""), json!(["{{.Foo}}=1"])])
        }
        "custom_data" => pick(
            random,
            &[json!({"k": "v"}), json!({"{{user `a`}}": 1}), json!([{"a": "b"}, {"c": "d"}]), json!({"k": null}), json!({"k": ["x"]})],
        ),
        "execute_command" => pick(
            random,
            &[json!(["sh", "-c", "{{.Vars}} {{.Script}}"]), json!("{{.Vars}} {{.Script}}"), json!("{{.Nope}}"), json!("{{nope}}")],
        ),
        "communicator" => pick(random, &[json!("none"), json!("ssh"), json!("bogus"), json!("")]),
        "type" => {
            pick(random, &[json!("null"), json!("file"), json!("shell-local"), json!("manifest"), json!("nope"), json!(""), json!(5)])
        }
        "name" => pick(
            random,
            &[json!("n"), json!("null"), json!("{{user `a`}}"), json!("{{env `A`}}"), json!(""), json!(5), json!("{{`{{upper \"x\"}}`}}")],
        ),
        "variables" => pick(
            random,
            &[
                json!({"a": "x", "b": "y", "n": "3"}),
                json!({"a": null}),
                json!({"a": 1}),
                json!({"a": "{{user `b`}}", "b": "{{user `a`}}"}),
            ],
        ),
        _ => value(random),
    }
}

fn rename(random: &mut Random, target: &mut Value) {
    let Value::Object(members) = target else { return };
    let keys: Vec<String> = members.keys().cloned().collect();
    if keys.is_empty() {
        return;
    }
    let old = &keys[random.below(keys.len())];
    let new = match random.below(3) {
        0 => old.to_uppercase(),
        1 => format!("{old}s"),
        _ => format!("_{old}"),
    };
    let renamed: Map<String, Value> =
        std::mem::take(members).into_iter().map(|(key, value)| (if key == *old { new.clone() } else { key }, value)).collect();
    *members = renamed;
}

fn remove(random: &mut Random, target: &mut Value) {
    match target {
        Value::Object(members) if !members.is_empty() => {
            let key = members.keys().nth(random.below(members.len())).unwrap().clone();
            members.remove(&key);
        }
        Value::Array(elements) if !elements.is_empty() => {
            let at = random.below(elements.len());
            elements.remove(at);
        }
        _ => {}
    }
}

/// One character more or less.
fn damaged(random: &mut Random, text: &str) -> String {
    let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let at = cuts[random.below(cuts.len())];
    let next = cuts.iter().find(|cut| **cut > at).copied().unwrap_or(text.len());
    let extra =
        random.of(&["{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "\t", "//", "/**/", "1", "e", "\u{feff}", "\u{1}", "\\q", "null"]);
    if random.one_in(3) { format!("{}{}", &text[..at], &text[next..]) } else { format!("{}{extra}{}", &text[..at], &text[at..]) }
}
