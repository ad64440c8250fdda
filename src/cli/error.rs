//! Why a command fails, and its exit code.

use std::io;
use std::process::ExitCode;

use super::usage::UsageError;
use crate::auth::{AuthError, HashError};
use crate::config::{ConfigError, SourceError};
use crate::db::{CopyError, DbError, OpenError, OtherSystemError};
use crate::domain::{AppName, Email, GroupName, PasswordError};
use crate::mail::SendError;
use crate::server::ServerError;

/// The command failed, for example because the database is away or damaged.
const FAILED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// What the command line names does not exist.
const NOT_FOUND: u8 = 3;
/// The command is refused.
const REFUSED: u8 = 4;
/// Settings that a retry cannot solve (`EX_CONFIG` of sysexits).
const SETTINGS: u8 = 78;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or the value of a setting is invalid; or it asked for help or the version.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// An environment variable or a settings file is invalid.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The settings contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The service failed, or the database could not be opened.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The open database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The database file may not be the service's.
    #[error(
        "no running service uses {0}: the service is stopped, or it uses another database. \
         Give the service's own settings file by --config, or add --offline to act on this \
         database all the same"
    )]
    NotServed(String),
    /// The database is damaged. The findings were printed to standard output.
    #[error(
        "the database {url} is damaged: stop the service and restore a backup, or recover the \
         readable rows with `sqlite3 FILE .recover`. If only indexes are damaged, \
         `sqlite3 FILE REINDEX` rebuilds them"
    )]
    DatabaseDamaged {
        /// The database.
        url: String,
    },
    /// The audit table was changed. The findings were printed to standard output.
    #[error("the audit table was changed: compare it with the log (docs/operate.md, Audit table)")]
    AuditTableChanged,
    /// A file has no chain head.
    #[error("{0} has no number of the audit table: only notifications have one")]
    NoChainHead(String),
    /// No user has this email.
    #[error("no user has the email {0}")]
    NoSuchUser(Email),
    /// The database is on PostgreSQL, which has its own tools.
    #[error(
        "{0} is backed up by PostgreSQL's own tools, which copy what only the server knows: \
         `pg_dump --format=custom --file=FILE` and `pg_restore` (docs/deploy.md, Backups)"
    )]
    BackupOfPostgres(String),
    /// Old backups are deleted in a folder only.
    #[error(
        "--keep deletes older backups in a folder, and {0} is not a folder: nothing was backed up"
    )]
    KeepWithoutFolder(String),
    /// The user is disabled.
    #[error("{0} is disabled: `bienvenue user enable {0}` enables the account")]
    UserDisabled(Email),
    /// The operator did not confirm a deletion.
    #[error("nothing was changed: it was not confirmed. Without a terminal, add --yes")]
    NotConfirmed,
    /// The password and its repetition differ.
    #[error("the two passwords differ: nothing was changed")]
    PasswordsDiffer,
    /// The password is invalid.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The terminal or standard input cannot be read.
    #[error("cannot read the answer: {0}")]
    Input(#[from] io::Error),
    /// There is no such group.
    #[error("there is no group {0}: `bienvenue group create {0}` creates it")]
    NoSuchGroup(GroupName),
    /// There is such a group already.
    #[error("the group {0} exists already")]
    GroupExists(GroupName),
    /// The user is not in the group.
    #[error("{0} is not in the group {1}")]
    NotAMember(Email, GroupName),
    /// Applications list the group.
    #[error(
        "the group {0} is listed by these applications: {1}. Without it they could be open to \
         every user: remove them first"
    )]
    GroupInUse(GroupName, String),
    /// There is no such invitation.
    #[error("there is no invitation {0}: `bienvenue invite list` shows those that are not used")]
    NoSuchInvitation(i64),
    /// There is no such application.
    #[error("there is no application {0}")]
    NoSuchApp(AppName),
    /// The name or the URL is taken.
    #[error("the name or the URL is that of the application {0}: `bienvenue app remove {0}` first")]
    AppExists(AppName),
    /// `--after` has no name or number of an item.
    #[error("--after: {0} cannot be the last item of a page")]
    NoListItem(String),
    /// A use case failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A source of users cannot be read.
    #[error("cannot read the source: {0}")]
    Unreadable(io::Error),
    /// The database of another system cannot be read.
    #[error(transparent)]
    OtherSystem(#[from] OtherSystemError),
    /// Weak hashes could not be wrapped.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Rows of a source were not imported. The report names them.
    #[error("{0} rows were refused; all others are in the report")]
    RowsRefused(u64),
    /// An export or the manual cannot be written.
    #[error("cannot write the output: {0}")]
    Unwritable(io::Error),
    /// The database was not copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The doctor found something wrong. The findings were printed to standard output.
    #[error("findings: {0}. Each is printed with its remedy")]
    Findings(usize),
    /// The test mail was not sent.
    #[error("the mail was not sent: {0}")]
    Mail(#[from] SendError),
    /// A test mail was requested with `--mail off`.
    #[error("nothing was sent: mails are off (--mail off)")]
    MailsOff,
}

impl CliError {
    /// The exit code, as docs/operate.md lists them.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(UsageError::Help(_)) => 0,
            Self::Usage(UsageError::Invalid(_))
            | Self::Copy(CopyError::SameDatabase | CopyError::OnlineEngines)
            | Self::NoListItem(_)
            | Self::KeepWithoutFolder(_) => USAGE,
            Self::Usage(UsageError::Setting(_))
            | Self::Source(_)
            | Self::Config(_)
            | Self::MailsOff => SETTINGS,
            Self::NoSuchUser(_)
            | Self::NoSuchGroup(_)
            | Self::NotAMember(..)
            | Self::NoSuchInvitation(_)
            | Self::NoSuchApp(_) => NOT_FOUND,
            Self::Server(ServerError::Open(OpenError::Exists(_)))
            | Self::NotServed(_)
            | Self::BackupOfPostgres(_)
            | Self::UserDisabled(_)
            | Self::NotConfirmed
            | Self::PasswordsDiffer
            | Self::Password(_)
            | Self::GroupExists(_)
            | Self::GroupInUse(..)
            | Self::AppExists(_)
            | Self::Db(DbError::AlreadyExists(_))
            | Self::Auth(AuthError::AlreadyExists(_) | AuthError::PasswordPolicyError(_)) => {
                REFUSED
            }
            Self::Server(error) if error.is_permanent() => SETTINGS,
            Self::Server(_)
            | Self::DatabaseDamaged { .. }
            | Self::Input(_)
            | Self::Mail(_)
            | Self::Db(_)
            | Self::Auth(_)
            | Self::Unreadable(_)
            | Self::OtherSystem(_)
            | Self::Hash(_)
            | Self::RowsRefused(_)
            | Self::AuditTableChanged
            | Self::NoChainHead(_)
            | Self::Findings(_)
            | Self::Unwritable(_)
            | Self::Copy(_) => FAILED,
        })
    }
}
