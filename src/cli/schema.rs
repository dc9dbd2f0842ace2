//! `amibake schema`: the schemas that `schema/` holds, made from the types of this very program.

use amibake_template::finding::findings_schema;
use amibake_template::schema::{template_schema, vars_schema};

use super::args::{SchemaArgs, Which};
use crate::exit;
use crate::parts::Parts;
use crate::ui::screen::Screen;

/// Runs the command.
pub fn run(args: &SchemaArgs, mut screen: Screen) -> u8 {
    let schema = match args.which {
        Which::Template => template_schema(&Parts::all().registry),
        Which::Vars => vars_schema(),
        Which::Findings => findings_schema(),
    };
    // The bytes of the committed files, which `say` would colour.
    screen.document(&format!("{schema:#}"));
    screen.flush();
    exit::SUCCESS
}
