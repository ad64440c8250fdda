//! The layers of settings below flags: the environment, the settings file, and files with secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::Command;

use super::secrets;

/// The settings file that is read if it exists and no other is named.
pub(super) const DEFAULT_FILE: &str = "/etc/bienvenue/bienvenue.env";
const PREFIX: &str = "BIENVENUE_";
const RUST_LOG: &str = "RUST_LOG";
/// Names the settings file, so it is not allowed inside it.
const CONFIG: &str = "BIENVENUE_CONFIG";
/// Settings that may contain a password. Each may be set by a file of its own (`..._FILE`).
const SECRETS: [&str; 3] = ["DATABASE_URL", "BIENVENUE_MAIL", "BIENVENUE_MAIL_PASSWORD"];

/// Why the settings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A variable with our prefix is not a setting.
    #[error("there is no setting {name} (in {place}); `bienvenue --help` lists all settings")]
    Unknown {
        /// Its name.
        name: String,
        /// The environment, or the path of the file.
        place: String,
    },
    /// A line of the settings file is not of the form `NAME=value`.
    #[error("{} line {line}: not of the form NAME=value", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
    },
    /// A file cannot be read.
    #[error("cannot read {} ({name}): {source}", path.display())]
    Read {
        /// The setting that names it.
        name: String,
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file with a secret is readable by others.
    #[error("{} ({name}) contains a secret and others may read it: chmod 600 it", path.display())]
    Exposed {
        /// The setting that names it.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// The settings file contains a secret, and all users of the machine may read it.
    #[error(
        "{} contains a secret ({name}) and all users of this machine may read it: chmod o-r it, or put the value into a file with mode 600 and set {name}_FILE to its path",
        path.display()
    )]
    ExposedSetting {
        /// The setting with the secret.
        name: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A value is not UTF-8.
    #[error("{name}: the value is not UTF-8")]
    NotUtf8 {
        /// The setting.
        name: String,
    },
    /// A setting is set twice.
    #[error("{name} and {name}_FILE are both set; unset one")]
    Twice {
        /// The setting.
        name: &'static str,
    },
}

/// The values from files, by the names of their environment variables.
#[derive(Debug, Default)]
pub struct Sources {
    values: BTreeMap<String, OsString>,
}

impl Sources {
    /// Reads the settings file and the files with secrets, and checks that every name in the file
    /// and in the environment is a setting. Blocks.
    ///
    /// # Errors
    /// [`SourceError`] with the name of the variable or file.
    pub fn read(command: &Command, arguments: &[OsString]) -> Result<Self, SourceError> {
        let known = names(command);
        let mut sources = Self::default();
        if let Some(path) = file_named(arguments) {
            sources.read_file(&path, &known)?;
        } else if Path::new(DEFAULT_FILE).exists() {
            sources.read_file(Path::new(DEFAULT_FILE), &known)?;
        }
        for (name, value) in env::vars_os() {
            let name = name.to_string_lossy();
            if known.contains(name.as_ref()) && !is_path(&name) && value.to_str().is_none() {
                return Err(SourceError::NotUtf8 {
                    name: name.into_owned(),
                });
            }
            if name.starts_with(PREFIX) && !known.contains(name.as_ref()) {
                return Err(SourceError::Unknown {
                    name: name.into_owned(),
                    place: "the environment".to_owned(),
                });
            }
        }
        for name in SECRETS {
            sources.read_secret(name)?;
        }
        Ok(sources)
    }

    /// Makes the values the defaults of their settings, so that flags and variables override them.
    #[must_use]
    pub fn apply(&self, command: Command) -> Command {
        command.mut_args(|argument| {
            let value = argument
                .get_env()
                .and_then(OsStr::to_str)
                .and_then(|name| self.values.get(name));
            match value {
                Some(value) => argument.default_value(value.clone()),
                None => argument,
            }
        })
    }

    /// Whether a file sets a variable.
    #[must_use]
    pub fn has(&self, variable: &str) -> bool {
        self.values.contains_key(variable)
    }

