//! From the words of the command line to a command.

use std::sync::Arc;

use amibake_ec2::Clouds;
use amibake_template::finding::nearest;
use clap::{CommandFactory, Parser};

use super::args::{Cli, Command, OutputArgs};
use super::usage::UsageError;
use super::{build, console, fix, flags, fmt, init, inspect, migrate, plan, plugins, rehearse, schema, shelf, validate, version};
use crate::engine::lookup::SecretStore;
use crate::exit;
use crate::settings::{LogTarget, Settings};
use crate::ui::log::Log;
use crate::ui::screen::{Look, Screen};

const MACHINE_READABLE: [&str; 2] = ["-machine-readable", "--machine-readable"];

/// Runs a command line (without the program's name) and answers with the exit status.
pub fn run(words: &[String], settings: &Settings, clouds: Arc<dyn Clouds>, secrets: &Arc<dyn SecretStore>) -> u8 {
    run_to(words, settings, clouds, secrets, Box::new(std::io::stdout()))
}

/// As [`run`], printing to `out`.
pub fn run_to(
    words: &[String],
    settings: &Settings,
    clouds: Arc<dyn Clouds>,
    secrets: &Arc<dyn SecretStore>,
    out: Box<dyn std::io::Write + Send>,
) -> u8 {
    let command = match understand(words) {
        Ok(command) => command,
        Err(answer) => return answer.print(words, settings),
    };
    let log = match open_log(settings) {
        Ok(log) => log,
        Err(message) => return Answer::new(message, exit::FAILURE).print(words, settings),
    };
    let screen = Screen::new(out, look(&command, settings), settings.clock).with_log(log);
    match command {
        Command::Build(args) => build::run(&args, settings, clouds, secrets, screen),
        Command::Rehearse(args) => rehearse::run(&args, settings, screen),
        Command::Adopt(args) => super::adopt::run(&args, settings, clouds, secrets, screen),
        Command::Cleanup(args) => super::cleanup::run(args, settings, clouds, secrets, screen),
        Command::Plan(args) => plan::run(&args, settings, &clouds, secrets, screen),
        Command::Validate(args) => validate::run(&args, settings, secrets, screen),
        Command::Inspect(args) => inspect::run(&args, settings, screen),
        Command::Images(args) => shelf::images::run(&args, &shelf::World { settings, clouds, secrets }, screen),
        Command::Delete(args) => shelf::delete::run(&args, &shelf::World { settings, clouds, secrets }, screen),
        Command::Prune(args) => shelf::prune::run(&args, &shelf::World { settings, clouds, secrets }, screen),
        Command::Fix(args) => fix::run(&args, screen),
        Command::Migrate(args) => migrate::run(&args, settings, screen),
        Command::Fmt(args) => fmt::run(&args, screen),
        Command::Console(args) => console::run(&args, settings, secrets, screen),
        Command::Init(_) => init::run(screen),
        Command::Plugins(args) => plugins::run(&args, screen),
        Command::Version(_) => version::run(screen),
        Command::Schema(args) => schema::run(&args, screen),
    }
}

/// What is printed instead of running a command.
struct Answer {
    text: String,
    status: u8,
}

impl Answer {
    fn new(text: impl Into<String>, status: u8) -> Self {
        Self { text: text.into(), status }
    }

    fn print(&self, words: &[String], settings: &Settings) -> u8 {
        let machine_readable = words.iter().any(|word| MACHINE_READABLE.contains(&word.as_str()));
        let look = Look { machine_readable, ..Look::default() };
        let mut screen = Screen::new(Box::new(std::io::stdout()), look, settings.clock);
        let text = self.text.trim_end();
        if self.status == exit::SUCCESS {
            screen.say(text)
        } else {
            screen.error(text)
        }
        screen.flush();
        self.status
    }
}

