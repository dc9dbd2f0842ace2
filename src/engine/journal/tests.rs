use std::os::unix::fs::PermissionsExt;

use amibake_ec2::{Region, SecurityGroupId};

use super::*;
use crate::engine::account::Reach;
use crate::engine::teardown::{Lifetime, Resource};

fn place() -> Option<Place> {
    Some(Place { region: Region::new("us-east-2"), reach: Reach { key: "lab".into(), ..Reach::default() } })
}

fn group(id: Option<&str>) -> Resource {
    Resource::SecurityGroup { name: "packer_1".into(), id: id.map(|id| SecurityGroupId::new(id).unwrap()) }
}

#[test]
fn what_was_never_released_is_read_back_with_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(Some(dir.path()), "run-1");
    let (key, written) = journal.intend("b", place(), Lifetime::Build, &Resource::key_pair("packer_1"));
    written.unwrap();
    let (sg, written) = journal.intend("b", place(), Lifetime::Build, &group(None));
    written.unwrap();
    journal.complete(sg, &group(Some("sg-1")));
    journal.live(sg, Lifetime::Artifact);
    journal.release(key);
    journal.finish();

    let path = journal.path().unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let found = read(path).unwrap();
    assert_eq!((found.about.run_id.as_str(), found.about.pid), ("run-1", std::process::id()));
    let expected = OpenEntry { entry: sg, build: "b".into(), place: place(), lifetime: Lifetime::Artifact, resource: group(Some("sg-1")) };
    assert_eq!(found.entries, [expected]);
}

#[test]
fn a_run_that_leaves_nothing_leaves_no_journal() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(Some(dir.path()), "run-1");
    let (entry, _) = journal.intend("b", None, Lifetime::Build, &Resource::TempPath { path: "/x".into() });
    assert!(journal.path().unwrap().exists(), "written before the call");
    journal.release(entry);
    journal.finish();
    assert!(!journal.path().unwrap().exists());
}

#[test]
fn an_unwritable_place_is_an_error_before_anything_is_created() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("runs"), "a file in the way").unwrap();
    let journal = Journal::new(Some(dir.path()), "run-1");
    let (_, written) = journal.intend("b", None, Lifetime::Build, &Resource::key_pair("k"));
    let text = written.unwrap_err().to_string();
    assert!(text.contains("run-1.jsonl; nothing is created without it: "), "{text}");
}

#[track_caller]
fn check_read(text: &str, expected: Result<usize, &str>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j.jsonl");
    std::fs::write(&path, text).unwrap();
    match (read(&path), expected) {
        (Ok(found), Ok(entries)) => assert_eq!(found.entries.len(), entries, "{text}"),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (found, _) => panic!("{text}: {found:?}"),
    }
}

#[test]
fn damaged_journals() {
    let run = r#"{"record":"run","version":1,"run_id":"r","pid":1}"#;
    let intend = r#"{"record":"intend","entry":1,"build":"b","place":null,"lifetime":"build","resource":{"kind":"key_pair","name":"k"}}"#;
    check_read(&format!("{run}\n{intend}\n"), Ok(1));
    check_read(&format!("{run}\n{intend}\n{{\"record\":\"rel"), Ok(1));
    check_read(&format!("{run}\nnonsense\n"), Err("line 2"));
    check_read(
        r#"{"record":"run","version":2,"run_id":"r","pid":1}
"#,
        Err("version 2"),
    );
    check_read("", Ok(0));
}

/// The journal, if its run is dead.
#[track_caller]
fn dead(path: &Path) -> Dead {
    match reopen(path).unwrap() {
        Found::Dead(dead) => dead,
        Found::Alive(run) => panic!("{run:?} is alive"),
    }
}

#[test]
fn a_living_run_keeps_its_journal_and_a_dead_ones_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(Some(dir.path()), "run-1").about(1_793_606_400, Some("-var-file=v.json t.json".to_owned()));
    assert_eq!(list(dir.path()).unwrap(), [] as [std::path::PathBuf; 0]);
    let (key, written) = journal.intend("b", place(), Lifetime::Build, &Resource::key_pair("packer_1"));
    written.unwrap();
    let paths = list(dir.path()).unwrap();
    assert_eq!(paths, [journal.path().unwrap()]);
    assert!(matches!(reopen(&paths[0]).unwrap(), Found::Alive(run) if run.about.run_id == "run-1"));
    drop(journal);

    let taken = dead(&paths[0]);
    assert_eq!(taken.unfinished.about.started_unix, Some(1_793_606_400));
    assert_eq!(taken.journal.template(), Some("-var-file=v.json t.json"));
    assert!(matches!(reopen(&paths[0]).unwrap(), Found::Alive(_)), "another cleanup leaves it alone");
    let (group, written) = taken.journal.intend("b", place(), Lifetime::Build, &group(None));
    written.unwrap();
    assert!(group > key, "numbers go on");
    taken.journal.release(key);
    taken.journal.finish();
    assert!(paths[0].exists(), "the group is still owned");
    taken.journal.release(group);
    taken.journal.finish();
    assert!(!paths[0].exists());
}

#[test]
fn half_a_line_is_cut_off_before_the_next_one() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(Some(dir.path()), "run-1");
    journal.intend("b", None, Lifetime::Build, &Resource::key_pair("k")).1.unwrap();
    let path = journal.path().unwrap().to_owned();
    drop(journal);
    // In the middle of a character, too.
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"record\":\"intend\",\"build\":\"\xc3").unwrap();
    let taken = dead(&path);
    assert_eq!(taken.unfinished.entries.len(), 1);
    taken.journal.release(taken.unfinished.entries[0].entry);
    assert_eq!(read(&path).unwrap().entries, []);
}

#[test]
fn a_full_disk_is_an_error_before_the_call_and_no_matter_after_it() {
    let full = std::fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
    let journal = Journal::on(Path::new("/state/run-1.jsonl"), full);
    let (entry, written) = journal.intend("b", None, Lifetime::Build, &Resource::key_pair("k"));
    assert_eq!(
        written.unwrap_err().to_string(),
        "cannot write the journal /state/run-1.jsonl; nothing is created without it: No space left on device (os error 28)"
    );
    journal.complete(entry, &Resource::key_pair("k"));
    journal.release(entry);
}

#[tokio::test]
async fn what_is_forced_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(Some(dir.path()), "run-1");
    journal.force().await.unwrap();
    assert!(!journal.path().unwrap().exists(), "there is nothing to force yet");
    journal.intend("b", None, Lifetime::Build, &Resource::key_pair("k")).1.unwrap();
    journal.force().await.unwrap();
    journal.force().await.unwrap();
    Journal::new(None, "run-1").force().await.unwrap();
}
