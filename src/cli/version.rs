//! `amibake version`.

use crate::exit;
use crate::ui::screen::Screen;

/// Runs the command.
pub fn run(mut screen: Screen) -> u8 {
    let version = env!("CARGO_PKG_VERSION");
    screen.fact("version", &[version]);
    // Packer's word, misspelling included: programs look for it.
    screen.fact("version-prelease", &[""]);
    screen.fact("version-commit", &[""]);
    screen.say(format!("amibake v{version}"));
    screen.flush();
    exit::SUCCESS
}
