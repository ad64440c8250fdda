//! Checks the chain, reading it by key.

use crate::db::{DB, DbError};
use crate::domain::{AttestedHead, ChainCheck, ChainReport, Timestamp};

/// How many rows are read at a time.
const PAGE: u32 = 2000;

impl DB {
    /// Checks the whole chain, also while a service appends to it. Rows before `oldest` may have
    /// been removed at the start; without one, none may. `progress` gets the number of rows after
    /// each page. At most one page is in memory. Blocks until all is read.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn check_audit_chain(
        &self,
        oldest: Option<Timestamp>,
        heads: Vec<AttestedHead>,
        mut progress: impl FnMut(usize),
    ) -> Result<ChainReport, DbError> {
        let (start_digest, mut page) = loop {
            let start = self.audit_chain()?.start_digest;
            let page = self.audit_rows_after(0, None, PAGE)?;
            // Else retention has just removed the first rows.
            if self.audit_chain()?.start_digest == start {
                break (start, page);
            }
        };
        let mut check = ChainCheck::new(start_digest, oldest, heads);
        let mut after = 0;
        while let Some(last) = page.last() {
            after = last.position;
            for row in &page {
                check.add(row);
            }
            progress(page.len());
            page = self.audit_rows_after(after, None, PAGE)?;
        }
        let end = self.audit_chain()?;
        // Rows may have been appended after the last page.
        let is_longer = !self.audit_rows_after(after, None, 1)?.is_empty();
        let record = (!is_longer).then_some((end.position, end.digest.as_slice()));
        Ok(check.finish(record))
    }
}
