//! What `fmt` leaves on the disk.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::program::{Sandbox, entries, repository};
use crate::real::corpus;

const UGLY: &str = "{\"a\":\"b\"}";
const PRETTY: &str = "{\n  \"a\": \"b\"\n}\n";

fn read(sandbox: &Sandbox, path: &str) -> String {
    std::fs::read_to_string(sandbox.work().join(path)).unwrap()
}

#[test]
fn writes_in_place_and_keeps_the_mode() {
    let sandbox = Sandbox::new();
    let path = sandbox.file("vars.json", UGLY).work().join("vars.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("vars.json", sandbox.work().join("link.json")).unwrap();
    let ran = sandbox.run(&["fmt", "link.json"], "");
    assert_eq!((ran.exit, ran.stdout.as_str()), (0, "link.json\n"));
    assert_eq!(read(&sandbox, "vars.json"), PRETTY);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(sandbox.work().join("link.json").is_symlink(), "the link was replaced by a file");
    assert_eq!(entries(&sandbox.work()).len(), 2, "something was left behind");
    let again = sandbox.run(&["fmt", "link.json"], "");
    assert_eq!((again.exit, again.stdout.as_str()), (0, ""));
}

#[track_caller]
fn leaves_alone(args: &[&str], content: &str, exit: i32) {
    let sandbox = Sandbox::new();
    let ran = sandbox.file("t.json", content).run(&[args, &["t.json"]].concat(), "");
    assert_eq!(ran.exit, exit, "{args:?}: {}", ran.stdout);
    assert_eq!(read(&sandbox, "t.json"), content, "{args:?}");
}

#[test]
fn leaves_files_alone_where_told_or_where_they_do_not_parse() {
    leaves_alone(&["fmt", "-check"], UGLY, 3);
    leaves_alone(&["fmt", "-check", "-write=true"], UGLY, 3);
    leaves_alone(&["fmt", "-write=false"], UGLY, 0);
    leaves_alone(&["fmt", "-write=false", "-diff"], UGLY, 0);
    leaves_alone(&["fmt"], "{\"a\": \"b\",}", 1);
    leaves_alone(&["fmt"], "{} {}", 1);
    leaves_alone(&["fmt", "-check"], PRETTY, 0);
}

#[test]
fn a_folder_of_one_s_own_is_formatted_all_at_once() {
    let sandbox = Sandbox::new();
    sandbox.file("a/vars.json", UGLY).file("a/b/vars.jsonc", "// c\n{\"a\":\"b\",}").file("a/.hidden/vars.json", UGLY);
    let ran = sandbox.run(&["fmt", "-recursive", "a"], "");
    assert_eq!((ran.exit, ran.stdout.as_str()), (0, "a/vars.json\na/b/vars.jsonc\n"));
    assert_eq!(read(&sandbox, "a/b/vars.jsonc"), format!("// c\n{PRETTY}"));
    assert_eq!(read(&sandbox, "a/.hidden/vars.json"), UGLY);
    assert_eq!(sandbox.run(&["fmt", "-check", "-recursive", "a"], "").exit, 0);
}

/// This project's own templates are laid out as it lays out others.
#[test]
fn our_templates_are_formatted() {
    let paths = ["packer-template.json", "packer-vars.json", "examples"];
    let ran = Sandbox::new().run_in(&[&["fmt", "-check", "-diff", "-recursive"][..], &paths].concat(), &repository("."));
    assert_eq!((ran.exit, ran.stdout.as_str()), (0, ""));
}

/// What Packer reads in a template, it reads in the formatted one.
#[test]
fn real_templates_inspect_alike_when_formatted() {
    let Some(corpus) = corpus("formatting real templates") else { return };
    let records: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(corpus.join("index.json")).unwrap()).unwrap();
    let mut checked = 0;
    for record in records {
        let text = |key: &str| record[key].as_str().unwrap();
        let path = corpus.join(text("dir")).join(text("cwd")).join(text("template"));
        let sandbox = Sandbox::new();
        std::fs::copy(&path, sandbox.work().join("t.json")).unwrap();
        let before = sandbox.run(&["inspect", "t.json"], "");
        if before.exit == 0 {
            let ran = sandbox.run(&["fmt", "t.json"], "");
            assert_eq!(ran.exit, 0, "{}: {}", path.display(), ran.stdout);
            assert_eq!(sandbox.run(&["inspect", "t.json"], "").stdout, before.stdout, "{}", path.display());
            assert_eq!(sandbox.run(&["fmt", "-check", "t.json"], "").exit, 0, "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} templates");
}
