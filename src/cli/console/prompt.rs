//! The line editor: history and editing keys, as Packer's console has.

use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, KeyCode, KeyEvent, Modifiers, RepeatCount};

/// The person at the terminal.
pub(super) struct Prompt {
    editor: Editor<(), DefaultHistory>,
}

impl Prompt {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be used.
    pub(super) fn open() -> Result<Self, ReadlineError> {
        let mut editor = Editor::new()?;
        let interrupt = KeyEvent(KeyCode::Char('c'), Modifiers::CTRL);
        editor.bind_sequence(interrupt, EventHandler::Conditional(Box::new(Interrupt)));
        Ok(Self { editor })
    }

    /// The next line; None where the person has had enough.
    pub(super) fn line(&mut self) -> Option<String> {
        loop {
            match self.editor.readline("> ") {
                Ok(line) => {
                    let _ = self.editor.add_history_entry(line.as_str());
                    return Some(line);
                }
                // The line is given up, not the session.
                Err(ReadlineError::Interrupted) => {}
                Err(_) => return None,
            }
        }
    }
}

/// Ctrl-C: on an empty line the session ends, else only the line.
struct Interrupt;

impl ConditionalEventHandler for Interrupt {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        Some(if context.line().is_empty() { Cmd::EndOfFile } else { Cmd::Interrupt })
    }
}
