//! `amibake plugins`: accepts what Packer's command of that name accepts. There are no plugins, so there is nothing to do.

use amibake_template::finding::nearest;
use clap::Args;

use super::args::OutputArgs;
use crate::exit;
use crate::ui::screen::Screen;

/// What the commands about plugins say.
pub const NOTHING_TO_DO: &str = "amibake has no plugins: everything is built in, there is nothing to install.";

/// Packer's commands about plugins.
const ACTIONS: [&str; 4] = ["installed", "install", "remove", "required"];

/// `plugins`
#[derive(Debug, Args)]
pub struct PluginsArgs {
    /// installed, install, remove or required; with Packer's arguments
    #[arg(value_name = "ACTION")]
    pub action: Option<String>,
    /// What the action is about.
    #[arg(hide = true)]
    pub ignored: Vec<String>,
    /// Accepted, without effect.
    #[command(flatten)]
    pub packer: PluginsFlags,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The flags of Packer's `plugins install`, and of `init`, which people mix up with it.
#[derive(Debug, Args)]
pub struct PluginsFlags {
    #[arg(long, hide = true)]
    path: Option<String>,
    #[arg(long, hide = true)]
    force: bool,
    #[arg(long, hide = true)]
    upgrade: bool,
}

/// Runs the command.
pub fn run(args: &PluginsArgs, mut screen: Screen) -> u8 {
    let status = match args.action.as_deref().filter(|action| !ACTIONS.contains(action)) {
        None => {
            screen.say(NOTHING_TO_DO);
            exit::SUCCESS
        }
        Some(unknown) => {
            let hint = nearest(unknown, ACTIONS).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            screen.error(format!("there is no command `plugins {unknown}`{hint}\n\n{NOTHING_TO_DO}"));
            exit::FAILURE
        }
    };
    screen.flush();
    status
}
