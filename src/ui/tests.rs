//! Events in, text out. The expected texts are Packer 1.6.6's, recorded for the same events, but where a comment says otherwise.

#![allow(clippy::unwrap_used, reason = "a failed test")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::log::Log;
use super::relay::relay;
use super::screen::{Look, Screen};
use crate::event::{ArtifactSummary, Event, Hidden, Reporter, Speaker, Stream, Summary, What};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn clock() -> Timestamp {
    Timestamp::from_second(1_795_229_962).unwrap()
}

const PLAIN: Look = Look { machine_readable: false, color: false, announce_colors: false, timestamps: false };
const MACHINE: Look = Look { machine_readable: true, ..PLAIN };
const COLORED: Look = Look { color: true, announce_colors: true, ..PLAIN };

fn printed(look: Look, secrets: &[&str], events: &[Event]) -> String {
    let page = Page::default();
    let mut screen = Screen::new(Box::new(page.clone()), look, clock);
    screen.hide(secrets.iter().copied());
    events.iter().for_each(|event| screen.show(event));
    screen.flush();
    page.text()
}

fn run(what: What) -> Event {
    Event { speaker: Speaker::Run, what }
}

fn build(name: &str, what: What) -> Event {
    Event { speaker: Speaker::Build(name.to_owned()), what }
}

fn say(text: &str) -> What {
    What::Say(text.to_owned())
}

fn output(stream: Stream, text: &str) -> What {
    What::Output { stream, text: text.to_owned() }
}

fn ended(micros: u64, error: Option<&str>) -> What {
    What::BuildEnded { took: Duration::from_micros(micros), error: error.map(str::to_owned) }
}

fn artifact(text: &str, files: &[&str]) -> ArtifactSummary {
    ArtifactSummary {
        builder_id: "fnoeding.null".into(),
        id: "Null".into(),
        text: text.to_owned(),
        files: files.iter().map(|file| (*file).to_owned()).collect(),
    }
}

fn summary(errors: &[(&str, &str)], artifacts: &[(&str, ArtifactSummary)]) -> Summary {
    Summary {
        took: Duration::from_micros(10_880),
        cancelled: false,
        errors: errors.iter().map(|(name, error)| ((*name).to_owned(), (*error).to_owned())).collect(),
        artifacts: artifacts.iter().map(|(name, artifact)| ((*name).to_owned(), vec![artifact.clone()])).collect(),
    }
}

fn one_of_two_fails() -> Vec<Event> {
    vec![
        run(What::Builds(vec!["bad".into(), "good".into()])),
        build("bad", say("Running local shell script: /tmp/s")),
        build("bad", output(Stream::Out, "hi, there")),
        build("bad", output(Stream::Err, "oops")),
        build("bad", ended(9_735, Some("Script exited with non-zero exit status: 4."))),
        build("good", ended(1_091, None)),
        run(What::RunEnded(summary(
            &[("bad", "Script exited with non-zero exit status: 4.")],
            &[("good", artifact("Did not export anything.", &[]))],
        ))),
    ]
}

#[test]
fn people_read_this() {
    let expected = "\
==> bad: Running local shell script: /tmp/s
    bad: hi, there
==> bad: oops
Build 'bad' errored after 9 milliseconds 735 microseconds: Script exited with non-zero exit status: 4.
Build 'good' finished after 1 millisecond 91 microseconds.

==> Wait completed after 10 milliseconds 880 microseconds

==> Some builds didn't complete successfully and had errors:
--> bad: Script exited with non-zero exit status: 4.

==> Builds finished. The artifacts of successful builds are:
--> good: Did not export anything.
";
    assert_eq!(printed(PLAIN, &[], &one_of_two_fails()), expected);
}

#[test]
fn programs_read_this() {
    let expected = "\
1795229962,,ui,say,==> bad: Running local shell script: /tmp/s
1795229962,,ui,message,    bad: hi%!(PACKER_COMMA) there
1795229962,,ui,error,==> bad: oops
1795229962,,ui,error,Build 'bad' errored after 9 milliseconds 735 microseconds: Script exited with non-zero exit status: 4.
1795229962,,ui,say,Build 'good' finished after 1 millisecond 91 microseconds.
1795229962,,ui,say,\\n==> Wait completed after 10 milliseconds 880 microseconds
1795229962,,error-count,1
1795229962,,ui,error,\\n==> Some builds didn't complete successfully and had errors:
1795229962,bad,error,Script exited with non-zero exit status: 4.
1795229962,,ui,error,--> bad: Script exited with non-zero exit status: 4.
1795229962,,ui,say,\\n==> Builds finished. The artifacts of successful builds are:
1795229962,good,artifact-count,1
1795229962,good,artifact,0,builder-id,fnoeding.null
1795229962,good,artifact,0,id,Null
1795229962,good,artifact,0,string,Did not export anything.
1795229962,good,artifact,0,files-count,0
1795229962,good,artifact,0,end
1795229962,,ui,say,--> good: Did not export anything.
";
    assert_eq!(printed(MACHINE, &[], &one_of_two_fails()), expected);
}