fn understand(words: &[String]) -> Result<Command, Answer> {
    // Packer takes this one flag before the command too.
    let at = words.iter().position(|word| !MACHINE_READABLE.contains(&word.as_str())).unwrap_or(words.len());
    let (before, rest) = words.split_at(at);
    let Some((first, rest)) = rest.split_first() else {
        return Err(Answer::new(program_help(), exit::NO_COMMAND));
    };
    match first.as_str() {
        "-h" | "-help" | "--help" => return Err(Answer::new(program_help(), exit::SUCCESS)),
        "help" => return Err(help_about(rest.first())),
        "-v" | "-version" | "--version" => return parse("version", &[before, rest].concat()),
        flag if flag.starts_with('-') => {
            let text = "Invalid flags before the subcommand. If these flags are for\nthe subcommand, please put them after the subcommand.";
            return Err(Answer::new(text, exit::FAILURE));
        }
        _ => {}
    }
    parse(first, &[before, rest].concat())
}

fn parse(name: &str, words: &[String]) -> Result<Command, Answer> {
    let mut cli = Cli::command();
    cli.build();
    let Some(command) = cli.find_subcommand_mut(name) else { return Err(unknown_command(name)) };
    let usage = |error: UsageError, command: &mut clap::Command| Answer::new(error.text(command), exit::FAILURE);
    let flags = flags::normalise(command, words).map_err(|error| usage(error, command))?;
    let line = ["amibake".to_owned(), name.to_owned()].into_iter().chain(flags);
    match Cli::try_parse_from(line) {
        Ok(cli) => Ok(cli.command),
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => Err(Answer::new(error.to_string(), exit::SUCCESS)),
        Err(error) => Err(usage(UsageError::from_clap(&error), command)),
    }
}

fn program_help() -> String {
    Cli::command().render_help().to_string()
}

fn help_about(command: Option<&String>) -> Answer {
    match command {
        None => Answer::new(program_help(), exit::SUCCESS),
        Some(name) => match parse(name, &["-help".to_owned()]) {
            Err(answer) => answer,
            Ok(_) => Answer::new(program_help(), exit::SUCCESS),
        },
    }
}

/// Packer's own commands get an answer of their own.
fn unknown_command(name: &str) -> Answer {
    let cli = Cli::command();
    let reason = match name {
        "hcl2_upgrade" => format!("`{name}` is about HCL2 templates; amibake reads Packer's JSON templates"),
        _ => match nearest(name, cli.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name)) {
            Some(known) => format!("there is no command `{name}`; did you mean `{known}`?"),
            None => format!("there is no command `{name}`"),
        },
    };
    Answer::new(format!("{reason}\n\n{}", program_help()), exit::NO_COMMAND)
}

fn look(command: &Command, settings: &Settings) -> Look {
    let (output, timestamps): (&OutputArgs, bool) = match command {
        Command::Build(args) => (&args.output, args.timestamp_ui),
        Command::Rehearse(args) => (&args.build.output, args.build.timestamp_ui),
        Command::Adopt(args) => (&args.build.output, args.build.timestamp_ui),
        Command::Cleanup(args) => (&args.output, false),
        Command::Plan(args) => (&args.output, false),
        Command::Validate(args) => (&args.output, false),
        Command::Inspect(args) => (&args.output, false),
        Command::Images(args) => (&args.output, false),
        Command::Delete(args) => (&args.output, false),
        Command::Prune(args) => (&args.output, false),
        Command::Fix(args) => (&args.output, false),
        Command::Migrate(args) => (&args.output, false),
        Command::Fmt(args) => (&args.output, false),
        Command::Console(args) => (&args.output, false),
        Command::Init(args) => (&args.output, false),
        Command::Plugins(args) => (&args.output, false),
        Command::Version(args) => (&args.output, false),
        Command::Schema(args) => (&args.output, false),
    };
    Look {
        machine_readable: output.machine_readable,
        color: !output.machine_readable && settings.color(output.color),
        announce_colors: output.color.unwrap_or(true),
        timestamps,
    }
}

fn open_log(settings: &Settings) -> Result<Option<Log>, String> {
    match settings.log() {
        LogTarget::Nowhere => Ok(None),
        LogTarget::StandardError => Ok(Some(Log::new(Box::new(std::io::stderr())))),
        LogTarget::File(path) => match std::fs::File::create(&path) {
            Ok(file) => Ok(Some(Log::new(Box::new(file)))),
            Err(error) => Err(format!("cannot write the log to `{}` (PACKER_LOG_PATH): {error}", path.display())),
        },
    }
}
