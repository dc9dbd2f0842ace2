//! The command line: commands, flags and their help.

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::console::ConsoleArgs;
use super::fmt::FmtArgs;
use super::init::InitArgs;
use super::plugins::PluginsArgs;
use crate::engine::context::OnError;

const ENVIRONMENT: &str = "\
Environment:
  AWS_PROFILE, AWS_REGION, ...          as for every AWS tool
  AWS_POLL_DELAY_SECONDS,
  AWS_MAX_ATTEMPTS                      their product limits each wait for AWS
  NO_COLOR, PACKER_NO_COLOR             no escape codes
  PACKER_LOG=1, PACKER_LOG_PATH=FILE    log to standard error, to a file
  XDG_STATE_HOME                        where journals are kept";

const CLI_EXAMPLES: &str = "\
Examples:
  amibake validate packer-template.json
  amibake build -var-file packer-vars.json packer-template.json

Long flags take one dash or two: -var and --var are the same.
`amibake COMMAND -help` shows a command's flags and examples.";

/// Bakes Amazon machine images from Packer's JSON templates.
#[derive(Debug, Parser)]
#[command(name = "amibake", version, disable_version_flag = true, term_width = 80, after_help = CLI_EXAMPLES, subcommand_required = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build the images that a template describes
    Build(BuildArgs),
    /// Try a template on this machine, without an AWS account
    Rehearse(RehearseArgs),
    /// Finish an image that AWS completed after its build had ended
    Adopt(super::adopt::AdoptArgs),
    /// Remove what builds left that were killed
    Cleanup(super::cleanup::CleanupArgs),
    /// Show all that a build would ask of AWS, and the permissions it needs
    Plan(super::plan::PlanArgs),
    /// Check a template and its variables, without touching anything
    Validate(ValidateArgs),
    /// Show what a template consists of
    Inspect(InspectArgs),
    /// List the images that a template has made
    Images(super::shelf::images::ImagesArgs),
    /// Delete an image with its snapshots, in every region
    Delete(super::shelf::delete::DeleteArgs),
    /// Delete old images of a template, except those in use
    Prune(super::shelf::prune::PruneArgs),
    /// Bring a template of an older Packer up to date
    Fix(super::fix::FixArgs),
    /// Write a template in its best form: today's keys, typed values
    Migrate(super::migrate::MigrateArgs),
    /// Lay templates and var files out in one way
    Fmt(FmtArgs),
    /// Try template expressions, on a terminal or from a pipe
    Console(ConsoleArgs),
    /// Do nothing: there are no plugins to fetch
    Init(InitArgs),
    /// Do nothing: there are no plugins
    #[command(alias = "plugin")]
    Plugins(PluginsArgs),
    /// Print the version
    Version(VersionArgs),
    /// Print the JSON Schema that editors use to check and complete templates
    Schema(SchemaArgs),
}

/// `build`
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  amibake build packer-template.json
  amibake build -var-file packer-vars.json -only web packer-template.json
  jq '.builders[0].instance_type = \"m7i.large\"' t.json | amibake build -

{ENVIRONMENT}

Exit status: 0 if every build succeeded, else 1. Ctrl-C deletes what was
created; a second one says what is still there; a third one stops at once."))]
pub struct BuildArgs {
    /// The template and its variables.
    #[command(flatten)]
    pub template: TemplateArgs,
    /// After a failed step: cleanup, abort, ask or run-cleanup-provisioner
    #[arg(long, value_name = "WHAT", default_value = "cleanup", hide_possible_values = true, overrides_with = "on_error")]
    pub on_error: OnErrorArg,
    /// Builds at a time; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, overrides_with = "parallel_builds")]
    pub parallel_builds: i64,
    /// Replace an image that has the same name
    #[arg(long)]
    pub force: bool,
    /// Pause after each step; one build at a time
    #[arg(long)]
    pub debug: bool,
    /// Put the time before each line of a build
    #[arg(long)]
    pub timestamp_ui: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Accepted, without effect.
    #[command(flatten)]
    pub hcl2: Hcl2Args,
}

