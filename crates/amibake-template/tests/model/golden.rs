//! Recorded runs of Packer 1.6.6 (`golden/template.json`): the same templates succeed and fail here, and where they fail the finding
//! points at the right place.

use serde_json::Value;

use crate::run::{Outcome, Run};

/// Where amibake differs on purpose; each is on the compatibility page.
const DIFFERENT: [(&str, bool, &str); 4] = [
    ("interp-vars-unresolved-masked-by-other", false, "an unresolvable variable is never left unset in silence"),
    ("validate-builder-name-collision-after-interpolation", false, "one of the two builds would be lost in silence"),
    ("validate-only-no-match", false, "as Packer 1.16: nothing selected is an error"),
    ("validate-variables-packer-version", true, "as Packer 1.16: packer_version is known in variables"),
];

fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("../golden/template.json")).unwrap()
}

fn run(case: &Value) -> Outcome {
    let mut run = Run::of(case["template"].as_str().unwrap());
    run.host.cwd = "<TEMPLATE_DIR>".to_owned();
    run.host.template_dir = "<TEMPLATE_DIR>".to_owned();
    run.host.packer_version = "1.6.6".to_owned();
    for (name, value) in case["env"].as_object().into_iter().flatten() {
        run.host.env.insert(name.clone(), value.as_str().unwrap().to_owned());
    }
    let args: Vec<&str> = case["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let flag = arg.trim_start_matches('-');
        let (flag, value) = flag.split_once('=').map_or((flag, None), |(flag, value)| (flag, Some(value)));
        let list = |value: &str| value.split(',').map(str::to_owned).collect::<Vec<_>>();
        match flag {
            "syntax-only" => run.syntax_only = true,
            "only" => run.selection.only = Some(list(value.unwrap())),
            "except" => run.selection.except = list(value.unwrap()),
            "var" => {
                let (name, value) = value.or_else(|| args.next()).unwrap().split_once('=').unwrap();
                run = run.var(name, value);
            }
            "var-file" => {
                let name = value.or_else(|| args.next()).unwrap();
                let Some(text) = case["files"][name].as_str() else { continue };
                run = run.var_file(name, text);
            }
            other => panic!("flag {other} of {}", case["id"]),
        }
    }
    run.go()
}

/// What a template's first component would do: content of a `file` builder, or the lines that `echo` prints.
fn rendered(outcome: &Outcome) -> Option<String> {
    let build = outcome.plan().builds.first()?;
    if build.builder.type_name == "file" {
        return Some(build.builder.config["content"].as_str()?.to_owned());
    }
    let shell = &build.provisioners.first()?.part.config;
    let lines = shell["inline"]
        .as_array()?
        .iter()
        .map(|line| line.as_str().map(|line| line.trim_start_matches("echo ").trim_matches('\'').to_owned()));
    lines.collect::<Option<Vec<_>>>().map(|lines| lines.join("\n"))
}

/// Rendered during the run, which this crate does not do.
const AT_RUN_TIME: [&str; 4] =
    ["interp-override-scalar-and-list", "interp-build-function", "interp-sensitive-masked", "interp-double-render"];

#[test]
fn templates_succeed_and_fail_as_with_packer() {
    let mut wrong = Vec::new();
    for case in cases() {
        let id = case["id"].as_str().unwrap();
        if id == "validate-varfile-missing" {
            continue; // files are opened by the program
        }
        let expected = DIFFERENT.iter().find(|(name, ..)| *name == id).map_or(case["ok"] == true, |(_, ok, _)| *ok);
        let outcome = run(&case);
        if outcome.ok() != expected {
            wrong.push(format!("{id}: expected ok = {expected}\n{}{}", case["template"].as_str().unwrap(), outcome.listed()));
        } else if expected && !AT_RUN_TIME.contains(&id) {
            let Some(text) = case["rendered"].as_str() else { continue };
            if rendered(&outcome).as_deref() != Some(text) {
                wrong.push(format!("{id}: expected {text:?}, got {:?}", rendered(&outcome)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All failures in short: which place and which words. Read the changes before accepting them.
#[test]
fn failures_point_at_their_place() {
    let listed: String = cases()
        .iter()
        .map(|case| (case["id"].as_str().unwrap(), run(case)))
        .filter(|(_, outcome)| !outcome.findings.is_empty())
        .map(|(id, outcome)| format!("{id}\n{}", outcome.listed()))
        .collect();
    insta::assert_snapshot!(listed);
}
