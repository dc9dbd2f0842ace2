//! The architecture, read from the source: a module imports only what stands below it.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use crate::program::{entries, repository};

/// Each module of the program with the modules that it may import, lowest first. As STYLE's arrows have it:
/// cli -> settings -> scheduler -> post_processor -> builder -> provisioner -> communicator -> engine -> event; ui -> event.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("exit", &[]),
    ("event", &[]),
    ("artifact", &["event"]),
    ("engine", &["event"]),
    ("communicator", &["engine", "event"]),
    ("provisioner", &["communicator", "engine", "event"]),
    ("builder", &["artifact", "provisioner", "communicator", "engine", "event"]),
    ("post_processor", &["artifact", "builder", "provisioner", "engine", "event"]),
    ("parts", &["builder", "post_processor", "provisioner"]),
    ("scheduler", &["parts", "builder", "post_processor", "provisioner", "communicator", "artifact", "engine", "event"]),
    ("rehearse", &["parts", "post_processor", "engine", "event"]),
    ("forecast", &["scheduler", "parts", "builder", "engine", "event"]),
    ("shelf", &["builder", "engine", "event"]),
    ("settings", &[]),
    ("ui", &["event"]),
    (
        "cli",
        &["settings", "rehearse", "forecast", "shelf", "scheduler", "parts", "builder", "communicator", "ui", "engine", "event", "exit"],
    ),
    ("lib", &[]),
    ("main", &[]),
];

/// Imports against the arrows, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("engine/context.rs", "communicator", "a build's context runs its provisioners, and hands them the guest by its trait"),
    ("engine/context.rs", "builder", "the error that a builder passes on"),
];

/// Words that a folder must not contain, and the files that may.
const ABSENT: &[(&str, &str, &[&str])] = &[
    (
        "crates/amibake-template/src",
        r"std::(env|fs|process|thread|net::(Tcp|Udp)|time::(SystemTime|Instant))|\btokio\b|Timestamp::now|Zoned::now",
        &[],
    ),
    ("crates/amibake-template/src", r"\baws_sdk_", &[]),
    ("crates/amibake-ec2/src", r"\baws_sdk_|std::(env|fs|process|net::(Tcp|Udp))", &[]),
    ("src", r"\baws_sdk_", &[]),
    ("src", r"\bamibake_aws\b", &["main.rs"]),
    ("src", r"std::env::(vars?|vars_os|var_os|current_dir|home_dir)\b|Timestamp::now|Zoned::now|SystemTime::now", &["settings.rs"]),
    ("src", r"tokio::spawn|JoinSet|spawn_local", &["scheduler.rs"]),
    ("src", r"io::std(out|err)\(|\be?print(ln)?!", &["cli/entry.rs", "settings.rs"]),
];

#[test]
fn modules_import_only_what_stands_below_them() {
    let wrong: Vec<_> = sources("src").iter().flat_map(|(path, text)| wrong_imports(path, text)).collect();
    assert!(wrong.is_empty(), "imports against the arrows of tests/it/layers.rs:\n{}", wrong.join("\n"));
}

#[test]
fn every_exception_is_needed() {
    for (path, module, _) in EXCEPTIONS {
        let text = std::fs::read_to_string(repository("src").join(path)).unwrap();
        assert!(imports(&text).contains(*module), "src/{path} no longer imports {module}: remove the exception");
    }
}

#[test]
fn nothing_reaches_around_the_layers() {
    let mut wrong = Vec::new();
    for (folder, pattern, allowed) in ABSENT {
        let pattern = Regex::new(pattern).unwrap();
        for (path, text) in sources(folder).iter().filter(|(path, _)| !allowed.contains(&path.as_str())) {
            wrong.extend(code(text).filter(|line| pattern.is_match(line)).map(|line| format!("{folder}/{path}: {}", line.trim())));
        }
    }
    assert!(wrong.is_empty(), "not allowed here:\n{}", wrong.join("\n"));
}

fn wrong_imports(path: &str, text: &str) -> Vec<String> {
    let module = path.split(['/', '.']).next().unwrap();
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return vec![format!("src/{path}: a new module; give it its place in MAY_IMPORT")];
    };
    let excused = |import: &str| EXCEPTIONS.iter().any(|(file, name, _)| *file == path && *name == import);
    let wrong = imports(text).into_iter().filter(|import| import != module && !allowed.contains(&import.as_str()) && !excused(import));
    wrong.map(|import| format!("src/{path}: {module} -> {import}")).collect()
}

/// The modules of the program that a file names, by `use` or by a path in the middle of the code.
fn imports(text: &str) -> BTreeSet<String> {
    let single = Regex::new(r"\bcrate::(\w+)").unwrap();
    let grouped = Regex::new(r"\bcrate::\{([^;]*)\}").unwrap();
    let text: String = code(text).collect::<Vec<_>>().join("\n");
    let mut found: BTreeSet<_> = single.captures_iter(&text).map(|found| found[1].to_owned()).collect();
    for group in grouped.captures_iter(&text) {
        found.extend(top_level_names(&group[1]));
    }
    found
}

/// `a, b::{c, d}` names `a` and `b`.
fn top_level_names(group: &str) -> Vec<String> {
    let (mut depth, mut names) = (0_usize, vec![String::new()]);
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().unwrap().push(letter),
            _ => {}
        }
    }
    names.iter().filter_map(|name| name.trim().split("::").next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The lines that run in the program: no comments, and nothing from a file's tests on.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| !line.trim_start().starts_with("#[cfg(test)]")).filter(|line| !line.trim_start().starts_with("//"))
}

/// All Rust files below a folder, with paths relative to it.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = repository(folder);
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn collect(root: &Path, dir: &Path, found: &mut Vec<(String, String)>) {
    for path in entries(dir) {
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing")
}

#[test]
fn imports_are_found_in_every_form() {
    let text = "use crate::{event::{A, B}, exit};\nlet x = crate::parts::Parts::all();\n// use crate::cli::no;\nuse crate::ui::*;\n";
    assert_eq!(imports(text), ["event", "exit", "parts", "ui"].map(str::to_owned).into());
}
