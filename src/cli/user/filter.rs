//! Which users a list shows, and how it reads them: page by page, in the order of ids.

use clap::Args;

use super::shown::{ShownUser, line};
use crate::cli::moment::moment;
use crate::cli::output::{Progress, print, print_json};
use crate::db::{DB, DbError, ListedUser};
use crate::domain::{Timestamp, UserId};

/// How many users are read at a time.
const PAGE: u32 = 1000;

/// Which users are shown. Without any of these, all.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct Filter {
    /// Begin after the user with this id: the last one of the page before
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
    /// Show at most this many
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Only addresses that contain this text, in any letter case
    #[arg(long, value_name = "TEXT")]
    email: Option<String>,
    /// Only users who have not verified their email
    #[arg(long)]
    unverified: bool,
    /// Only disabled users
    #[arg(long)]
    disabled: bool,
    /// Only users who have not logged in since that date or for that long, and were registered
    /// before: 2026-01-31, 2026-01-31T12:00:00Z, or 90d. Users whose dates are unknown are not
    /// shown
    #[arg(long, value_name = "DATE|TIME", value_parser = moment)]
    inactive_since: Option<Timestamp>,
}

impl Filter {
    /// Restricts the filter to addresses that contain a text.
    pub(super) fn with_email(&self, text: &str) -> Self {
        Self {
            email: Some(text.to_owned()),
            ..self.clone()
        }
    }

    /// Prints the users. At most one page of them is in memory. Blocks for one lookup for each page.
    pub(super) fn list(&self, db: &DB, json: bool) -> Result<(), DbError> {
        let mut after = self.after.map(UserId::new);
        let mut left = self.limit.unwrap_or(u64::MAX);
        let needle = self.email.as_ref().map(|text| text.to_lowercase());
        let mut progress = self.may_find_few().then(|| Progress::new("users"));
        while left > 0 {
            let page = db.users_after(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let shown = page
                .iter()
                .filter(|user| self.shows(user, needle.as_deref()));
            let shown: Vec<_> = shown
                .take(usize::try_from(left).unwrap_or(usize::MAX))
                .collect();
            left = left.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
            Progress::page(progress.as_mut(), page.len(), &shown, |user| {
                if json {
                    print_json(&ShownUser::listed(user));
                } else {
                    print(&line(user));
                }
            });
        }
        Ok(())
    }

    /// Whether many users may be read before one is shown.
    fn may_find_few(&self) -> bool {
        self.email.is_some() || self.unverified || self.disabled || self.inactive_since.is_some()
    }

    fn shows(&self, user: &ListedUser, needle: Option<&str>) -> bool {
        let has_text = needle.is_none_or(|text| user.email.as_str().to_lowercase().contains(text));
        let is_inactive = self.inactive_since.is_none_or(|since| {
            // The last login of accounts from before the dates were recorded is unknown.
            let seen = user.dates.last_login_at.or(user.dates.created_at);
            seen.is_some_and(|seen| seen < since)
        });
        has_text
            && is_inactive
            && !(self.unverified && user.is_email_verified)
            && (!self.disabled || user.dates.disabled_at.is_some())
    }
}
