//! The check of a chain, row by row, against its ends and against the heads that mails have.

use std::collections::BTreeMap;
use std::fmt;

use super::{ChainHead, ChainRow, Timestamp, USER_DELETED};

/// How many findings a report lists; the others are counted.
const LISTED: usize = 20;

/// A head that is known from outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestedHead {
    /// Where it is from: a file, or the command line.
    pub source: String,
    /// The head.
    pub head: ChainHead,
    /// When it was the head, if that is known.
    pub at: Option<Timestamp>,
}

/// A sign that rows were changed, removed, added or moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFinding {
    /// The first row is not the first of the chain, and is younger than the retention.
    StartMissing {
        /// The position of the first row.
        first: i64,
        /// The time of the first row.
        at: Timestamp,
    },
    /// Positions are missing.
    Missing {
        /// The first position that is missing.
        from: i64,
        /// The last position that is missing.
        to: i64,
    },
    /// The digest does not follow from the row before and from this row.
    Changed(i64),
    /// The details do not belong to their digest.
    DetailsChanged(i64),
    /// The details were erased, and no deletion of the user follows.
    DetailsErased {
        /// The position of the first such row of the user.
        position: i64,
        /// The user, if the row has one.
        user: Option<i64>,
    },
    /// The table ends at another row than the record of the chain's head says.
    EndDiffers {
        /// The position of the last row.
        last: i64,
        /// The position in the record.
        recorded: i64,
    },
    /// The row at the position of a known head is another one.
    HeadDiffers(AttestedHead),
    /// The chain ends before a known head.
    HeadBehindEnd(AttestedHead),
    /// A known head is from within the retention, but its row was removed.
    HeadRemoved(AttestedHead),
}

impl fmt::Display for ChainFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartMissing { first, at } => write!(
                f,
                "the rows before position {first} are missing, and that row, of {}, is younger \
                 than the retention: rows were removed at the start, or the retention was made \
                 longer since",
                at.rfc3339()
            ),
            Self::Missing { from, to } if from == to => {
                write!(f, "position {from}: the row is missing: it was removed")
            }
            Self::Missing { from, to } => {
                write!(
                    f,
                    "positions {from} to {to}: the rows are missing: they were removed"
                )
            }
            Self::Changed(position) => write!(
                f,
                "position {position}: the digest does not follow from the row before: this row or \
                 the one before was changed, added, moved or removed"
            ),
            Self::DetailsChanged(position) => {
                write!(f, "position {position}: the details were changed")
            }
            Self::DetailsErased {
                position,
                user: Some(user),
            } => write!(
                f,
                "position {position}: the details were erased, but the chain has no deletion of \
                 user {user}"
            ),
            Self::DetailsErased {
                position,
                user: None,
            } => write!(f, "position {position}: the details were erased"),
            Self::EndDiffers { last, recorded } => write!(
                f,
                "the last row is at position {last}, but the chain's head is recorded at position \
                 {recorded}: rows were removed or added at the end"
            ),
            Self::HeadDiffers(known) => write!(
                f,
                "{}: the chain has another row at position {} than when the email was sent: rows \
                 up to there were changed and all digests computed again, or an older backup was \
                 restored",
                known.source, known.head.position
            ),
            Self::HeadBehindEnd(known) => write!(
                f,
                "{}: the chain ended at position {} or later when the email was sent, and ends \
                 before it now: rows were removed at the end, or an older backup was restored",
                known.source, known.head.position
            ),
            Self::HeadRemoved(known) => write!(
                f,
                "{}: the row at position {} was removed, although the email is younger than the \
                 retention",
                known.source, known.head.position
            ),
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// How many rows were checked.
    pub rows: u64,
    /// The position of the first row; 0 without any.
    pub first: i64,
    /// The position of the last row; 0 without any.
    pub last: i64,
    /// How many known heads are those of the chain.
    pub confirmed: usize,
    /// How many known heads are older than the first row, so that they say nothing.
    pub outdated: usize,
    /// The first findings.
    pub findings: Vec<ChainFinding>,
    /// How many further findings there are.
    pub further: u64,
}

impl ChainReport {
    /// Whether there is no sign of a change.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, finding: ChainFinding) {
        if self.findings.len() < LISTED {
            self.findings.push(finding);
        } else {
            self.further += 1;
        }
    }
}

