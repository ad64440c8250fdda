//! The program: parses the command line, starts the log, runs the command, sets the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use bienvenue::cli::{CliError, Invocation};
use bienvenue::logging;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let invocation = match Invocation::parse(&arguments) {
        Ok(invocation) => invocation,
        Err(error) => return refuse(&error),
    };
    let default = if invocation.is_service() {
        logging::SERVICE_FILTER
    } else {
        logging::COMMAND_FILTER
    };
    let filter = invocation.log_filter().unwrap_or(default);
    logging::start(invocation.log_format(), filter);
    let code = match invocation.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if invocation.is_service() => {
            // Some errors end with a list or with a command to type: one log line for each line.
            for line in error.to_string().lines() {
                log::error!("{line}");
            }
            error.exit_code()
        }
        Err(error) => {
            log::logger().flush();
            return refuse(&error);
        }
    };
    log::logger().flush();
    code
}

/// Prints help to standard output, or the error of a command to standard error.
fn refuse(error: &CliError) -> ExitCode {
    use std::io::Write;

    let code = error.exit_code();
    let text = error.to_string();
    // A terminal would obey control characters.
    let text = text
        .trim_end()
        .replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
    let written = if code == ExitCode::SUCCESS {
        writeln!(std::io::stdout(), "{text}")
    } else {
        writeln!(std::io::stderr(), "bienvenue: {text}")
    };
    // If the output is closed, there is nowhere left to report that.
    drop(written);
    code
}
