//! Colours. Packer gives build number i (sorted by name) the i-th of five and takes red for errors.

use std::collections::BTreeMap;

const BUILD_COLORS: [u8; 5] = [32, 36, 35, 33, 34];
const RED: u8 = 31;

/// Which colour, and whether bold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As the terminal writes.
    Plain,
    /// The build's, bold.
    Bold,
    /// The build's, not bold.
    Normal,
    /// Red, bold.
    Error,
}

/// The colours of a run's builds.
#[derive(Debug, Default)]
pub struct Palette {
    builds: BTreeMap<String, u8>,
}

impl Palette {
    /// Gives each build its colour, in the order of the list.
    pub fn assign(&mut self, builds: &[String]) {
        self.builds = builds.iter().cloned().zip(BUILD_COLORS.into_iter().cycle()).collect();
    }

    /// A text between its escape codes; a text that belongs to no build stays as it is.
    pub fn paint(&self, text: &str, ink: Ink, build: Option<&str>) -> String {
        let Some(color) = build.and_then(|build| self.builds.get(build)) else { return text.to_owned() };
        let (weight, color) = match ink {
            Ink::Plain => return text.to_owned(),
            Ink::Bold => (1, *color),
            Ink::Normal => (0, *color),
            Ink::Error => (1, RED),
        };
        format!("\x1b[{weight};{color}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ink: Ink, build: Option<&str>, expected: &str) {
        let mut palette = Palette::default();
        palette.assign(&["a", "b", "c", "d", "e", "f"].map(str::to_owned));
        assert_eq!(palette.paint("x", ink, build), expected, "{ink:?} {build:?}");
    }

    #[test]
    fn builds_take_turns() {
        check(Ink::Bold, Some("a"), "\x1b[1;32mx\x1b[0m");
        check(Ink::Normal, Some("b"), "\x1b[0;36mx\x1b[0m");
        check(Ink::Bold, Some("e"), "\x1b[1;34mx\x1b[0m");
        check(Ink::Bold, Some("f"), "\x1b[1;32mx\x1b[0m");
        check(Ink::Error, Some("c"), "\x1b[1;31mx\x1b[0m");
    }

    #[test]
    fn the_run_itself_has_no_colour() {
        check(Ink::Bold, None, "x");
        check(Ink::Plain, Some("a"), "x");
        check(Ink::Error, Some("unknown"), "x");
    }
}