/// `rehearse`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake rehearse packer-template.json
  amibake rehearse -var-file packer-vars.json -only web packer-template.json
  aws ec2 describe-images --owners self > ours.json
  amibake rehearse -images ours.json packer-template.json

EC2 is played by this program, instances are guests on this machine: a
sandbox (Linux namespaces over a view of this machine's own programs) or a
container (podman, docker). What a guest does stays in the guest. Scripts that
run on this machine (shell-local) do run, without access to AWS.

What the image would hold is in the output folder. The next rehearsal can
start from it, by its id or name.

Exit status: as of build.")]
pub struct RehearseArgs {
    /// As for `build`.
    #[command(flatten)]
    pub build: BuildArgs,
    /// How long AWS takes: real, fast (seconds), instant
    #[arg(long, value_name = "SPEED", default_value = "instant", hide_possible_values = true, overrides_with = "speed")]
    pub speed: SpeedArg,
    /// Source images beyond the usual public ones (repeatable): what `aws ec2 describe-images` printed
    #[arg(long, value_name = "FILE")]
    pub images: Vec<String>,
    /// Where the image goes
    #[arg(long, value_name = "FOLDER", default_value = ".amibake", overrides_with = "output")]
    pub output: String,
    /// What guests are: sandbox or container [default: what this machine can have]
    #[arg(long, value_name = "KIND", hide_possible_values = true, overrides_with = "guest")]
    pub guest: Option<GuestArg>,
    /// The container image that guests are, instead of one that fits the source AMI
    #[arg(long, value_name = "IMAGE", overrides_with = "guest_image")]
    pub guest_image: Option<String>,
    /// Programs that a sandbox shall not run: what they are asked is noted instead (comma-separated, repeatable)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub stand_in: Vec<String>,
    /// Guests share this machine's network; without it they have none
    #[arg(long)]
    pub network: bool,
    /// Run post-processors as a build does: commands too, manifests in their place
    #[arg(long)]
    pub post_process: bool,
}

/// `-speed`
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum SpeedArg {
    /// As AWS
    Real,
    /// The same states, seconds apart
    Fast,
    /// No waiting
    Instant,
}

/// `-guest`
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum GuestArg {
    /// Linux namespaces
    Sandbox,
    /// podman or docker
    Container,
}

/// `validate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake validate packer-template.json
  amibake validate -var-file packer-vars.json packer-template.json
  amibake validate -strict -format github packer-template.json

Nothing is sent to AWS. Exit status: 0 if the template can be built (warnings
count only with -strict), else 1.")]
pub struct ValidateArgs {
    /// The template and its variables.
    #[command(flatten)]
    pub template: TemplateArgs,
    /// Check the structure only, not the values
    #[arg(long)]
    pub syntax_only: bool,
    /// Fail on warnings too: for checks before a merge
    #[arg(long)]
    pub strict: bool,
    /// Form of the findings: human, json, sarif or github
    #[arg(
        long,
        value_name = "FORM",
        default_value = "human",
        hide_possible_values = true,
        overrides_with = "format",
        conflicts_with = "machine_readable"
    )]
    pub format: Format,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Accepted, without effect.
    #[command(flatten)]
    pub hcl2: Hcl2Args,
}

/// `inspect`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake inspect packer-template.json
  amibake inspect -machine-readable packer-template.json | grep variable")]
pub struct InspectArgs {
    /// The template and its variables.
    #[command(flatten)]
    pub template: TemplateArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Accepted, without effect.
    #[command(flatten)]
    pub hcl2: Hcl2Args,
}

/// `version`
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Ignored, as in Packer.
    #[arg(hide = true)]
    pub ignored: Vec<String>,
}

