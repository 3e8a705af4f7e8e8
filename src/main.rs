//! The program: reads the command line, runs a command, and answers with an exit code.

use std::io::Write;
use std::process::ExitCode;

use user_relationships::{cli, telemetry};

/// Many small allocations of many sizes on several threads: measurably faster than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // First of all: settings hold secrets, too.
    telemetry::watch_panics();
    let matches = match cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(answer) => {
            if let Some(failure) = cli::usage::logged(&answer) {
                return ExitCode::from(failure.code);
            }
            // Help and version are such answers too. Nobody is left to tell if they cannot be printed.
            drop(answer.print());
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(1));
        }
    };
    match cli::run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for sentence in &failure.sentences {
                drop(writeln!(std::io::stderr(), "user-relationships: {sentence}"));
            }
            ExitCode::from(failure.code)
        }
    }
}
