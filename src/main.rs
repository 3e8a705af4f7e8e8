//! The program: parses the command line, runs a command and exits with its code.

use std::io::Write;
use std::process::ExitCode;

use user_relationships::{cli, telemetry};

/// Faster than the system allocator for many small allocations on several threads
/// (`docs/decisions/0018-use-mimalloc.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else, because the message of a panic while parsing settings may contain a secret.
    telemetry::watch_panics();
    let matches = match cli::parse() {
        Ok(matches) => matches,
        Err(error) => {
            if let Some(failure) = cli::usage::log_error(&error) {
                return ExitCode::from(failure.code);
            }
            // Help and version are errors of clap as well. A failure to print them cannot be reported.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1));
        }
    };
    match cli::run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for message in &failure.messages {
                drop(writeln!(std::io::stderr(), "user-relationships: {message}"));
            }
            ExitCode::from(failure.code)
        }
    }
}
