//! `amibake fmt`: lays templates and var files out in one way; see `amibake_template::format` for which.

mod find;
pub(super) mod replace;

use std::path::Path;

use amibake_template::finding::Finding;
use amibake_template::format::format;
use amibake_template::source::Sources;
use clap::Args;

use super::args::OutputArgs;
use super::diff::unified;
use super::findings;
use super::load::{dialect, file_text, hcl2, shown, stdin_text, without_place};
use crate::exit;
use crate::ui::screen::Screen;

/// `fmt`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake fmt packer-template.json packer-vars.json
  amibake fmt -check -diff -recursive .
  amibake fmt - < packer-template.json

Prints the names of the files it changes. Only white space changes: keys keep
their order, and comments, numbers and strings their spelling. Of a folder it
takes the files that are templates or var files, by what is in them. Standard
input is printed laid out.
Exit status: 0; 3 if -check found a file to change; 1 if one could not be read.")]
pub struct FmtArgs {
    /// Templates, var files or folders; `-` reads standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<String>,
    /// Change nothing; say with the exit status whether something would
    #[arg(long)]
    pub check: bool,
    /// Print what changes
    #[arg(long)]
    pub diff: bool,
    /// Write the files [default: true, but for -check]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_possible_values = true, overrides_with = "write")]
    pub write: Option<bool>,
    /// Take the folders in a folder too
    #[arg(long)]
    pub recursive: bool,
    /// Take comments and trailing commas, as in .jsonc files
    #[arg(long)]
    pub jsonc: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub fn run(args: &FmtArgs, screen: Screen) -> u8 {
    let mut formatter = Formatter { args, screen, changed: false, failed: false };
    for path in &args.paths {
        if path != "-" && Path::new(path).is_dir() {
            formatter.folder(path);
        } else {
            formatter.file(path);
        }
    }
    formatter.screen.flush();
    match formatter {
        Formatter { failed: true, .. } => exit::FAILURE,
        Formatter { changed: true, .. } if args.check => exit::UNFORMATTED,
        _ => exit::SUCCESS,
    }
}

struct Formatter<'a> {
    args: &'a FmtArgs,
    screen: Screen,
    changed: bool,
    failed: bool,
}

impl Formatter<'_> {
    fn folder(&mut self, path: &str) {
        let found = find::files(Path::new(path), self.args.recursive);
        for (folder, error) in found.unreadable {
            self.refuse(&Sources::default(), &[without_place("unreadable-folder", format!("cannot read the folder `{folder}`: {error}"))]);
        }
        for file in found.files {
            self.file(&file);
        }
    }

    fn file(&mut self, path: &str) {
        if path.ends_with(".hcl") {
            return self.refuse(&Sources::default(), &[hcl2(format!("`{path}` is written in HCL2"))]);
        }
        let text = if path == "-" { stdin_text("file", "unreadable-file") } else { file_text(path, "file", "unreadable-file") };
        let text = match text {
            Ok(text) => text,
            Err(finding) => return self.refuse(&Sources::default(), &[finding]),
        };
        let mut sources = Sources::default();
        let source = sources.add(shown(path), text);
        let text = sources.text(source);
        let (formatted, findings) = format(source, text, dialect(path, self.args.jsonc));
        let Some(formatted) = formatted else { return self.refuse(&sources, &findings) };
        // Warnings of a file on standard input would stand in the middle of the result.
        if path != "-" {
            findings::print(&findings, &sources, &mut self.screen);
        }
        self.show(path, text, &formatted);
    }

    fn show(&mut self, path: &str, text: &str, formatted: &str) {
        let changes = text != formatted;
        self.changed |= changes;
        if changes && (path != "-" || self.args.check) {
            self.screen.say(shown(path));
        }
        if changes && self.args.diff {
            self.screen.say(unified(shown(path), text, formatted));
        }
        if path == "-" {
            if !self.args.check && !self.args.diff {
                self.screen.message(formatted.strip_suffix('\n').unwrap_or(formatted));
            }
        } else if changes && !self.args.check && self.args.write != Some(false) {
            self.write(path, formatted);
        }
    }

    fn write(&mut self, path: &str, formatted: &str) {
        if let Err(error) = replace::replace(Path::new(path), formatted.as_bytes()) {
            self.refuse(&Sources::default(), &[without_place("unwritable-file", format!("cannot write `{path}`: {error}"))]);
        }
    }

    fn refuse(&mut self, sources: &Sources, findings: &[Finding]) {
        findings::print(findings, sources, &mut self.screen);
        self.failed = true;
    }
}
