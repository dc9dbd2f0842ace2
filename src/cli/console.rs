//! `amibake console`: template expressions, tried out. As Packer's: of a pipe all lines are evaluated and the last result is printed; on
//! a terminal, and from a file, each.

mod prompt;
mod session;

use std::io::{BufRead, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;

use amibake_template::document::Document;
use amibake_template::finding::{Finding, Severity};
use clap::Args;

use self::session::{Answer, Session};
use super::args::{GivenArgs, OutputArgs};
use super::load::{Loaded, load_given};
use super::{findings, lookups, secrets};
use crate::engine::lookup::SecretStore;
use crate::exit;
use crate::settings::Settings;
use crate::ui::screen::Screen;

/// `console`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake console packer-template.json
  echo '{{isotime \"2006-01-02\"}}' | amibake console
  echo '{{user `region`}}' | amibake console -var-file packer-vars.json t.json

On a terminal: `variables` lists the variables, `help` and `exit` do what they
say. Of a pipe only the result of the last line is printed.")]
pub struct ConsoleArgs {
    /// Template whose variables can be used; `-` reads standard input
    #[arg(value_name = "TEMPLATE")]
    pub path: Option<String>,
    /// What is given with it.
    #[command(flatten)]
    pub given: GivenArgs,
    /// Accepted, without effect.
    #[command(flatten)]
    pub packer: ConsoleFlags,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags that Packer's `console` has, and that mean nothing there either.
#[derive(Debug, Args)]
pub struct ConsoleFlags {
    #[arg(long, hide = true)]
    only: Vec<String>,
    #[arg(long, hide = true)]
    except: Vec<String>,
    #[arg(long, hide = true)]
    use_sequential_evaluation: bool,
}

/// Runs the command.
pub fn run(args: &ConsoleArgs, settings: &Settings, store: &Arc<dyn SecretStore>, mut screen: Screen) -> u8 {
    let mut loaded = load_given(args.path.as_deref(), &args.given, settings);
    if args.path.is_none() {
        loaded.document = Some(Document::empty());
    }
    if !loaded.has_errors() {
        lookups::fetch(&mut loaded, settings, store);
    }
    secrets::hide_variables(&loaded, &mut screen);
    if loaded.has_errors() {
        findings::print(&loaded.findings, &loaded.sources, &mut screen);
        screen.flush();
        return exit::FAILURE;
    }
    let (session, problems) = Session::new(&loaded);
    let status = match Input::of_this_process() {
        Input::Terminal => on_terminal(&session, &loaded, problems, &mut screen),
        Input::Pipe => from_pipe(&session, &mut screen),
        Input::File => from_file(&session, &mut screen),
    };
    screen.flush();
    status
}

/// Where lines come from; Packer tells these three apart.
enum Input {
    Terminal,
    Pipe,
    File,
}

impl Input {
    fn of_this_process() -> Self {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            return Self::Terminal;
        }
        let file = stdin.as_fd().try_clone_to_owned().map(std::fs::File::from);
        let is_pipe = file.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.file_type().is_fifo());
        if is_pipe { Self::Pipe } else { Self::File }
    }
}

/// Evaluates all lines; only the last result is printed, and errors as they come. Like Packer it succeeds whatever the lines are.
fn from_pipe(session: &Session<'_>, screen: &mut Screen) -> u8 {
    let mut last = String::new();
    for line in std::io::stdin().lock().split(b'\n') {
        let Ok(line) = line else {
            screen.error("cannot read standard input");
            return exit::FAILURE;
        };
        last = match session.answer(&String::from_utf8_lossy(&line)) {
            Answer::Text(text) => text,
            Answer::Nothing | Answer::Exit => String::new(),
            Answer::Error { text, .. } => {
                screen.say(text);
                String::new()
            }
        };
    }
    screen.message(last);
    exit::SUCCESS
}

/// One line after the other, until `exit`.
fn from_file(session: &Session<'_>, screen: &mut Screen) -> u8 {
    for line in std::io::stdin().lock().split(b'\n') {
        let Ok(line) = line else {
            screen.error("cannot read standard input");
            return exit::FAILURE;
        };
        match session.answer(&String::from_utf8_lossy(&line)) {
            Answer::Exit => break,
            answer => show(answer, screen),
        }
    }
    exit::SUCCESS
}

/// As [`from_file`], with a prompt. Problems with the variables are told here, where nobody takes the output apart.
fn on_terminal(session: &Session<'_>, loaded: &Loaded, problems: Vec<Finding>, screen: &mut Screen) -> u8 {
    let mut told = loaded.findings.clone();
    told.extend(problems.into_iter().map(|problem| Finding { severity: Severity::Warning, ..problem }));
    findings::print(&told, &loaded.sources, screen);
    screen.flush();
    let mut prompt = match prompt::Prompt::open() {
        Ok(prompt) => prompt,
        Err(error) => {
            screen.error(format!("cannot use the terminal: {error}"));
            return exit::FAILURE;
        }
    };
    while let Some(line) = prompt.line() {
        let answer = session.answer(&line);
        if answer == Answer::Exit {
            break;
        }
        match answer {
            Answer::Error { text, help: Some(help) } => {
                screen.say(text.trim_end());
                screen.say(format!("help: {help}\n"));
            }
            answer => show(answer, screen),
        }
        screen.flush();
    }
    exit::SUCCESS
}

fn show(answer: Answer, screen: &mut Screen) {
    match answer {
        Answer::Text(text) => screen.say(text),
        Answer::Error { text, .. } => {
            screen.say(text);
            // The result, which is empty.
            screen.say("");
        }
        Answer::Nothing | Answer::Exit => screen.say(""),
    }
}
