//! The program: understand the command line, start the log, end with the right exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use bienvenue::cli::{CliError, Invocation};

/// What is logged unless somebody says otherwise. Actix writes a line for each request that it
/// cannot read: a nuisance that anybody could make as loud as they like.
const DEFAULT_LOG: &str = "info,actix_server=warn,actix_http=off,actix_multipart=off";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let invocation = match Invocation::parse(&arguments) {
        Ok(invocation) => invocation,
        Err(error) => return refuse(&error),
    };
    env_logger::Builder::new()
        .parse_filters(invocation.log_filter().unwrap_or(DEFAULT_LOG))
        .init();
    match invocation.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            error.exit_code()
        }
    }
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
