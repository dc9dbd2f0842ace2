//! `amibake fix`: a template of an older Packer, brought up to date; the output is Packer's, byte for byte.

use amibake_template::document;
use amibake_template::finding::Finding;
use amibake_template::fix;
use amibake_template::json::{self, Dialect};
use amibake_template::source::Sources;
use clap::Args;

use super::args::{OutputArgs, TemplateArgs};
use super::findings;
use super::load::{dialect, template_text};
use crate::exit;
use crate::ui::screen::Screen;

/// `fix`
#[derive(Debug, Args)]
#[command(after_help = format!("\
Fixes, in this order:
{}
Variables and selections are accepted without effect.

Examples:
  amibake fix old.json > new.json
  amibake fix -validate=false - < old.json

Keys are sorted and comments are lost, as with Packer; `amibake migrate` keeps
both. Exit status: 0 unless the template cannot be read, fixed or, afterwards,
be read as a template.", fixes()))]
pub struct FixArgs {
    /// The template; variables are accepted and ignored, as in Packer.
    #[command(flatten)]
    pub template: TemplateArgs,
    /// Check the structure of what was printed [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "true", default_missing_value = "true", require_equals = true, hide_possible_values = true, hide_default_value = true, overrides_with = "validate")]
    pub validate: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub fn run(args: &FixArgs, mut screen: Screen) -> u8 {
    let status = match fixed(&args.template, &mut screen) {
        None => exit::FAILURE,
        Some(text) => {
            // Two line breaks at its end: Packer's encoder writes one, its screen the other.
            screen.say(&text);
            if args.validate { checked(text, &mut screen) } else { exit::SUCCESS }
        }
    };
    screen.flush();
    status
}

/// The fixed text; None where findings on the screen say why there is none.
fn fixed(args: &TemplateArgs, screen: &mut Screen) -> Option<String> {
    let mut sources = Sources::default();
    let text = template_text(&args.path, args.given.config_type).map_err(|finding| vec![finding]);
    let result = text.and_then(|(name, text)| {
        let dialect = dialect(&name, args.given.jsonc);
        let source = sources.add(name, text);
        let root = fix::read(source, sources.text(source), dialect)?;
        fix::fix(&root)
    });
    match result {
        Ok(template) => Some(fix::to_text(&template)),
        Err(found) => {
            findings::print(&found, &sources, screen);
            None
        }
    }
}

/// Whether what was printed is a template. Its values are not looked at: that is what `validate` is for.
fn checked(text: String, screen: &mut Screen) -> u8 {
    let mut sources = Sources::default();
    let source = sources.add("<fixed template>", text);
    let (tree, mut found) = json::parse(source, sources.text(source), Dialect::default());
    let mut problem = "fails to parse";
    if let Some(tree) = tree {
        let (document, structure) = document::read(tree);
        found.extend(structure);
        if let Some(document) = document.filter(|_| !findings::any_error(&found)) {
            problem = "failed to validate";
            // Packer's `fix` does not look at `min_packer_version`.
            found.extend(
                document::cross_check(&document).into_iter().filter(|finding| !matches!(finding.code, "min-version" | "bad-version")),
            );
        }
    }
    if !findings::any_error(&found) {
        return exit::SUCCESS;
    }
    screen.error(complaint(problem, &found, &sources, screen.look().color));
    exit::FAILURE
}

fn complaint(problem: &str, found: &[Finding], sources: &Sources, color: bool) -> String {
    let listed = amibake_template::finding::render_human(found, sources, color);
    format!(
        "Error! Fixed template {problem}:\n\n{}\n\nThis is usually caused by an error in the input template.\nPlease fix the error and \
         try again.",
        listed.trim_end()
    )
}

/// What help says about the fixers; clap breaks lines, but does not indent what it breaks.
fn fixes() -> String {
    const INDENT: &str = "      ";
    let mut out = String::new();
    for fixer in fix::fixers() {
        out.push_str(&format!("  {}\n{INDENT}", fixer.name));
        let mut column = INDENT.len();
        for word in fixer.summary.split(' ') {
            if column + word.len() >= 79 {
                out.push_str(&format!("\n{INDENT}"));
                column = INDENT.len();
            }
            if column > INDENT.len() {
                out.push(' ');
            }
            out.push_str(word);
            column += word.len() + 1;
        }
        out.push('\n');
    }
    out
}
