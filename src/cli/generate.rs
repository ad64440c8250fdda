//! `bienvenue completions` and `bienvenue man`: made from the description of the command line.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::CliError;
use super::output::print;

/// Completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example: bienvenue completions bash")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, mut command: clap::Command) {
        // Not into standard output, whose reader may have gone: the crate would panic.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "bienvenue", &mut script);
        print(&String::from_utf8_lossy(&script));
    }
}

/// Manual pages.
#[derive(Debug, Args)]
#[command(after_help = "Example: bienvenue man --folder /usr/local/share/man/man1")]
pub(super) struct Manual {
    /// Write a page for each command into this folder, which is made if it is missing, instead of
    /// printing the first one
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Manual {
    pub(super) fn run(&self, command: clap::Command) -> Result<(), CliError> {
        let written = if let Some(folder) = &self.folder {
            fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder))
        } else {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(command).render(&mut page);
            rendered.map(|()| print(&String::from_utf8_lossy(&page)))
        };
        written.map_err(CliError::Unwritable)
    }
}
