//! Random changes to an audit table are found with one email at hand.

use bienvenue::domain::{
    AttestedHead, CHAIN_START, ChainCheck, ChainFinding, ChainHead, ChainReport, ChainRow,
    Timestamp, USER_DELETED, content_digest,
};

use crate::support::START;

/// How many rows a table of these tests has.
const ROWS: i64 = 40;

/// Random numbers that are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// The table, with the record of the chain's ends beside it.
#[derive(Debug, Clone)]
struct Table {
    rows: Vec<ChainRow>,
    start_digest: Vec<u8>,
    record: (i64, Vec<u8>),
}

impl Table {
    /// One row a day, of three users; user 3 was deleted at position 30.
    fn new() -> Self {
        let rows = (1..=ROWS).map(|position| {
            let is_deletion = position == 30;
            let details = format!(r#"{{"ip":"192.0.2.{position}"}}"#);
            let is_erased = position % 3 == 0 && position < 30;
            let salt = vec![u8::try_from(position).unwrap(); 16];
            ChainRow {
                position,
                at: START.seconds() + position * 86_400,
                event: if is_deletion {
                    USER_DELETED
                } else {
                    "authn_login_fail"
                }
                .to_owned(),
                user_id: Some(if position % 3 == 0 { 3 } else { position % 3 }),
                actor: "client".to_owned(),
                actor_id: None,
                content_digest: content_digest(&salt, &details).to_vec(),
                details: (!is_erased).then_some(details),
                salt: (!is_erased).then_some(salt),
                digest: Vec::new(),
            }
        });
        let mut table = Self {
            rows: rows.collect(),
            start_digest: CHAIN_START.to_vec(),
            record: (0, Vec::new()),
        };
        table.chain_from(0);
        table
    }

    /// Computes the digests again from a row on, and the record.
    fn chain_from(&mut self, from: usize) {
        for index in from..self.rows.len() {
            let previous = match index {
                0 => self.start_digest.clone(),
                _ => self.rows[index - 1].digest.clone(),
            };
            self.rows[index].digest = self.rows[index].digest_after(&previous).to_vec();
        }
        self.record_end();
    }

    fn record_end(&mut self) {
        self.record = match self.rows.last() {
            Some(last) => (last.position, last.digest.clone()),
            None => (0, CHAIN_START.to_vec()),
        };
    }

    fn number(&mut self) {
        for (row, position) in self.rows.iter_mut().zip(1..) {
            row.position = position;
        }
    }

    /// The head at a row, as an email of that day has it.
    fn mail(&self, index: usize) -> AttestedHead {
        let row = &self.rows[index];
        AttestedHead {
            source: "notification.eml".to_owned(),
            head: ChainHead::new(row.position, &row.digest)
                .to_string()
                .parse()
                .unwrap(),
            at: Some(Timestamp::from_seconds(row.at)),
        }
    }

    fn check(&self, oldest: Option<i64>, mails: Vec<AttestedHead>) -> ChainReport {
        let oldest = oldest.map(Timestamp::from_seconds);
        let mut check = ChainCheck::new(self.start_digest.clone(), oldest, mails);
        self.rows.iter().for_each(|row| check.add(row));
        check.finish(Some((self.record.0, &self.record.1)))
    }

    /// Sets details with a salt and a digest that belong to them.
    fn set_details(&mut self, index: usize, details: &str) {
        let row = &mut self.rows[index];
        row.content_digest = content_digest(&[7; 16], details).to_vec();
        (row.salt, row.details) = (Some(vec![7; 16]), Some(details.to_owned()));
    }

    fn edit(&mut self, random: &mut Random) -> usize {
        let index = random.below(self.rows.len());
        let row = &mut self.rows[index];
        match random.below(9) {
            0 => row.at += 1,
            1 => row.event.push('x'),
            2 => row.user_id = Some(9),
            3 => "operator".clone_into(&mut row.actor),
            4 => row.actor_id = Some(9),
            5 => row.content_digest[random.below(32)] ^= 1,
            6 => row.digest[random.below(32)] ^= 1,
            7 => row.user_id = None,
            _ => self.set_details(index, "{}"),
        }
        index
    }

    /// Changes the table in one way, and computes no digests again, those from there on, or all.
    fn tamper(&mut self, random: &mut Random) {
        let from = match random.below(8) {
            0 | 1 => self.edit(random),
            2 => {
                let (from, count) = (random.below(self.rows.len()), 1 + random.below(5));
                let to = (from + count).min(self.rows.len());
                self.rows.drain(from..to);
                from
            }
            3 => {
                let (one, other) = (random.below(self.rows.len()), random.below(self.rows.len()));
                let other = if one == other {
                    (one + 1) % self.rows.len()
                } else {
                    other
                };
                self.rows.swap(one, other);
                one.min(other)
            }
            4 => {
                self.rows.truncate(random.below(self.rows.len()));
                self.record_end();
                self.rows.len()
            }
            5 => {
                let gone: Vec<_> = self
                    .rows
                    .drain(..=random.below(self.rows.len() - 1))
                    .collect();
                self.start_digest.clone_from(&gone.last().unwrap().digest);
                0
            }
            6 => {
                let index = random.below(self.rows.len());
                let copy = self.rows[random.below(self.rows.len())].clone();
                self.rows.insert(index, copy);
                index
            }
            // The details of a user who was not deleted are erased.
            _ => {
                let mut index = random.below(self.rows.len());
                while self.rows[index].user_id == Some(3) {
                    index = random.below(self.rows.len());
                }
                (self.rows[index].salt, self.rows[index].details) = (None, None);
                index
            }
        };
        match random.below(3) {
            0 => {}
            1 => self.chain_from(from),
            // All computed again: positions without gaps, and every digest right.
            _ => {
                self.number();
                self.start_digest = CHAIN_START.to_vec();
                self.chain_from(0);
            }
        }
    }
}

fn all_are_found(count: u32) {
    let (table, mut random) = (Table::new(), Random(0x9E37_79B9_7F4A_7C15));
    let mail = table.mail(table.rows.len() - 1);
    // Rows may be removed once they are older than the first one.
    let oldest = Some(table.rows[0].at);
    for round in 0..count {
        let mut changed = table.clone();
        // Digests that are computed again may undo a change of a digest.
        while (&changed.rows, &changed.start_digest) == (&table.rows, &table.start_digest) {
            changed = table.clone();
            changed.tamper(&mut random);
        }
        let report = changed.check(oldest, vec![mail.clone()]);
        assert!(!report.is_intact(), "round {round}: {changed:?}");
    }
    let report = table.check(oldest, vec![mail]);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(
        (report.rows, report.first, report.last, report.confirmed),
        (40, 1, ROWS, 1)
    );
}

#[test]
fn r104_a_thousand_random_changes_are_all_found() {
    all_are_found(1_000);
}

#[test]
#[ignore = "long"]
fn r104_ten_thousand_random_changes_are_all_found() {
    all_are_found(10_000);
}

#[test]
fn a_mail_attests_the_rows_up_to_its_own() {
    let table = Table::new();
    let mail = table.mail(19);
    let anew_from = |index: usize| {
        let mut changed = table.clone();
        changed.rows[index].at += 1;
        changed.chain_from(index);
        changed.check(None, vec![mail.clone()])
    };
    assert_eq!(
        anew_from(19).findings,
        [ChainFinding::HeadDiffers(mail.clone())]
    );
    assert!(anew_from(20).is_intact());
}

#[test]
fn rows_are_removed_at_the_start_only_by_age() {
    let mut table = Table::new();
    let (old_mail, recent_mail) = (table.mail(2), table.mail(12));
    // Retention keeps the last row that is older.
    let removed: Vec<_> = table.rows.drain(..9).collect();
    table.start_digest.clone_from(&removed[8].digest);
    let first = table.rows[0].clone();
    let at_start = AttestedHead {
        head: ChainHead::new(9, &removed[8].digest),
        ..old_mail.clone()
    };
    let mails = vec![recent_mail, old_mail.clone(), at_start.clone()];
    let report = table.check(Some(first.at + 1), mails);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.confirmed, report.outdated), (2, 1));
    // The same table with a longer retention, and without one.
    let start_missing = ChainFinding::StartMissing {
        first: 10,
        at: Timestamp::from_seconds(first.at),
    };
    for oldest in [Some(first.at), None] {
        assert_eq!(
            table.check(oldest, vec![]).findings,
            std::slice::from_ref(&start_missing)
        );
    }
    // The mail is younger than the retention, so that its row must be there.
    let young = AttestedHead {
        at: Some(Timestamp::from_seconds(first.at + 86_400)),
        ..old_mail
    };
    let report = table.check(Some(first.at + 1), vec![young.clone()]);
    assert_eq!(report.findings, [ChainFinding::HeadRemoved(young)]);
    // The row in front of the first one is known by its digest.
    let other = AttestedHead {
        head: ChainHead::new(9, &[1; 32]),
        ..at_start
    };
    let report = table.check(Some(first.at + 1), vec![other.clone()]);
    assert_eq!(report.findings, [ChainFinding::HeadDiffers(other)]);
}

#[test]
fn details_are_erased_only_before_a_deletion() {
    let mut table = Table::new();
    for position in [31, 36] {
        let row = &mut table.rows[position - 1];
        (row.salt, row.details) = (None, None);
    }
    let erased = |position, user| ChainFinding::DetailsErased {
        position,
        user: Some(user),
    };
    assert_eq!(
        table.check(None, vec![]).findings,
        [erased(31, 1), erased(36, 3)]
    );
}
