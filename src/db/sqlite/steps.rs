//! The steps of an integrity walk: statements that check the next entries of a table or index.

use super::trees::{Column, Tree};

/// A position in a tree. All entries before it were checked.
pub(super) struct Position {
    /// The key of the last entry, as SQL literals.
    last: Vec<String>,
    /// How many columns of that key the next entries share.
    shared: usize,
}

impl Position {
    pub(super) fn start(tree: &Tree) -> Self {
        let nullable = tree
            .key
            .iter()
            .take_while(|column| !column.is_required)
            .count();
        Self {
            last: vec!["NULL".to_owned(); tree.key.len()],
            // NULLs come first, if the column can have any.
            shared: nullable.min(tree.key.len().saturating_sub(1)),
        }
    }

    /// Advances after a step whose last key is `last`. `is_full` is whether it had as many entries
    /// as it may. Returns false at the end of the tree.
    pub(super) fn advance(&mut self, last: Option<&str>, is_full: bool) -> bool {
        if let Some(last) = last {
            self.last = last.split('|').map(str::to_owned).collect();
        }
        if is_full {
            self.shared = self.last.len().saturating_sub(1);
            return true;
        }
        let has_more = self.shared > 0;
        self.shared = self.shared.saturating_sub(1);
        has_more
    }
}

impl Tree {
    pub(super) fn is_table(&self) -> bool {
        !self.columns.is_empty()
    }

    /// The statement that checks the next entries. It returns how many (`entries`), the key of the
    /// last one (`last`), and the damage (`findings`). One statement reads one snapshot.
    pub(super) fn step(&self, position: &Position, entries: u32) -> String {
        let Self { source, key, .. } = self;
        let joined = |part: &dyn Fn(usize, &Column) -> String, separator: &str| {
            let parts: Vec<_> = key.iter().enumerate().map(|(n, c)| part(n, c)).collect();
            parts.join(separator)
        };
        let keys = joined(&|nth, column| format!("t.{} AS k{nth}", column.name), ", ");
        let order = joined(&|_, column| format!("t.{}", column.name), ", ");
        let own = joined(&|nth, column| column.compared(&format!("k{nth}")), ", ");
        let previous = joined(
            &|nth, column| {
                let literal = position.literal(nth);
                column.compared(&format!("lag(k{nth}, 1, {literal}) OVER ()"))
            },
            ", ",
        );
        // As bytes, because a damaged text may not be valid UTF-8.
        let last = joined(
            &|n, _| {
                format!(
                    "CASE typeof(k{n}) WHEN 'text' \
                     THEN 'CAST(' || quote(CAST(k{n} AS BLOB)) || ' AS TEXT)' ELSE quote(k{n}) END"
                )
            },
            " || '|' || ",
        );
        let range: Vec<String> = key
            .iter()
            .take(position.shared + 1)
            .enumerate()
            .map(|(nth, column)| {
                let value = position.literal(nth);
                if nth < position.shared {
                    format!("t.{} IS {value}", column.name)
                } else {
                    column.above(value)
                }
            })
            .collect();
        let range = range.join(" AND ");
        let (columns, size) = if self.columns.is_empty() {
            (String::new(), "0".to_owned())
        } else {
            let sizes = self.columns.iter();
            let sizes = sizes.map(|c| format!("coalesce(length(CAST(r.{} AS BLOB)), 0)", c.name));
            (", t.*".to_owned(), sizes.collect::<Vec<_>>().join(" + "))
        };
        let mut faults = String::new();
        for (fault, text) in &self.faults {
            let text = text.replace('\'', "''");
            faults.push_str(&[" WHEN ", fault, " THEN '", &text, "'"].concat());
        }
        let name = self.name.replace('\'', "''");
        format!(
            "SELECT count(*) AS entries, max(nr) AS nr, last, total(size) AS size,
               group_concat(DISTINCT finding) AS findings
             FROM (SELECT nr, {last} AS last, {size} AS size,
               CASE WHEN NOT is_sorted THEN '{name}: out of order'{faults} END AS finding
               FROM (SELECT row_number() OVER () AS nr, ({previous}) < ({own}) AS is_sorted, *
                 FROM (SELECT {keys}{columns} FROM {source}
                   WHERE {range} ORDER BY {order} LIMIT {entries})) AS r)"
        )
    }
}

impl Position {
    fn literal(&self, nth: usize) -> &str {
        self.last.get(nth).map_or("NULL", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::Text;
    use diesel::sqlite::SqliteConnection;
    use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

    use super::super::texts::texts;
    use super::super::trees::{UNWALKED, read};
    use super::*;

    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    fn migrated() -> SqliteConnection {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.run_pending_migrations(MIGRATIONS).unwrap();
        conn
    }

    #[test]
    fn walk_covers_every_table_and_index() {
        let mut conn = migrated();
        assert_eq!(texts(&mut conn, UNWALKED).unwrap(), [""; 0]);
        let mut walked: Vec<_> = read(&mut conn)
            .unwrap()
            .into_iter()
            .map(|t| t.name)
            .collect();
        walked.push("sqlite_schema".to_owned());
        walked.sort();
        walked.dedup();
        // In a table WITHOUT ROWID, the primary key is the table.
        let all = "SELECT name AS value FROM sqlite_master AS s WHERE type IN ('table', 'index')
             AND NOT EXISTS (SELECT 1 FROM pragma_table_list WHERE wr
                AND s.name = 'sqlite_autoindex_' || name || '_1')
             UNION SELECT 'sqlite_schema' ORDER BY 1";
        assert_eq!(walked, texts(&mut conn, all).unwrap());
    }

    #[test]
    fn steps_of_a_walk_neither_scan_nor_sort() {
        let mut conn = migrated();
        for tree in read(&mut conn).unwrap() {
            let last = vec!["1"; tree.key.len()].join("|");
            let mut positions = vec![Position::start(&tree), Position::start(&tree)];
            positions[1].advance(Some(&last), true);
            while let Some(mut position) = positions.pop() {
                let sql = format!("EXPLAIN QUERY PLAN {}", tree.step(&position, 10));
                let plan: Vec<Plan> = diesel::sql_query(sql).load(&mut conn).unwrap();
                for Plan { detail } in plan {
                    assert!(!detail.starts_with("SCAN t"), "{}: {detail}", tree.name);
                    assert!(!detail.contains("ORDER BY"), "{}: {detail}", tree.name);
                }
                if position.advance(None, false) {
                    positions.push(position);
                }
            }
        }
    }
}
