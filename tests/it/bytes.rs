//! Text goes through byte for byte: what a `file` builder writes and what scripts receive, and the same from the real Packer.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::Sandbox;
use crate::real::RealPacker;

/// Texts that hold nothing to render: they come out as they go in.
const PLAIN: &[&str] = &[
    "cat <<EOF >> f\nline $x\nEOF",
    "cat <<-EOF > f\n\tx\n\tEOF",
    "wc <<< \"$v\"",
    "a <<b>> c; << >>; <<>>; <<<>>>",
    "x <<\"EOF\"\n${a:-b} $(c) `d`\nEOF",
    "cat <<'timestamp'\nx\ntimestamp",
    "cat <<timestamp\nx\ntimestamp",
    "$((1<<2)) >> f; 1<<upper",
    "cat <<uuid >>f\nx\nuuid",
    "cat <<env>> c\nA=b\nenv",
    "cat <<replace>>f\nx\nreplace",
    "cat <<pwd>>f\nx\npwd\n",
    "cat <<html 2>>log >>index.html\n<p>\nhtml",
    "cat <<user \"$x\" >>f\nx\nuser",
    r#"echo "{\"a\": {\"b\": [1]}}""#,
    r#"{"a":{"b":{}}}"#,
    "}} and }}",
    "a\r\nb\r\n",
    "\u{feff}#!/bin/sh\r\necho",
    r"C:\Users\x\\server\share\n",
    "tab\tx",
    "ünï ☃ 😀 \u{200b}\u{a0}\u{2028}\u{2029}\u{fffd}",
    "\u{1}\u{7f}\u{85}",
    "%s %d %% $${x} %{y}",
    "{ { x } } {% raw %} #{x} @{y} [[z]]",
    "<no value> &lt; &amp; < > & ' \" &#x27;",
    r"\\ \/ \u0041 \x41 \n",
    "trailing space ",
    "\n\nlead",
    "[[ $a == \"b\" ]] && awk '{print $1}' || echo {}",
    "printf '\\0' | tr '\\000' '\\n'",
];

/// Texts that hold something to render beside what looks like it.
const RENDERED: &[&str] = &[
    "<<EOF\n{{upper `x`}}\nEOF",
    "<<<\"{{upper `x`}}\"",
    "\\{{upper `x`}} \\\\{{upper `x`}}",
    "{{upper `a`}}\n{{- upper `b` -}}\n c",
    "x {{/* c */}} y",
    "&lt; {{upper \"<&>'\"}}",
    "{{\"a\\tb\\u00e9\"}} {{`line\nbreak`}} {{ \"\\\\\" }}",
    "{{`a}}b`}}",
    "docker inspect -f '{{.State}}' x",
    "$(x {{upper `y`}} ${z}) `{{lower `W`}}`",
    "\u{feff}{{upper `ß`}}\r\n",
    "{{`<<timestamp>>`}} {{`<<user \"x\">>`}} {{print `<` `<pwd` `>>`}}",
];

fn builders(texts: &[&str]) -> Value {
    let builders: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| json!({"type": "file", "name": format!("b{number}"), "target": format!("out-{number}"), "content": text}))
        .collect();
    json!({"builders": builders})
}

/// Variables in between, as most texts come.
fn variables(texts: &[&str]) -> Value {
    let mut template = builders(texts);
    for (number, text) in texts.iter().enumerate() {
        template["variables"][format!("v{number}")] = json!(text);
        template["builders"][number]["content"] = json!(format!("{{{{user `v{number}`}}}}"));
    }
    template
}

fn provisioners(texts: &[&str], provisioner: impl Fn(usize, &str) -> Value) -> Value {
    let provisioners: Vec<_> = texts.iter().enumerate().map(|(number, text)| provisioner(number, text)).collect();
    json!({"builders": [{"type": "null", "communicator": "none"}], "provisioners": provisioners})
}

/// The script that an inline text becomes.
fn inline(texts: &[&str]) -> Value {
    provisioners(texts, |number, text| {
        let keep = format!("cat {{{{.Script}}}} > out-{number}");
        json!({"type": "shell-local", "inline": [text, text], "execute_command": ["/bin/sh", "-c", keep]})
    })
}

/// What a script finds in its environment.
fn environment(texts: &[&str]) -> Value {
    provisioners(
        texts,
        |number, text| json!({"type": "shell-local", "environment_vars": [format!("V={text}")], "inline": [format!("printf %s \"$V\" > out-{number}")]}),
    )
}

/// An argument of a command that is run.
fn argument(texts: &[&str]) -> Value {
    provisioners(texts, |number, text| {
        let script = format!("printf %s \"$1\" > out-{number}");
        json!({"type": "shell-local", "inline": ["x"], "execute_command": ["/bin/sh", "-c", script, "sh", text]})
    })
}

fn outputs(folder: &Path, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| std::fs::read(folder.join(format!("out-{number}"))).unwrap_or_default()).collect()
}

fn ours(template: &Value, count: usize) -> Vec<Vec<u8>> {
    let sandbox = Sandbox::new();
    let ran = sandbox.file("t.json", &template.to_string()).run(&["build", "-color=false", "t.json"], "");
    assert_eq!(ran.exit, 0, "{}", ran.stdout);
    outputs(&sandbox.work(), count)
}

#[track_caller]
fn all_equal(texts: &[&str], expected: &[Vec<u8>], found: &[Vec<u8>]) {
    for ((text, expected), found) in texts.iter().zip(expected).zip(found) {
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(show(expected), show(found), "text {text:?}");
    }
}

#[test]
fn plain_text_comes_out_as_it_goes_in() {
    let same: Vec<_> = PLAIN.iter().map(|text| text.as_bytes().to_vec()).collect();
    for template in [builders(PLAIN), variables(PLAIN), environment(PLAIN), argument(PLAIN)] {
        all_equal(PLAIN, &same, &ours(&template, PLAIN.len()));
    }
    let scripts: Vec<_> = PLAIN.iter().map(|text| format!("#!/bin/sh -e\n{text}\n{text}\n").into_bytes()).collect();
    all_equal(PLAIN, &scripts, &ours(&inline(PLAIN), PLAIN.len()));
}

#[test]
fn packer_gives_the_same_bytes() {
    let Some(packer) = RealPacker::find("bytes against Packer") else { return };
    let texts = [PLAIN, RENDERED].concat();
    for template in [builders(&texts), variables(&texts), inline(&texts), environment(&texts), argument(&texts)] {
        let sandbox = Sandbox::new();
        let ran = packer.run(&["build", "-color=false", "t.json"], &sandbox.file("t.json", &template.to_string()).work(), "");
        assert_eq!(ran.exit, 0, "{}", ran.stdout);
        all_equal(&texts, &outputs(&sandbox.work(), texts.len()), &ours(&template, texts.len()));
    }
}