#[test]
fn terminals_get_colours() {
    let expected = "\
\x1b[1;32mbad: output will be in this color.\x1b[0m
\x1b[1;36mgood: output will be in this color.\x1b[0m

\x1b[1;32m==> bad: Running local shell script: /tmp/s\x1b[0m
\x1b[0;32m    bad: hi, there\x1b[0m
\x1b[1;31m==> bad: oops\x1b[0m
\x1b[1;31mBuild 'bad' errored after 9 milliseconds 735 microseconds: Script exited with non-zero exit status: 4.\x1b[0m
\x1b[1;36mBuild 'good' finished after 1 millisecond 91 microseconds.\x1b[0m

==> Wait completed after 10 milliseconds 880 microseconds
";
    let printed = printed(COLORED, &[], &one_of_two_fails());
    assert_eq!(&printed[..expected.len()], expected);
}

#[test]
fn colours_are_announced_without_codes_where_only_those_are_forbidden() {
    let look = Look { color: false, ..COLORED };
    let events = [run(What::Builds(vec!["b1".into()])), build("b1", say("x"))];
    assert_eq!(printed(look, &[], &events), "b1: output will be in this color.\n\n==> b1: x\n");
    assert_eq!(printed(look, &[], &[run(What::Builds(vec![]))]), "");
}

#[test]
fn every_line_has_its_prefix() {
    let post_processor = Speaker::PostProcessor { build: "b".into(), type_name: "manifest".into() };
    let events = [
        build("b", say("first\nsecond\n")),
        build("b", What::Detail("one\n\ntwo".into())),
        build("b", What::Error("bad\nworse".into())),
        build("b", say("")),
        Event { speaker: post_processor, what: say("done") },
        run(say("Cancelling")),
    ];
    // The middle one is an empty line: only the last has its white space cut, as in Packer.
    let expected = "\
==> b: first
==> b: second
==> b:
    b: one
    b: \n    b: two
==> b: bad
==> b: worse
==> b:
==> b (manifest): done
Cancelling
";
    assert_eq!(printed(PLAIN, &[], &events), expected);
}

#[test]
fn command_output_shows_what_a_terminal_would() {
    let events = [build("b", output(Stream::Out, "a  \n\n10%\r50%\rdone\r\nend\t"))];
    assert_eq!(printed(PLAIN, &[], &events), "    b: a\n    b:\n    b: done\n    b: end\n");
}

#[test]
fn each_line_of_a_command_has_its_own_colour() {
    let events = [run(What::Builds(vec!["b".into()])), build("b", output(Stream::Out, "x\ny"))];
    let look = Look { announce_colors: false, ..COLORED };
    assert_eq!(printed(look, &[], &events), "\x1b[0;32m    b: x\x1b[0m\n\x1b[0;32m    b: y\x1b[0m\n");
}

#[test]
fn files_of_artifacts_are_listed_for_programs() {
    let events = [run(What::RunEnded(summary(&[], &[("b", artifact("Stored, twice", &["a.out", "b,c"]))])))];
    let printed = printed(MACHINE, &[], &events);
    let expected = "\
1795229962,b,artifact,0,string,Stored%!(PACKER_COMMA) twice
1795229962,b,artifact,0,files-count,2
1795229962,b,artifact,0,file,0,a.out
1795229962,b,artifact,0,file,1,b%!(PACKER_COMMA)c
1795229962,b,artifact,0,end
";
    assert!(printed.contains(expected), "{printed}");
}

#[test]
fn artifacts_are_listed_by_build_name() {
    let events = [run(What::RunEnded(summary(&[], &[("z", artifact("Z", &[])), ("a", artifact("A", &[]))])))];
    let printed = printed(PLAIN, &[], &events);
    assert!(printed.ends_with("are:\n--> a: A\n--> z: Z\n"), "{printed}");
}

#[test]
fn a_run_without_artifacts_says_so() {
    let printed = printed(PLAIN, &[], &[run(What::RunEnded(summary(&[], &[])))]);
    assert!(printed.ends_with("\n\n==> Builds finished but no artifacts were created.\n"), "{printed}");
}

#[test]
fn a_cancelled_run_lists_nothing() {
    let summary = Summary { cancelled: true, ..summary(&[("b", "cancelled")], &[]) };
    let expected = "\n==> Wait completed after 10 milliseconds 880 microseconds\nCleanly cancelled builds after being interrupted.\n";
    assert_eq!(printed(PLAIN, &[], &[run(What::RunEnded(summary))]), expected);
}

#[test]
fn secrets_are_hidden_wherever_they_appear() {
    let mut summary = summary(&[("b", "s3cret refused")], &[("b", artifact("made with s3cret", &["/tmp/s3cret"]))]);
    summary.artifacts[0].1[0].id = "s3cret".into();
    let events = [
        run(What::Builds(vec!["b-s3cret".into()])),
        build("b-s3cret", say("say s3cret")),
        build("b", output(Stream::Err, "czNjcmV0Cg==")),
        build("b", What::Question("s3cret?".into())),
        build("b", ended(1, Some("s3cret"))),
        run(What::RunEnded(summary)),
    ];
    for look in [PLAIN, MACHINE, COLORED] {
        let printed = printed(look, &["s3cret"], &events);
        assert!(!printed.contains("s3cret") && !printed.contains("czNjcmV0"), "{printed}");
        assert!(printed.matches("<sensitive>").count() >= 7, "{printed}");
    }
}

#[test]
fn a_secret_that_came_up_later_is_hidden_from_then_on() {
    let hide = build("b", What::Hide(Hidden::new(["late".to_owned(), String::new()])));
    assert!(!format!("{hide:?}").contains("late"));
    let events = [build("b", say("late")), hide, build("b", say("too late"))];
    assert_eq!(printed(PLAIN, &[], &events), "==> b: late\n==> b: too <sensitive>\n");
}

#[test]
fn a_secret_over_several_lines_is_hidden_before_lines_are_split() {
    let events = [build("b", output(Stream::Out, "key: ab\ncd end"))];
    assert_eq!(printed(PLAIN, &["ab\ncd"], &events), "    b: key: <sensitive> end\n");
}

#[test]
fn times_stand_before_the_prefix() {
    let look = Look { timestamps: true, ..PLAIN };
    let events = [build("b", say("x\ny")), build("b", ended(1, None)), run(say("plain"))];
    let printed = printed(look, &[], &events);
    let stamp = regex::Regex::new(r"(?m)^2026-11-2\dT\d\d:\d\d:22(Z|[+-]\d\d:\d\d): ").unwrap();
    assert_eq!(stamp.replace_all(&printed, "TIME "), "TIME ==> b: x\n==> b: y\nTIME Build 'b' finished after 1 microsecond.\nplain\n");
}

#[test]
fn a_question_waits_on_its_line() {
    let events = [build("b", What::Question("Retry?".into()))];
    assert_eq!(printed(PLAIN, &[], &events), "==> b: Retry? ");
}

#[test]
fn the_log_has_no_secrets_either() {
    let (page, log) = (Page::default(), Page::default());
    let mut screen = Screen::new(Box::new(page), COLORED, clock).with_log(Some(Log::new(Box::new(log.clone()))));
    screen.hide(["s3cret"]);
    screen.show(&build("b", say("a s3cret\nand more")));
    screen.flush();
    assert_eq!(log.text(), "2026/11/21 02:59:22 ui say: ==> b: a <sensitive>\n2026/11/21 02:59:22 ui say: ==> b: and more\n");
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_closed_pipe_is_ignored() {
    let mut screen = Screen::new(Box::new(Closed), PLAIN, clock);
    for _ in 0..10_000 {
        screen.show(&build("b", say("a line that fills the buffer again and again")));
    }
    screen.flush();
}

#[test]
fn a_fast_command_loses_no_line() {
    let page = Page::default();
    let mut screen = Screen::new(Box::new(page.clone()), PLAIN, clock);
    let (report, events) = Reporter::new();
    let printing = std::thread::spawn(move || relay(&events, &mut screen, |_| {}));
    let build = report.as_speaker(Speaker::Build("b".into()));
    drop(report);
    for line in 0..20_000 {
        build.tell(output(Stream::Out, &line.to_string()));
    }
    drop(build);
    printing.join().unwrap();
    let expected: String = (0..20_000).map(|line| format!("    b: {line}\n")).collect();
    assert!(page.text() == expected, "lines are missing or out of order");
}
