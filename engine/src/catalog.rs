//! Names, schemas and ids.
//!
//! A [`Catalog`] is immutable. Each change of the schema makes a new one with the next [`version`](Catalog::version);
//! a snapshot keeps the one it began with. Names are case-insensitive in ASCII and keep the case they were written in.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::{IndexId, TableId};
use crate::value::{ColumnType, Value};

/// One more than the greatest id of a table, an index or a storage. A state has a word for every few of them, so this many
/// are more than anybody has.
pub(crate) const ID_LIMIT: u32 = 1 << 26;

/// All tables, indexes and views of a database at one moment.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub(crate) version: u64,
    /// The next table's id.
    pub(crate) next_table: u32,
    /// The next index's id.
    pub(crate) next_index: u32,
    /// The next storage's id.
    pub(crate) next_storage: u32,
    /// By lower-case name.
    pub(crate) tables: BTreeMap<String, Arc<TableSchema>>,
    /// By lower-case name.
    pub(crate) views: BTreeMap<String, Arc<ViewSchema>>,
}

impl Catalog {
    /// Grows by one with every change of the schema.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&Arc<TableSchema>> {
        self.tables.get(&name.to_ascii_lowercase())
    }

    /// The table of that id; linear in the number of tables.
    pub fn table_by_id(&self, id: TableId) -> Option<&Arc<TableSchema>> {
        self.tables.values().find(|table| table.id == id)
    }

    /// All tables, by name.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableSchema>> {
        self.tables.values()
    }

    /// The index of that name and its table; linear in the number of indexes.
    pub fn index(&self, name: &str) -> Option<(&Arc<TableSchema>, &IndexSchema)> {
        self.tables.values().find_map(|table| {
            let index = table.indexes.iter().find(|index| index.name.eq_ignore_ascii_case(name))?;
            Some((table, index))
        })
    }

    /// The view of that name.
    pub fn view(&self, name: &str) -> Option<&Arc<ViewSchema>> {
        self.views.get(&name.to_ascii_lowercase())
    }

    /// All views, by name.
    pub fn views(&self) -> impl Iterator<Item = &Arc<ViewSchema>> {
        self.views.values()
    }
}

/// A table: its columns and its indexes.
#[derive(Clone, Debug)]
pub struct TableSchema {
    /// Its identity.
    pub id: TableId,
    /// Its name, as it was written.
    pub name: String,
    /// Its columns; a row's values come in this order.
    pub columns: Vec<Column>,
    /// The columns of the primary key, empty if there is none.
    pub primary_key: Vec<usize>,
    /// CHECK constraints as SQL text: the engine keeps them, the SQL layer enforces them.
    pub checks: Vec<String>,
    /// Its indexes, in order of creation; a primary key and each UNIQUE constraint come first.
    pub indexes: Vec<IndexSchema>,
}

impl TableSchema {
    /// The position of the column of that name.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The column with the *number* of a row, if there is one: the INTEGER that is the primary key alone. Where numbers count
    /// up, every index can tell them: [`View::tells_numbers`](crate::View::tells_numbers).
    pub fn number(&self) -> Option<usize> {
        let &[column] = self.primary_key.as_slice() else { return None };
        (self.columns.get(column)?.column_type == ColumnType::Integer).then_some(column)
    }

    /// The index of that id.
    pub fn index(&self, id: IndexId) -> Option<&IndexSchema> {
        self.indexes.iter().find(|index| index.id == id)
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name, as it was written.
    pub name: String,
    /// The type of its values.
    pub column_type: ColumnType,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// What an INSERT that does not name the column puts in, and rows get that were there before the column.
    pub default: Value<'static>,
    /// The expression, as text, whose value an INSERT puts in instead, computed anew each time. The engine keeps it and does
    /// not know what it means; [`default`](Self::default) is its value when the column was made.
    pub default_sql: Option<String>,
}

impl Column {
    /// A column that takes NULL and has no default.
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        Self { name: name.into(), column_type, not_null: false, default: Value::Null, default_sql: None }
    }
}

/// An index of a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IndexSchema {
    /// Its identity.
    pub id: IndexId,
    /// Its name, as it was written.
    pub name: String,
    /// The columns of its key.
    pub columns: Vec<IndexColumn>,
    /// Whether two rows with the same key are refused. NULL differs from every other key.
    pub unique: bool,
    /// Which questions it answers.
    pub method: IndexMethod,
    /// Whether a constraint made it: it cannot be dropped alone.
    pub constraint: bool,
}

/// A column of an index's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexColumn {
    /// The position of the column in its table.
    pub column: usize,
    /// Whether the index runs from the greatest value to the smallest.
    pub descending: bool,
}

/// Which questions an index answers, and so which structures it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexMethod {
    /// `USING HASH`: equality on the whole key.
    Hash,
    /// `USING TREE`: equality, ranges and order.
    Tree,
    /// Both structures, each for its own question: unique indexes where nothing else is said.
    HashAndTree,
}

impl IndexSchema {
    /// The position in the key of a column of `table`, if the key says what the column's value is as it is stored. That of
    /// a REAL does not: it has one zero for 0.0 and -0.0. The [number](TableSchema::number) of a row stands behind the last
    /// column, where it is told.
    pub fn covers(&self, table: &TableSchema, column: usize) -> Option<usize> {
        let is_exact = table.columns.get(column).is_some_and(|column| column.column_type != ColumnType::Real);
        let in_key = self.columns.iter().position(|key| key.column == column).filter(|_| is_exact);
        in_key.or_else(|| (table.number() == Some(column)).then_some(self.columns.len()))
    }

    /// Whether the index answers equality on all its columns by hashing.
    pub fn has_hash(&self) -> bool {
        matches!(self.method, IndexMethod::Hash | IndexMethod::HashAndTree)
    }

    /// Whether the index answers ranges and orders.
    pub fn has_tree(&self) -> bool {
        matches!(self.method, IndexMethod::Tree | IndexMethod::HashAndTree)
    }

    /// The structure that answers equality on the whole key.
    pub fn lookup_structure(&self) -> &'static str {
        match (self.unique, self.has_hash()) {
            (true, true) => "HashIndex",
            (true, false) => "TreeIndex",
            (false, _) => "MultiIndex",
        }
    }

    /// The structure that answers ranges and orders.
    pub fn range_structure(&self) -> &'static str {
        if self.unique { "TreeIndex" } else { "MultiIndex" }
    }

    /// The word for the index's kind in the shell: `hash`, `tree` or `multi`, as it answers equality.
    pub fn kind_word(&self) -> &'static str {
        match (self.unique, self.method) {
            (false, _) => "multi",
            (true, IndexMethod::Tree) => "tree",
            (true, _) => "hash",
        }
    }
}

/// A view: a name for a query.
#[derive(Clone, Debug)]
pub struct ViewSchema {
    /// Its name, as it was written.
    pub name: String,
    /// The names of its columns, empty if the query names them.
    pub columns: Vec<String>,
    /// The query's text.
    pub sql: String,
}
