//! All that a database holds.

use std::collections::BTreeMap;

use super::Place;

/// The rows of each table, as texts.
pub(crate) type Dump = BTreeMap<String, Vec<String>>;

impl Place {
    /// Every row of every table that there is.
    pub(crate) fn dump(&self) -> Dump {
        let tables = match &self.server {
            None => "SELECT name AS value FROM sqlite_schema WHERE type = 'table'",
            Some(_) => "SELECT tablename AS value FROM pg_tables WHERE schemaname = 'public'",
        };
        let tables = self.texts(tables).into_iter();
        tables
            .map(|table| {
                let row = self.row(&table);
                let rows = format!("SELECT {row} AS value FROM \"{table}\" ORDER BY 1");
                let rows = self.texts(&rows);
                (table, rows)
            })
            .collect()
    }

    /// A row of that table as one text, in SQL.
    fn row(&self, table: &str) -> String {
        match &self.server {
            None => {
                let columns = format!(
                    "SELECT 'quote(\"' || name || '\")' AS value FROM pragma_table_info('{table}')"
                );
                self.texts(&columns).join(" || ',' || ")
            }
            Some(_) => format!("CAST(\"{table}\".* AS TEXT)"),
        }
    }
}
