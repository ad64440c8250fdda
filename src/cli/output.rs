//! The output of commands.

use std::io::{self, Write};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::CliError;
use crate::db::DbError;

/// Writes a command's result to standard output.
pub(super) fn print(text: &str) {
    // If the reader has closed the output, there is nothing to report.
    drop(io::stdout().write_all(text.as_bytes()));
}

/// Writes an object as JSON, on one line.
pub(super) fn print_json(object: &impl Serialize) {
    match serde_json::to_string(object) {
        Ok(line) => print(&format!("{line}\n")),
        Err(error) => log::error!("a result cannot be written as JSON: {error}"),
    }
}

/// Writes an explanation for people to standard error, so that scripts read only the result.
pub(super) fn explain(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}

/// How many items of a list are read at a time.
const PAGE: u32 = 1000;

/// Which part of a list is shown. Without any of these, all.
#[derive(Debug, Args)]
pub(super) struct Part {
    /// Begin after this item: name or number of the last one of the page before
    #[arg(long, value_name = "ITEM")]
    after: Option<String>,
    /// Show at most this many
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// A part of a list whose items have keys of this kind.
#[derive(Debug, Clone)]
pub(super) struct Pages<K> {
    after: Option<K>,
    left: u64,
}

impl Part {
    /// The pages of a list with this kind of keys.
    ///
    /// # Errors
    /// If `--after` is no such key.
    pub(super) fn pages<K: FromStr>(&self) -> Result<Pages<K>, CliError> {
        let after = self.after.as_ref().map(|text| {
            let key = text.parse();
            key.or(Err(CliError::NoListItem(text.clone())))
        });
        Ok(Pages {
            after: after.transpose()?,
            left: self.limit.unwrap_or(u64::MAX),
        })
    }
}

impl<K> Pages<K> {
    /// Shows the items of a list, which is read page by page: at most one page is in memory. `read`
    /// gets the key of the last item of the page before, and how many items to read. Returns the
    /// key of the last item if `--limit` ended the list.
    pub(super) fn show<T>(
        self,
        read: impl Fn(Option<&K>, u32) -> Result<Vec<T>, DbError>,
        key: impl Fn(&T) -> K,
        mut show: impl FnMut(&T),
    ) -> Result<Option<K>, CliError> {
        let Self {
            mut after,
            mut left,
        } = self;
        while left > 0 {
            let page = read(
                after.as_ref(),
                u32::try_from(left).unwrap_or(PAGE).min(PAGE),
            )?;
            let Some(last) = page.last() else {
                return Ok(None);
            };
            after = Some(key(last));
            left = left.saturating_sub(u64::try_from(page.len()).unwrap_or(u64::MAX));
            page.iter().for_each(&mut show);
        }
        Ok(after)
    }
}

/// How often a running clock is drawn again.
const EACH: Duration = Duration::from_millis(200);

/// The progress of a long command on standard error, if that is a terminal. It is cleared at the
/// end.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Counts what is done. `what` is counted, and nothing is done yet.
    pub(super) fn new(what: &'static str) -> Self {
        Self::drawn(
            ProgressBar::no_length(),
            "{spinner} {human_pos} {msg}, {elapsed}",
            what,
        )
    }

    /// Counts what is done of a known number.
    pub(super) fn of(total: u64, what: &'static str) -> Self {
        Self::drawn(
            ProgressBar::new(total),
            "{wide_bar} {human_pos} of {human_len} {msg}, {eta} left",
            what,
        )
    }

    /// Shows for how long work is going on that has no number.
    pub(super) fn running(what: &'static str) -> Self {
        Self::drawn(ProgressBar::no_length(), "{spinner} {msg}, {elapsed}", what)
    }

    fn drawn(bar: ProgressBar, template: &str, what: &'static str) -> Self {
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(what);
        bar.enable_steady_tick(EACH);
        Self(bar)
    }

    /// Counts a page of a search that may read many, and shows what it found. Without a progress, only
    /// shows it.
    pub(super) fn page<T>(
        progress: Option<&mut Self>,
        read: usize,
        found: &[T],
        show: impl Fn(&T),
    ) {
        let show_all = || found.iter().for_each(&show);
        match progress {
            Some(progress) if found.is_empty() => progress.add(read),
            Some(progress) => {
                progress.add(read);
                progress.0.suspend(show_all);
            }
            None => show_all(),
        }
    }

    /// Counts what was done.
    pub(super) fn add(&mut self, count: usize) {
        self.0.inc(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
