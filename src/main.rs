//! The program: parses the command line, runs a command and exits with its code.

use std::io::Write;

use user_relationships::{cli, telemetry};

/// Faster than the system allocator for many small allocations on several threads
/// (`docs/decisions/0018-use-mimalloc.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // Before anything else, because the message of a panic while parsing settings may contain a secret.
    telemetry::watch_panics();
    end(run())
}

/// Parses the command line and runs the command. Returns the exit code.
fn run() -> u8 {
    let matches = match cli::parse() {
        Ok(matches) => matches,
        Err(error) => {
            if let Some(failure) = cli::usage::log_error(&error) {
                return failure.code;
            }
            // Help and version are errors of clap as well. A failure to print them cannot be reported.
            drop(error.print());
            return u8::try_from(error.exit_code()).unwrap_or(1);
        }
    };
    match cli::run(&matches) {
        Ok(()) => 0,
        Err(failure) => {
            for message in &failure.messages {
                drop(writeln!(std::io::stderr(), "user-relationships: {message}"));
            }
            failure.code
        }
    }
}

/// Ends the process without the exit handlers of C libraries. Threads of a pool may still be opening connections: they would
/// use what AWS-LC and OpenSSL have freed, and abort the process, whose exit code would then be 134.
fn end(code: u8) -> ! {
    drop(std::io::stdout().flush());
    #[expect(unsafe_code, reason = "`_exit` has no preconditions; `std` has no function for it")]
    unsafe {
        libc::_exit(code.into())
    }
}
