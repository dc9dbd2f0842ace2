//! `amibake migrate`: the same template in its best form. Nothing is written or printed before both forms were resolved to the same plan.

mod link;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use amibake_template::component::{FileKind, Files};
use amibake_template::document::{self, Document};
use amibake_template::finding::Finding;
use amibake_template::fix;
use amibake_template::json::{self, Dialect};
use amibake_template::lang::Host;
use amibake_template::migrate::{Wishes, differences, migrate};
use amibake_template::plan::{Plan, Selection, plan};
use amibake_template::registry::Registry;
use amibake_template::source::Sources;
use clap::Args;

use super::args::{OutputArgs, TemplateArgs};
use super::diff::unified;
use super::fmt::replace::replace;
use super::load::{Disk, Loaded, dialect, load, shown, without_place};
use super::{findings, secrets};
use crate::exit;
use crate::parts::Parts;
use crate::settings::Settings;
use crate::ui::screen::Screen;

/// `migrate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake migrate -diff packer-template.json
  amibake migrate -write -var-file packer-vars.json packer-template.json
  amibake migrate -check -native packer-template.json

Does what `amibake fix` does, writes values in the type of their field (22 for
\"22\") and names the schema for editors. Comments, the order of keys and all text
that does not change stay as they are. The old and the new template are resolved
and compared; where they would not build the same, nothing is written. So the
template must be valid: give variables that it requires.
Exit status: 0; 1 if -check found something to change, or if it failed.")]
pub struct MigrateArgs {
    /// The template and its variables.
    #[command(flatten)]
    pub template: TemplateArgs,
    /// Spell template functions <<user ...>> instead of {{user ...}}
    #[arg(long)]
    pub native: bool,
    /// Name the schema for editors at the root: a file or URL; true finds the file, false names none [default: true where there is one]
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "true", require_equals = true, overrides_with = "schema")]
    pub schema: Option<String>,
    /// Change nothing; say with the exit status whether something would
    #[arg(long)]
    pub check: bool,
    /// Print what changes
    #[arg(long)]
    pub diff: bool,
    /// Write the file
    #[arg(long)]
    pub write: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub fn run(args: &MigrateArgs, settings: &Settings, mut screen: Screen) -> u8 {
    if args.write && args.template.path == "-" {
        return refuse("standard input cannot be written to: leave out -write, and take what is printed", &mut screen);
    }
    let schema = match link::find(args.schema.as_deref(), &args.template.path) {
        Ok(schema) => schema,
        Err(refusal) => {
            findings::print(&[refusal], &Sources::default(), &mut screen);
            screen.flush();
            return exit::FAILURE;
        }
    };
    let mut loaded = load(&args.template, settings);
    let status = match migrated(args, schema.as_deref(), &mut loaded) {
        Ok(Migrated { old, new }) => show(args, &old, &new, &mut screen),
        Err(found) => {
            secrets::hide_variables(&loaded, &mut screen);
            findings::print(&found, &loaded.sources, &mut screen);
            exit::FAILURE
        }
    };
    screen.flush();
    status
}

/// A template's text before and after.
struct Migrated {
    old: String,
    new: String,
}

fn migrated(args: &MigrateArgs, schema: Option<&str>, loaded: &mut Loaded) -> Result<Migrated, Vec<Finding>> {
    let Some(document) = loaded.document.take() else { return Err(std::mem::take(&mut loaded.findings)) };
    let source = document.root.span.source;
    let dialect = dialect(&args.template.path, args.template.given.jsonc);
    let registry = Parts::all().registry;
    let wishes = Wishes { dialect, native: args.native, schema };
    let new = migrate(&mut loaded.sources, source, &registry, wishes)?;
    let old = loaded.sources.text(source).to_owned();
    let before = before(loaded, &document, &registry);
    let after = resolved(loaded, &new, dialect, &registry).map_err(|found| blockers(found, &loaded.findings))?;
    let before = before.map_err(|found| blockers(found, &loaded.findings))?;
    let differences = differences(&before, &after);
    if differences.is_empty() { Ok(Migrated { old, new }) } else { Err(differences) }
}

/// What the template means: as it is or, where it is one of an older Packer, as Packer's own `fix` would write it.
fn before(loaded: &mut Loaded, document: &Document, registry: &Registry) -> Result<Plan, Vec<Finding>> {
    let fixed = fix::fix(&document.root)?;
    let (plan, found) = plan_of(loaded, document, registry);
    loaded.findings.extend(found);
    if fixed != fix::as_go_reads(&document.root) {
        return resolved(loaded, &fix::to_text(&fixed), Dialect::default(), registry);
    }
    plan.filter(|_| !loaded.has_errors()).ok_or_else(|| loaded.findings.clone())
}

/// Why a migrated template does not resolve; what was wrong before is shown where it stands in the user's file.
fn blockers(migrated: Vec<Finding>, original: &[Finding]) -> Vec<Finding> {
    let mut known: HashMap<&str, &Finding> = HashMap::new();
    for finding in original {
        known.entry(&finding.message).or_insert(finding);
    }
    let place = |finding: Finding| known.get(finding.message.as_str()).map(|known| (*known).clone()).unwrap_or(finding);
    migrated.into_iter().map(place).collect()
}

fn resolved(loaded: &mut Loaded, text: &str, dialect: Dialect, registry: &Registry) -> Result<Plan, Vec<Finding>> {
    let source = loaded.sources.add("<migrated template>", text);
    let (tree, mut found) = json::parse(source, text, dialect);
    let (document, structure) = tree.map(document::read).unwrap_or_default();
    found.extend(structure);
    let Some(document) = document else { return Err(found) };
    let (plan, planned) = plan_of(loaded, &document, registry);
    found.extend(planned);
    plan.filter(|_| !findings::any_error(&found)).ok_or(found)
}

/// All builds, each time in the same world.
fn plan_of(loaded: &Loaded, document: &Document, registry: &Registry) -> (Option<Plan>, Vec<Finding>) {
    // A count of its own: `uuid` would give other values the second time.
    let host = Host { uuids: Arc::default(), ..loaded.host.clone() };
    plan(document, registry, &loaded.given, &Selection::default(), &host, &AnyFile)
}

/// Scripts that a pipeline makes before the build need not be there to change a template.
struct AnyFile;

impl Files for AnyFile {
    fn kind_of(&self, path: &str) -> FileKind {
        match Disk.kind_of(path) {
            FileKind::Missing => FileKind::File,
            there @ (FileKind::File | FileKind::Directory) => there,
        }
    }
}

fn show(args: &MigrateArgs, old: &str, new: &str, screen: &mut Screen) -> u8 {
    let path = args.template.path.as_str();
    let changes = old != new;
    if changes && (args.check || args.write) {
        screen.say(shown(path));
    }
    if changes && args.diff {
        screen.say(unified(shown(path), old, new));
    }
    if !args.check && !args.diff && !args.write {
        screen.message(new.strip_suffix('\n').unwrap_or(new));
    }
    if changes && args.check {
        return exit::FAILURE;
    }
    if changes && args.write { write(path, new, screen) } else { exit::SUCCESS }
}

fn write(path: &str, text: &str, screen: &mut Screen) -> u8 {
    match replace(Path::new(path), text.as_bytes()) {
        Ok(()) => exit::SUCCESS,
        Err(error) => refuse(&format!("cannot write `{path}`: {error}"), screen),
    }
}

fn refuse(message: &str, screen: &mut Screen) -> u8 {
    let finding = without_place("unwritable-file", message.to_owned());
    findings::print(&[finding], &Sources::default(), screen);
    screen.flush();
    exit::FAILURE
}
