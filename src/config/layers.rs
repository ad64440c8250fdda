//! Where settings come from besides flags: the environment, a file, secrets in files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::Command;

use super::secrets;

/// The file that is read when none is named and it is there.
const DEFAULT_FILE: &str = "/etc/bienvenue/bienvenue.env";
const PREFIX: &str = "BIENVENUE_";
const RUST_LOG: &str = "RUST_LOG";
/// Names the file, so it means nothing inside of it.
const CONFIG: &str = "BIENVENUE_CONFIG";
/// Settings that may hold a password, so that they may come from a file of their own.
const SECRETS: [&str; 3] = ["DATABASE_URL", "BIENVENUE_MAIL", "BIENVENUE_MAIL_PASSWORD"];

/// Why the settings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A variable of ours that no setting has.
    #[error("there is no setting {name} (in {place}); `bienvenue --help` lists them all")]
    Unknown {
        /// Its name.
        name: String,
        /// Where it stands.
        place: String,
    },
    /// A line of the configuration file that is no `NAME=value`.
    #[error("{} line {line}: not of the form NAME=value", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
    },
    /// A file that cannot be read.
    #[error("cannot read {} ({name}): {source}", path.display())]
    Read {
        /// The setting that names it.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A secret that others may read.
    #[error("{} ({name}) holds a secret and others may read it: chmod 600 it", path.display())]
    Exposed {
        /// The setting that names it.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// A file of settings with a secret in it that all users of the machine may read.
    #[error(
        "{} holds a secret ({name}) and all users of this machine may read it: chmod o-r it, or put the value into a file of its own (mode 600) that {name}_FILE names",
        path.display()
    )]
    ExposedSetting {
        /// The setting with the secret.
        name: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A value that no setting can have.
    #[error("{name}: the value is not UTF-8")]
    NotUtf8 {
        /// The setting.
        name: String,
    },
    /// One setting from two places.
    #[error("{name} and {name}_FILE are both set; unset one")]
    Twice {
        /// The setting.
        name: &'static str,
    },
}

/// Values by the names of their environment variables, from files.
#[derive(Debug, Default)]
pub struct Sources {
    values: BTreeMap<String, OsString>,
}

impl Sources {
    /// Reads the configuration file and the secrets' files, and checks that every name in
    /// the file and in the environment is a setting's.
    ///
    /// # Errors
    /// [`SourceError`] names the variable or the file.
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

    /// Makes the values the defaults of their settings, so that flags and variables win.
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

    /// What is to be logged: `RUST_LOG` from the environment, else from the file.
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

    /// Refuses a secret in a file of settings that everybody may read, as in a `..._FILE`. A
    /// group may read it: that is how a service with a user of its own reads a file of root's.
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

    /// `NAME_FILE` names a file with the value; without it, a systemd credential of that name.
    /// A credential goes before a `NAME_FILE` in the configuration file: the service cannot read
    /// that file, which systemd has handed over, and commands of root have no credentials.
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
        // systemd opens a credential to the service's user by an access list, which shows as
        // a permission of the group.
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

/// The names that may stand in the environment and in the file.
fn names(command: &Command) -> BTreeSet<String> {
    command
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned))
        .chain(SECRETS.map(|name| format!("{name}_FILE")))
        .chain([RUST_LOG.to_owned()])
        .collect()
}

/// Whether a variable names a file, whose name is any bytes.
fn is_path(name: &str) -> bool {
    name == "BIENVENUE_CONFIG" || name.ends_with("_FILE")
}

/// `--config FILE`, before the rest of the command line is understood.
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

/// As systemd and the shell read the line: quotes around a value do not belong to it.
fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}
