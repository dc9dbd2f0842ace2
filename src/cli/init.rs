//! `amibake init`: what pipelines written for newer Packers run first. There are no plugins, so there is nothing to do.

use clap::Args;

use super::args::OutputArgs;
use super::plugins::NOTHING_TO_DO;
use crate::exit;
use crate::ui::screen::Screen;

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Packer's configuration; not looked at
    #[arg(value_name = "PATH", hide = true)]
    pub ignored: Vec<String>,
    /// Accepted, without effect.
    #[command(flatten)]
    pub packer: InitFlags,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The flags of Packer's `init`.
#[derive(Debug, Args)]
pub struct InitFlags {
    #[arg(long, hide = true)]
    upgrade: bool,
    #[arg(long, hide = true)]
    force: bool,
    #[arg(long, hide = true)]
    var: Vec<String>,
    #[arg(long, hide = true)]
    var_file: Vec<String>,
    #[arg(long, hide = true)]
    only: Vec<String>,
    #[arg(long, hide = true)]
    except: Vec<String>,
    #[arg(long, hide = true)]
    config_type: Option<String>,
}

/// Runs the command.
pub fn run(mut screen: Screen) -> u8 {
    screen.say(NOTHING_TO_DO);
    screen.flush();
    exit::SUCCESS
}