/// A check that has seen a part of the rows. It keeps no row: only users with erased rows.
#[derive(Debug)]
pub struct ChainCheck {
    /// The digest of the row before.
    previous: Vec<u8>,
    start_digest: Vec<u8>,
    /// Rows that are older may be removed at the start. None if none may.
    oldest: Option<Timestamp>,
    heads: Vec<AttestedHead>,
    /// The heads in the order of positions, from this one on, are not compared yet.
    next_head: usize,
    /// The first erased row of each user without a deletion so far.
    erased: BTreeMap<Option<i64>, i64>,
    report: ChainReport,
}

impl ChainCheck {
    /// Begins a check. `start_digest` is in front of the first row that is kept; rows before
    /// `oldest` may have been removed.
    #[must_use]
    pub fn new(
        start_digest: Vec<u8>,
        oldest: Option<Timestamp>,
        mut heads: Vec<AttestedHead>,
    ) -> Self {
        heads.sort_by_key(|known| known.head.position);
        Self {
            previous: start_digest.clone(),
            start_digest,
            oldest,
            heads,
            next_head: 0,
            erased: BTreeMap::new(),
            report: ChainReport::default(),
        }
    }

    /// Checks the next row.
    pub fn add(&mut self, row: &ChainRow) {
        if self.report.rows == 0 {
            self.begin_at(row);
        }
        let expected = self.report.last + 1;
        if row.position != expected {
            self.report.find(ChainFinding::Missing {
                from: expected,
                to: row.position - 1,
            });
        }
        if row.digest_after(&self.previous).as_slice() != row.digest {
            self.report.find(ChainFinding::Changed(row.position));
        }
        if !row.has_own_content() {
            self.report.find(ChainFinding::DetailsChanged(row.position));
        }
        if row.is_erased() {
            self.erased.entry(row.user_id).or_insert(row.position);
        } else if row.event == USER_DELETED && row.user_id.is_some() {
            self.erased.remove(&row.user_id);
        }
        self.compare_heads(row.position, &row.digest);
        self.previous.clone_from(&row.digest);
        self.report.last = row.position;
        self.report.rows += 1;
    }

    /// Decides whether the chain may begin with this row.
    fn begin_at(&mut self, row: &ChainRow) {
        let at = Timestamp::from_seconds(row.at);
        let may_follow_removed = self.oldest.is_some_and(|oldest| at < oldest);
        if row.position != 1 && !may_follow_removed {
            let first = row.position;
            self.report.find(ChainFinding::StartMissing { first, at });
        }
        self.report.first = row.position;
        self.report.last = row.position - 1;
        let start_digest = std::mem::take(&mut self.start_digest);
        // The row in front of the first one is known by its digest.
        while let Some(known) = self.heads.get(self.next_head) {
            let position = known.head.position;
            if position >= row.position {
                break;
            }
            if position + 1 == row.position {
                self.compare_heads(position, &start_digest);
                break;
            }
            let is_recent = known
                .at
                .zip(self.oldest)
                .is_some_and(|(at, oldest)| at > oldest);
            if is_recent || self.oldest.is_none() {
                let removed = ChainFinding::HeadRemoved(known.clone());
                self.report.find(removed);
            } else {
                self.report.outdated += 1;
            }
            self.next_head += 1;
        }
    }

    fn compare_heads(&mut self, position: i64, digest: &[u8]) {
        while let Some(known) = self.heads.get(self.next_head) {
            if known.head.position > position {
                break;
            }
            // The row of a head between two rows is missing.
            if known.head.position == position && known.head.is_of(digest) {
                self.report.confirmed += 1;
            } else {
                let differs = ChainFinding::HeadDiffers(known.clone());
                self.report.find(differs);
            }
            self.next_head += 1;
        }
    }

    /// Ends the check. `record` is what the database records of the chain's head, if the last row
    /// that was added is still the last one.
    #[must_use]
    pub fn finish(mut self, record: Option<(i64, &[u8])>) -> ChainReport {
        let last = self.report.last;
        match record {
            Some((recorded, _)) if recorded != last => {
                self.report
                    .find(ChainFinding::EndDiffers { last, recorded });
            }
            Some((_, digest)) if digest != self.previous => {
                self.report.find(ChainFinding::Changed(last));
            }
            Some(_) | None => {}
        }
        for known in self.heads.split_off(self.next_head) {
            if known.head.position == 0 {
                self.report.confirmed += 1;
            } else {
                self.report.find(ChainFinding::HeadBehindEnd(known));
            }
        }
        for (user, position) in std::mem::take(&mut self.erased) {
            self.report
                .find(ChainFinding::DetailsErased { position, user });
        }
        self.report
    }
}
