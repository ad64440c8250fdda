//! The tables and indexes of a SQLite file, and the conditions that their entries must meet.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use super::texts::texts;

/// One b-tree: a table, or an index.
pub(super) struct Tree {
    pub(super) name: String,
    /// A FROM clause that reads only this tree.
    pub(super) source: String,
    /// The columns by which the tree is sorted. The key of each entry is unique.
    pub(super) key: Vec<Column>,
    /// The columns that only this tree contains and that are read completely.
    pub(super) columns: Vec<Column>,
    /// Conditions that mean damage of an entry `r`, each with its finding.
    pub(super) faults: Vec<(String, String)>,
}

#[derive(Clone)]
pub(super) struct Column {
    /// The quoted name.
    pub(super) name: String,
    is_text: bool,
    is_integer: bool,
    pub(super) is_required: bool,
}

struct Index {
    name: String,
    is_primary_key: bool,
    columns: Vec<Column>,
    key: Vec<Column>,
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    required: bool,
}

#[derive(QueryableByName)]
struct IndexRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    primary: bool,
    #[diesel(sql_type = Nullable<Text>)]
    column: Option<String>,
    #[diesel(sql_type = Bool)]
    key: bool,
}

#[derive(QueryableByName)]
struct TableRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    without_rowid: i64,
}

/// Indexes that cannot be walked by their columns: partial ones, and those on expressions, in
/// descending order or with a collation. Only `PRAGMA integrity_check` checks them.
pub(super) const UNWALKED: &str = "SELECT name AS value FROM
    (SELECT l.name, l.partial, x.cid, x.\"desc\", x.coll
     FROM pragma_table_list AS t, pragma_index_list(t.name) AS l, pragma_index_xinfo(l.name) AS x
     WHERE t.schema = 'main' AND t.type = 'table')
    WHERE partial OR cid < -1 OR \"desc\" OR coll <> 'BINARY'";

/// Reads the schema: all trees, tables before their indexes.
pub(super) fn read(conn: &mut SqliteConnection) -> QueryResult<Vec<Tree>> {
    let unwalked = texts(conn, UNWALKED)?;
    let tables: Vec<TableRow> = diesel::sql_query(
        "SELECT name, wr AS without_rowid FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' ORDER BY name",
    )
    .load(conn)?;
    let mut trees = Vec::new();
    for table in tables {
        let columns = columns(conn, &table.name)?;
        let mut indexes = indexes(conn, &table.name, &columns)?;
        indexes.retain(|index| !unwalked.contains(&index.name));
        let clustered = (table.without_rowid != 0)
            .then(|| indexes.iter().position(|index| index.is_primary_key))
            .flatten()
            .map(|position| indexes.remove(position));
        trees.extend(of_table(&table.name, columns, clustered, &indexes));
    }
    Ok(trees)
}

fn columns(conn: &mut SqliteConnection, table: &str) -> QueryResult<Vec<Column>> {
    let rows: Vec<ColumnRow> = diesel::sql_query(
        "SELECT name, upper(type) AS kind, \"notnull\" AS required FROM pragma_table_info(?)",
    )
    .bind::<Text, _>(table)
    .load(conn)?;
    let column = |row: ColumnRow| {
        let is_integer = row.kind.contains("INT");
        Column {
            name: quoted(&row.name),
            is_text: !is_integer
                && ["CHAR", "CLOB", "TEXT"]
                    .iter()
                    .any(|k| row.kind.contains(k)),
            is_integer,
            is_required: row.required,
        }
    };
    Ok(rows.into_iter().map(column).collect())
}

fn indexes(
    conn: &mut SqliteConnection,
    table: &str,
    columns: &[Column],
) -> QueryResult<Vec<Index>> {
    let rows: Vec<IndexRow> = diesel::sql_query(
        "SELECT l.name, l.origin = 'pk' AS \"primary\", x.name AS \"column\", x.key
         FROM pragma_index_list(?) AS l, pragma_index_xinfo(l.name) AS x ORDER BY l.seq, x.seqno",
    )
    .bind::<Text, _>(table)
    .load(conn)?;
    let mut indexes: Vec<Index> = Vec::new();
    for row in rows {
        let column = match row.column {
            None => rowid(),
            Some(name) => {
                let name = quoted(&name);
                let known = columns.iter().find(|column| column.name == name);
                known.cloned().unwrap_or_else(rowid)
            }
        };
        if indexes.last().is_none_or(|index| index.name != row.name) {
            indexes.push(Index {
                name: row.name,
                is_primary_key: row.primary,
                columns: Vec::new(),
                key: Vec::new(),
            });
        }
        if let Some(index) = indexes.last_mut() {
            if row.key {
                index.key.push(column.clone());
            }
            index.columns.push(column);
        }
    }
    Ok(indexes)
}

