//! Asks at a terminal before something that cannot be undone.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use super::command_error::CommandError;

/// Whether a person can be asked: people read stderr and type into stdin.
#[must_use]
pub fn can_ask() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Asks a question at the terminal. Only `y` and `yes` continue.
///
/// # Errors
/// [`CommandError::failed`] for any other answer.
pub fn ask(question: &str) -> Result<(), CommandError> {
    let mut answer = String::new();
    // Without a prompt or an answer the command ends, and nothing happens.
    let asked = write!(stderr(), "{question} [y/N] ").and_then(|()| stderr().flush());
    let answered = asked.and_then(|()| stdin().lock().read_line(&mut answer));
    match answered.map(|_| answer.trim().to_lowercase()) {
        Ok(answer) if answer == "y" || answer == "yes" => Ok(()),
        _ => Err(CommandError::failed("nothing was changed")),
    }
}
