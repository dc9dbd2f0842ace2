//! What a line means.

use std::fmt::Write;

use amibake_template::finding::Finding;
use amibake_template::lang::{Context, Host, LangError, Scope, render_until_stable};
use amibake_template::variables::{Values, evaluate};

use super::super::load::Loaded;

/// Columns of Packer's error texts.
const WIDTH: usize = 80;

const HELP: &str = "\
Type a template expression and press Enter to see its result:
  {{timestamp}}             seconds since 1970
  {{user `region` | upper}} a variable in capitals

variables  lists all variables and their values
help       this text
exit       ends the console, as do Ctrl-D and Ctrl-C on an empty line";

/// The variables that lines can use.
pub(super) struct Session<'l> {
    values: Values,
    host: &'l Host,
}

/// What came of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A result.
    Text(String),
    /// The line was empty.
    Nothing,
    /// `exit`
    Exit,
    /// The line could not be evaluated.
    Error {
        /// The whole text to print.
        text: String,
        /// What to do.
        help: Option<String>,
    },
}

impl<'l> Session<'l> {
    /// Evaluates the variables. What is wrong with them does not stop a console: those that have a value can be used.
    pub(super) fn new(loaded: &'l Loaded) -> (Self, Vec<Finding>) {
        let (values, problems) = match &loaded.document {
            Some(document) => evaluate(document, &loaded.given, &loaded.host),
            None => Default::default(),
        };
        (Self { values, host: &loaded.host }, problems)
    }

    /// Evaluates one line; white space around it does not count.
    pub(super) fn answer(&self, line: &str) -> Answer {
        match line.trim() {
            "" => Answer::Nothing,
            "exit" => Answer::Exit,
            "help" => Answer::Text(HELP.to_owned()),
            "variables" => Answer::Text(self.variables()),
            expression => self.evaluate(expression),
        }
    }

    /// In Packer's form, sorted.
    fn variables(&self) -> String {
        self.values.values.iter().fold("\n".to_owned(), |mut text, (name, value)| {
            let _ = writeln!(text, "{name}: {value},");
            text
        })
    }

    fn evaluate(&self, expression: &str) -> Answer {
        let (user, data) = (&self.values.values, serde_json::Value::Null);
        let context = Context { host: self.host, scope: Scope::Core, user, build: None, data: &data, strict_data: false, build_data: None };
        match render_until_stable(expression, &context) {
            Ok(result) => Answer::Text(result),
            Err(error) => Answer::Error { text: explain(&error, expression), help: error.help },
        }
    }
}

/// In Packer's form, question marks included: it gives this kind of message no severity.
fn explain(error: &LangError, expression: &str) -> String {
    format!("???????: Interpolation error\n\n{}\n\n", wrapped(&error.packer_message(expression)))
}

/// Breaks lines at blanks; words that are longer than a line stay whole.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    for line in text.split('\n') {
        if !out.is_empty() {
            out.push('\n');
        }
        let mut column = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > WIDTH {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
    }
    out
}
