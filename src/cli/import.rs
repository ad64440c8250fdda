//! `bienvenue import`: adds the users of another system, with their password hashes.

mod read;
mod report;

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::num::NonZeroUsize;
use std::thread;

use clap::Args;

use super::audit::OperatorEvent;
use super::database::Options;
use super::output::{Progress, print};
use super::{CliError, database};
use crate::auth::{HashError, wrap_weak_hashes};
use crate::config::Config;
use crate::db::{DB, IMPORT_BATCH, ImportedUserRow};
use crate::domain::{BcryptCost, HashedPassword, NormalizedEmail, WeakHash};
use crate::import::{ImportedPassword, NewUser, Source};
use crate::server;
use read::Reader;
use report::Report;

/// Users of another system.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: bienvenue import django:db.sqlite3 --dry-run\n\nA user whose address has \
                  an account stays as it is: after an interruption, run the import again. Exit \
                  code 1 if rows were refused; all others are imported"
)]
pub(super) struct Import {
    /// Where the users are: a file .csv or .jsonl; or htpasswd:FILE, authelia:FILE,
    /// keycloak:FILE, pocketbase:FILE, flask:FILE, django:FILE, django:postgres://...
    #[arg(value_name = "SOURCE")]
    source: Source,
    /// Change nothing, and report what would be imported and refused
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    options: Options,
}

/// What is known of the import so far.
struct Importer<'a> {
    db: &'a DB,
    dry_run: bool,
    cost: BcryptCost,
    threads: NonZeroUsize,
    /// Digests of the addresses of the source, to find duplicates. Which user is added is decided
    /// by the database.
    seen: HashSet<u64>,
    hasher: RandomState,
    report: Report,
}

impl Import {
    /// Imports the users of the source in batches, each in one transaction. A user whose address
    /// is taken stays as it is, so an interrupted import goes on when it is run again.
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        let db = database::open(config, self.options)?.in_background();
        let mut reader = Reader::open(&self.source)?;
        let settings = server::auth_settings(config);
        let mut run = Importer {
            db: &db,
            dry_run: self.dry_run,
            cost: settings.passwords.bcrypt_cost,
            threads: settings.passwords.threads(),
            seen: HashSet::new(),
            hasher: RandomState::new(),
            report: Report::default(),
        };
        let mut progress = Progress::new("users");
        loop {
            let batch = reader.take(IMPORT_BATCH)?;
            if batch.is_empty() {
                break;
            }
            progress.add(batch.len());
            let mut users = Vec::with_capacity(batch.len());
            for (line, row) in batch {
                match row.and_then(crate::import::SourceUser::parse) {
                    Ok(user) => users.push((line, user)),
                    Err(refusal) => run.report.refuse(line, &refusal),
                }
            }
            run.add(users)?;
        }
        drop(progress);
        let database = &database::name(config);
        if !self.dry_run && run.report.added > 0 {
            OperatorEvent {
                event: "user_created",
                sentence: "users imported",
                count: usize::try_from(run.report.added).ok(),
                database,
                db: Some(run.db),
                ..OperatorEvent::default()
            }
            .report();
        }
        print(&if self.options.json {
            run.report.json(self.dry_run, database)
        } else {
            run.report.text(self.dry_run, database)
        });
        match run.report.refused() {
            0 => Ok(()),
            refused => Err(CliError::RowsRefused(refused)),
        }
    }
}

impl Importer<'_> {
    /// Adds the users of a batch, or counts them in a dry run.
    fn add(&mut self, users: Vec<(u64, NewUser)>) -> Result<(), CliError> {
        let mut new = Vec::with_capacity(users.len());
        for (line, user) in users {
            let digest = self.hasher.hash_one(user.email.key().as_str());
            if self.seen.insert(digest) {
                new.push((line, user));
            } else {
                self.report.duplicate(line);
            }
        }
        let added = if self.dry_run {
            let keys: Vec<NormalizedEmail> = new.iter().map(|(_, user)| user.email.key()).collect();
            let taken = self.db.taken_emails(&keys)?;
            taken.into_iter().map(|taken| !taken).collect()
        } else {
            self.import(&new)?
        };
        for ((_, user), added) in new.iter().zip(added) {
            if added {
                self.report.add(user);
            } else {
                self.report.present += 1;
            }
        }
        Ok(())
    }

    fn import(&self, users: &[(u64, NewUser)]) -> Result<Vec<bool>, CliError> {
        let weak: Vec<WeakHash> = users
            .iter()
            .filter_map(|(_, user)| match &user.password {
                ImportedPassword::Weak(hash) => Some(hash.clone()),
                ImportedPassword::None | ImportedPassword::Stored(..) => None,
            })
            .collect();
        let mut wrapped = wrap(&weak, self.cost, self.threads)?.into_iter();
        let rows = users.iter().map(|(_, user)| ImportedUserRow {
            email: user.email.clone(),
            hashed_password: match &user.password {
                ImportedPassword::None => HashedPassword::unusable(),
                ImportedPassword::Stored(hash, _) => hash.clone(),
                ImportedPassword::Weak(_) => {
                    wrapped.next().unwrap_or_else(HashedPassword::unusable)
                }
            },
            is_verified: user.is_verified,
            is_disabled: user.is_disabled,
            groups: user.groups.clone(),
            created_at: user.created_at,
        });
        let rows: Vec<ImportedUserRow> = rows.collect();
        Ok(self.db.import_users(&rows)?)
    }
}

/// Wraps weak hashes in bcrypt, on several threads.
fn wrap(
    hashes: &[WeakHash],
    cost: BcryptCost,
    threads: NonZeroUsize,
) -> Result<Vec<HashedPassword>, HashError> {
    let share = hashes.len().div_ceil(threads.get()).max(1);
    let parts = thread::scope(|scope| {
        let running: Vec<_> = hashes
            .chunks(share)
            .map(|part| scope.spawn(move || wrap_weak_hashes(part, cost)))
            .collect();
        let finished = running.into_iter().map(thread::ScopedJoinHandle::join);
        finished
            .map(|part| part.unwrap_or(Err(HashError::NoAnswer)))
            .collect::<Result<Vec<_>, _>>()
    })?;
    Ok(parts.concat())
}
