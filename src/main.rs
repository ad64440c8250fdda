//! The program: understand the command line, start the log, end with the right exit code.

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
    logging::start(invocation.log_format(), invocation.log_filter());
    let code = match invocation.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A few causes come with a list or a command to type. A line of the log is one line.
            for line in error.to_string().lines() {
                log::error!("{line}");
            }
            error.exit_code()
        }
    };
    log::logger().flush();
    code
}

/// Before there is a log: help goes to the standard output, the rest to the error output.
fn refuse(error: &CliError) -> ExitCode {
    use std::io::Write;

    let code = error.exit_code();
    let text = error.to_string();
    let text = text.trim_end();
    let written = if code == ExitCode::SUCCESS {
        writeln!(std::io::stdout(), "{text}")
    } else {
        writeln!(std::io::stderr(), "bienvenue: {text}")
    };
    // Who closed the output does not want to read it.
    drop(written);
    code
}
