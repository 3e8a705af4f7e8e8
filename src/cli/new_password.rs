//! Passwords that the command line sets.

use std::io::{IsTerminal, Read, stdin};

use super::command_error::CommandError;
use crate::auth::password::Passwords;
use crate::domain::accounts::NewPassword;
use crate::model::error::Result as JobResult;
use crate::model::password::{MAX_PASSWORD_BYTES, complaint_about_password};

/// Reads a password from stdin: one line, without its end.
///
/// # Errors
/// [`CommandError`] if stdin is a terminal, which would show the password, or has no valid password. The message does not
/// contain what was read.
pub fn read() -> Result<String, CommandError> {
    if stdin().is_terminal() {
        let cure =
            "send the password through a pipe, for example `read -rs P; printf %s \"$P\" | user-relationships …`";
        return Err(CommandError::usage(format!("`--password-stdin`: a terminal would show what you type; {cure}")));
    }
    let wrong = |what: &str| CommandError::failed(format!("`--password-stdin`: {what}"));
    let mut bytes = Vec::new();
    // More than any valid line, so that a longer one is noticed.
    let most = u64::try_from(MAX_PASSWORD_BYTES).unwrap_or(u64::MAX).saturating_add(3);
    stdin().take(most).read_to_end(&mut bytes).map_err(|error| wrong(&error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("the password is not valid UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(['\r', '\n']) {
        return Err(wrong("there is more than one line"));
    }
    complaint_about_password(line).map_or_else(|| Ok(line.to_owned()), |complaint| Err(wrong(&complaint)))
}

/// Hashes a password that [`read`] returned.
///
/// # Errors
/// Those of [`Passwords::hash`].
pub async fn hash(password: String) -> JobResult<NewPassword> {
    let hash = Passwords::new(1).hash(password).await?;
    Ok(NewPassword { hash, verified: None })
}