fn rowid() -> Column {
    Column {
        name: "rowid".to_owned(),
        is_text: false,
        is_integer: true,
        is_required: true,
    }
}

fn of_table(
    table: &str,
    columns: Vec<Column>,
    clustered: Option<Index>,
    indexes: &[Index],
) -> Vec<Tree> {
    let (key, how) = match clustered {
        None => (vec![rowid()], "NOT INDEXED".to_owned()),
        Some(index) => (index.key, format!("INDEXED BY {}", quoted(&index.name))),
    };
    let own = format!("{} AS t {how}", quoted(table));
    let by_key = key.iter().enumerate();
    let by_key = by_key.map(|(nth, column)| format!("t.{} IS r.k{nth}", column.name));
    let mut faults = vec![(
        absent(&own, by_key),
        format!("{table}: a row cannot be found by its key"),
    )];
    for column in &columns {
        faults.extend(column.faults(table));
    }
    let mut trees = Vec::new();
    for index in indexes {
        let source = format!("{} AS t INDEXED BY {}", quoted(table), quoted(&index.name));
        let has = index.columns.iter().map(|column| {
            let is_key = key.iter().position(|k| k.name == column.name);
            let value = is_key.map_or_else(|| column.name.clone(), |nth| format!("k{nth}"));
            format!("t.{} IS r.{value}", column.name)
        });
        faults.push((
            absent(&source, has),
            format!("{table}: a row is missing from the index {}", index.name),
        ));
        let entry = index.columns.iter().enumerate();
        let entry = entry.map(|(nth, column)| format!("t.{} IS r.k{nth}", column.name));
        trees.push(Tree {
            name: index.name.clone(),
            faults: vec![(
                absent(&own, entry),
                format!("{}: an entry has no row in {table}", index.name),
            )],
            source,
            key: index.columns.clone(),
            columns: Vec::new(),
        });
    }
    let table = Tree {
        name: table.to_owned(),
        source: own,
        key,
        columns,
        faults,
    };
    trees.insert(0, table);
    trees
}

fn absent(source: &str, conditions: impl Iterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.collect();
    let conditions = conditions.join(" AND ");
    format!("NOT EXISTS (SELECT 1 FROM {source} WHERE {conditions})")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Column {
    /// The invalid values that `PRAGMA integrity_check` finds too, and texts in a column of numbers.
    fn faults(&self, table: &str) -> Vec<(String, String)> {
        let Self { name, .. } = self;
        let mut faults = Vec::new();
        if self.is_required {
            let text = format!("{table}: NULL in the column {name}");
            faults.push((format!("r.{name} IS NULL"), text));
        }
        let wrong = match (self.is_text, self.is_integer) {
            (true, _) => "('integer', 'real')",
            (false, true) => "('text', 'blob')",
            (false, false) => return faults,
        };
        let text = format!("{table}: a value of another type in the column {name}");
        faults.push((format!("typeof(r.{name}) IN {wrong}"), text));
        faults
    }

    /// The terms of a row value that compare a value of this column as an index sorts it: NULL is
    /// equal to NULL and less than all others. A comparison with a NULL itself would have no result.
    pub(super) fn compared(&self, value: &str) -> String {
        if self.is_required {
            value.to_owned()
        } else {
            format!("{value} IS NOT NULL, coalesce({value}, 0)")
        }
    }

    /// The condition for all values above an SQL literal.
    pub(super) fn above(&self, value: &str) -> String {
        let Self { name, .. } = self;
        match (value, self.is_text) {
            // NULL comes first. Unlike IS NOT NULL, SQLite looks a bound up in the tree.
            ("NULL", true) => format!("t.{name} >= ''"),
            ("NULL", false) => format!("t.{name} >= -9e999"),
            _ => format!("t.{name} > {value}"),
        }
    }
}