    /// The log filter: `RUST_LOG` from the environment, or else from the file.
    #[must_use]
    pub fn log_filter(&self) -> Option<String> {
        env::var(RUST_LOG).ok().or_else(|| {
            let value = self.values.get(RUST_LOG)?;
            Some(value.to_string_lossy().into_owned())
        })
    }

    fn read_file(&mut self, path: &Path, known: &BTreeSet<String>) -> Result<(), SourceError> {
        let text = fs::read_to_string(path).map_err(|source| SourceError::Read {
            name: "--config".to_owned(),
            path: path.to_owned(),
            source,
        })?;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                return Err(SourceError::Line {
                    path: path.to_owned(),
                    line: index + 1,
                });
            };
            let name = name.trim();
            if name == CONFIG || !known.contains(name) {
                return Err(SourceError::Unknown {
                    name: name.to_owned(),
                    place: path.display().to_string(),
                });
            }
            self.values
                .insert(name.to_owned(), unquoted(value.trim()).into());
        }
        self.refuse_exposed_secrets(path)
    }

    /// Refuses a secret in a settings file that all users may read. A group may read it, because a
    /// service with a user of its own reads root's file that way.
    fn refuse_exposed_secrets(&self, path: &Path) -> Result<(), SourceError> {
        let mode = fs::metadata(path).map(|file| file.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o004 == 0) {
            return Ok(());
        }
        let holds_secret = |name: &&str| {
            let value = self.values.get(*name).and_then(|value| value.to_str());
            value.is_some_and(|value| secrets::holds_secret(name, value))
        };
        match SECRETS.into_iter().find(holds_secret) {
            None => Ok(()),
            Some(name) => Err(SourceError::ExposedSetting {
                name,
                path: path.to_owned(),
            }),
        }
    }

    /// Reads the value of a secret from the file of `NAME_FILE`, or else from a systemd credential
    /// of this name. A credential overrides a `NAME_FILE` in the settings file: systemd passes the
    /// content of that file, which the service itself may not read, as a credential; commands of
    /// root have no credentials and read the file.
    fn read_secret(&mut self, name: &'static str) -> Result<(), SourceError> {
        let variable = format!("{name}_FILE");
        let credentials = env::var_os("CREDENTIALS_DIRECTORY")
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute());
        let by_environment = env::var_os(&variable);
        let by_file = self.values.get(&variable).cloned();
        let is_named = by_environment.is_some() || by_file.is_some();
        if is_named && (env::var_os(name).is_some() || self.values.contains_key(name)) {
            return Err(SourceError::Twice { name });
        }
        let credential = credentials.as_ref().map(|folder| folder.join(name));
        let path = by_environment
            .map(PathBuf::from)
            .or(credential.filter(|path| path.exists()))
            .or(by_file.map(PathBuf::from));
        let Some(path) = path else {
            return Ok(());
        };
        // systemd grants the service's user access by an access control list, which looks like a
        // permission of the group.
        let is_credential = credentials
            .as_deref()
            .is_some_and(|c| path.parent() == Some(c));
        let failed = |source| SourceError::Read {
            name: variable.clone(),
            path: path.clone(),
            source,
        };
        let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 && !is_credential {
            return Err(SourceError::Exposed {
                name: variable,
                path,
            });
        }
        let value = fs::read_to_string(&path).map_err(failed)?;
        self.values
            .insert(name.to_owned(), value.trim_end().to_owned().into());
        Ok(())
    }
}

/// The names that are allowed in the environment and in the file.
fn names(command: &Command) -> BTreeSet<String> {
    command
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned))
        .chain(SECRETS.map(|name| format!("{name}_FILE")))
        .chain([RUST_LOG.to_owned()])
        .collect()
}

/// Whether the value of a variable is a path, which need not be UTF-8.
fn is_path(name: &str) -> bool {
    name == "BIENVENUE_CONFIG" || name.ends_with("_FILE")
}

/// The path in `--config FILE`, read before the command line is parsed.
fn file_named(arguments: &[OsString]) -> Option<PathBuf> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(path) = argument
            .to_str()
            .and_then(|text| text.strip_prefix("--config="))
        {
            return Some(PathBuf::from(path));
        }
    }
    env::var_os(CONFIG).map(PathBuf::from)
}

/// The value without quotes around it, as systemd and shells read it.
fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}