/// `schema`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amibake schema > packer-template.schema.json
  amibake schema vars > packer-vars.schema.json

The same as in the folder schema/; docs/editors.md says how editors use them.")]
pub struct SchemaArgs {
    /// Of what: template, vars (a var file) or findings (validate -format json)
    #[arg(default_value = "template", hide_possible_values = true)]
    pub which: Which,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The published schemas.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Which {
    /// Of a template
    Template,
    /// Of a var file
    Vars,
    /// Of what `validate -format json` prints
    Findings,
}

/// What all commands share that read a template.
#[derive(Debug, Args)]
pub struct TemplateArgs {
    /// Template, a JSON file; `-` reads standard input
    #[arg(value_name = "TEMPLATE")]
    pub path: String,
    /// What is given with it.
    #[command(flatten)]
    pub given: GivenArgs,
    /// Take only these builds (comma-separated)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Option<Vec<String>>,
    /// Leave out these builds and post-processors
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub except: Vec<String>,
}

/// What is given with a template, and how to read both.
#[derive(Debug, Clone, Args)]
pub struct GivenArgs {
    /// Set a user variable (repeatable, beats var files)
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub var: Vec<Variable>,
    /// Read user variables from a JSON file (repeatable)
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<String>,
    /// Take comments and trailing commas, as in .jsonc files
    #[arg(long)]
    pub jsonc: bool,
    /// Packer's word for the language of a template without a telling name
    #[arg(long, value_name = "TYPE", hide = true, overrides_with = "config_type")]
    pub config_type: Option<ConfigType>,
}

/// How to print.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Colour the output [default: on a terminal]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_possible_values = true, overrides_with = "color")]
    pub color: Option<bool>,
    /// Print lines for programs: TIME,TARGET,TYPE,DATA
    #[arg(long)]
    pub machine_readable: bool,
}

/// Flags of newer Packers that concern HCL2 only: accepted, without effect.
#[derive(Debug, Args)]
pub struct Hcl2Args {
    #[arg(long, hide = true)]
    warn_on_undeclared_var: bool,
    #[arg(long, hide = true)]
    no_warn_undeclared_var: bool,
    #[arg(long, hide = true)]
    ignore_prerelease_plugins: bool,
    #[arg(long, hide = true)]
    use_sequential_evaluation: bool,
    #[arg(long, hide = true)]
    evaluate_datasources: bool,
    #[arg(long, hide = true)]
    skip_enforcement: bool,
}

/// `validate -format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// One JSON document; `amibake schema findings` describes it
    Json,
    /// SARIF 2.1.0, for code scanning services
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

/// `-on-error`
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OnErrorArg {
    /// Delete everything that was created
    Cleanup,
    /// Leave everything as it is
    Abort,
    /// Ask on the terminal
    Ask,
    /// Run the template's error-cleanup-provisioner, then leave everything
    RunCleanupProvisioner,
}

impl OnErrorArg {
    /// Whether it may leave things behind on purpose.
    pub fn leaves(self) -> bool {
        !matches!(self, Self::Cleanup)
    }
}

impl From<OnErrorArg> for OnError {
    fn from(arg: OnErrorArg) -> Self {
        match arg {
            OnErrorArg::Cleanup => Self::Cleanup,
            OnErrorArg::Abort => Self::Abort,
            OnErrorArg::Ask => Self::Ask,
            OnErrorArg::RunCleanupProvisioner => Self::RunCleanupProvisioner,
        }
    }
}

/// `-config-type`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConfigType {
    /// The only language that is read.
    Json,
    /// Refused when the template is read.
    Hcl2,
}

/// `-var NAME=VALUE`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Before the first `=`.
    pub name: String,
    /// All that follows it.
    pub value: String,
}

pub(super) fn variable(text: &str) -> Result<Variable, String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("No '=' value in arg: {text}"))?;
    Ok(Variable { name: name.to_owned(), value: value.to_owned() })
}
