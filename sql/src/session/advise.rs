//! Which index would help a statement: [`Session::advise`].
//!
//! The tables that the statement reads are copied into a database of its own in memory, with their indexes; of large ones
//! a sample. There each index that might help is really built, and the router is asked for its plan. What is advised is
//! so what the router would do, and not what another model of it would expect.

use std::ops::ControlFlow;

use manicule_engine::{
    Catalog, Database, IndexColumn, IndexDefinition, IndexMethod, IndexSchema, TableDefinition, TableId, TableSchema,
    View,
};
use manicule_query::{CancellationToken, Proposal, Routing, proposals};
use sqlparser::keywords::ALL_KEYWORDS;

use super::Session;
use super::compile::{Compiled, bind, compile};
use super::prepared::single;
use crate::error::Result;
use crate::split::StatementText;

/// How many rows of a table are copied; of a larger one a sample.
const SAMPLE_ROWS_MAX: u64 = 100_000;
/// How many groups of indexes are advised for one statement.
const ROUNDS_MAX: usize = 3;
/// An index must make the statement this many times cheaper.
const GAIN_MIN: f64 = 2.0;
/// Of indexes whose costs are within this factor, or so close that nobody notices, the smallest is taken.
const ALIKE: f64 = 1.25;
const UNNOTICED_COST: f64 = 32.0;

/// What would help a statement.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Advice {
    /// The CREATE INDEX statements; none if there is nothing to gain.
    pub statements: Vec<String>,
    /// The plan as it is.
    pub now: Estimate,
    /// The plan with those indexes; without any the same as `now`.
    pub then: Estimate,
    /// The tables of which a sample was looked at: their names, the rows of the sample, all rows.
    pub samples: Vec<(String, u64, u64)>,
}

/// What is expected of a plan.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Estimate {
    /// Its cost: 1 is a row read in a full scan.
    pub cost: f64,
    /// How the rows are found, in a few words.
    pub via: String,
}

impl Session {
    /// Proposes the indexes that would make a statement at least twice as cheap, by building them on a copy of its tables
    /// and asking the router. Changes nothing. Copies the tables, so it takes as long as an import of up to 100,000 rows of
    /// each, and as much memory.
    ///
    /// # Errors
    ///
    /// Those of planning the statement, and that it was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use manicule_engine::Database;
    /// use manicule_sql::Session;
    ///
    /// let mut session = Session::new(&Database::in_memory());
    /// session.execute("CREATE TABLE t (a INTEGER, b INTEGER)")?;
    /// let rows: Vec<String> = (0..1000).map(|row| format!("({}, {row})", row % 100)).collect();
    /// session.execute(&format!("INSERT INTO t VALUES {}", rows.join(",")))?;
    /// let advice = session.advise("SELECT b FROM t WHERE a = ?")?;
    /// assert_eq!(advice.statements, ["CREATE INDEX t_a ON t USING HASH (a)"]);
    /// assert!(advice.then.cost < advice.now.cost / 2.0);
    /// # Ok::<(), manicule_sql::Error>(())
    /// ```
    pub fn advise(&mut self, sql: &str) -> Result<Advice> {
        self.token.reset();
        let token = self.token.clone();
        match &self.open {
            Some(open) => advise(sql, &open.transaction.view(), &token),
            None => advise(sql, &self.reader.view(), &token),
        }
    }
}

fn advise(sql: &str, view: &View<'_>, token: &CancellationToken) -> Result<Advice> {
    let statement = single(sql)?;
    let bound = bind(statement, view.catalog())?;
    let (tables, groups) = proposals(&bound);
    let mut workshop = Workshop { database: Database::in_memory(), statement, token };
    let samples = workshop.copy(view, &tables)?;
    let now = workshop.estimate()?;
    let mut advice = Advice { then: now.clone(), now, samples, ..Advice::default() };
    let mut groups: Vec<Vec<Definition>> =
        groups.iter().map(|group| group.iter().filter_map(|p| Definition::of(p, view.catalog())).collect()).collect();
    for _ in 0..ROUNDS_MAX {
        let Some((best, estimate)) = workshop.best(&groups)? else { break };
        if estimate.cost * GAIN_MIN > advice.then.cost {
            break;
        }
        let group = groups.swap_remove(best);
        group.iter().try_for_each(|definition| workshop.build(definition).map(|_| ()))?;
        advice.statements.extend(group.iter().map(|definition| definition.to_sql(view.catalog())));
        advice.then = estimate;
    }
    Ok(advice)
}

/// A copy of some tables, and the statement that is asked about.
struct Workshop<'w> {
    database: Database,
    statement: StatementText<'w>,
    token: &'w CancellationToken,
}

impl Workshop<'_> {
    /// Copies all schemas, so that the statement can be bound, and the rows of these tables.
    fn copy(&mut self, view: &View<'_>, read: &[TableId]) -> Result<Vec<(String, u64, u64)>> {
        let catalog = view.catalog();
        let mut samples = Vec::new();
        for table in catalog.tables() {
            let copy = self.database.create_table(definition(table))?;
            if read.contains(&table.id) {
                samples.extend(self.copy_rows(view, table, copy)?);
            }
            for index in table.indexes.iter().filter(|index| !index.constraint) {
                let IndexSchema { name, columns, unique, method, .. } = index.clone();
                self.database.create_index(copy, IndexDefinition { name, columns, unique, method })?;
            }
        }
        catalog.views().try_for_each(|view| self.database.create_view((**view).clone()))?;
        Ok(samples)
    }

    /// Copies every row, or every so many of a large table: then its name, the copied rows and all rows.
    fn copy_rows(&self, view: &View<'_>, table: &TableSchema, copy: TableId) -> Result<Option<(String, u64, u64)>> {
        let row_count = view.row_count(table.id);
        let step = row_count.div_ceil(SAMPLE_ROWS_MAX).max(1);
        let mut transaction = self.database.begin();
        let (mut seen, mut copied) = (0_u64, 0);
        let flow = view.scan(table.id, |_, row| {
            seen += 1;
            if seen.is_multiple_of(1024)
                && let Err(error) = self.check()
            {
                return ControlFlow::Break(error);
            }
            if !seen.is_multiple_of(step) {
                return ControlFlow::Continue(());
            }
            copied += 1;
            match transaction.insert(copy, row.to_owned()) {
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error.into()),
            }
        });
        if let ControlFlow::Break(error) = flow {
            return Err(error);
        }
        transaction.commit()?;
        Ok((step > 1).then(|| (table.name.clone(), copied, seen)))
    }

    /// The group that makes the statement cheapest; of those that are nearly alike the one with the fewest columns, and of
    /// these the first.
    fn best(&self, groups: &[Vec<Definition>]) -> Result<Option<(usize, Estimate)>> {
        let mut estimates = Vec::with_capacity(groups.len());
        for (position, group) in groups.iter().enumerate() {
            self.check()?;
            let built = group.iter().map(|definition| self.build(definition)).collect::<Result<Vec<_>>>()?;
            estimates.push((position, self.estimate()?));
            built.into_iter().try_for_each(|index| self.database.drop_index(index))?;
        }
        let least = estimates.iter().map(|(_, estimate)| estimate.cost).fold(f64::INFINITY, f64::min);
        let size = |position: usize| groups[position].iter().map(|definition| definition.columns.len()).sum::<usize>();
        let alike = estimates.into_iter().filter(|(_, estimate)| estimate.cost <= least * ALIKE + UNNOTICED_COST);
        Ok(alike.min_by_key(|(position, _)| size(*position)))
    }

    fn build(&self, definition: &Definition) -> Result<manicule_engine::IndexId> {
        let table = self.database.catalog().table(&definition.table).map(|table| table.id);
        let table = table.expect("every table of the catalog was copied");
        let Definition { name, columns, method, .. } = definition.clone();
        Ok(self.database.create_index(table, IndexDefinition { name, columns, unique: false, method })?)
    }

    /// What the router would do now.
    fn estimate(&self) -> Result<Estimate> {
        let mut reader = self.database.reader();
        match compile(self.statement, &reader.view(), Routing::Automatic)? {
            Compiled::Plan(planned) | Compiled::Explain { planned, .. } => {
                Ok(Estimate { cost: planned.plan.cost(), via: planned.plan.via() })
            }
            _ => Ok(Estimate::default()),
        }
    }

    fn check(&self) -> Result<()> {
        if self.token.is_cancelled() { Err(manicule_query::Error::Cancelled.into()) } else { Ok(()) }
    }
}

/// A proposed index with a name.
#[derive(Clone, Debug)]
struct Definition {
    name: String,
    table: String,
    columns: Vec<IndexColumn>,
    method: IndexMethod,
}

impl Definition {
    /// Names a proposal for its table and columns, as nothing else is named; none if the table has such an index.
    fn of(proposal: &Proposal, catalog: &Catalog) -> Option<Self> {
        let table = catalog.table_by_id(proposal.table)?;
        let Proposal { columns, method, .. } = proposal.clone();
        let names = columns.iter().map(|column| table.columns[column.column].name.as_str());
        let base = [table.name.as_str()].into_iter().chain(names).collect::<Vec<_>>().join("_");
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        let mut free = std::iter::once(base.clone()).chain(numbered).filter(|name| catalog.index(name).is_none());
        Some(Self { name: free.next()?, table: table.name.clone(), columns, method })
    }

    fn to_sql(&self, catalog: &Catalog) -> String {
        let Some(table) = catalog.table(&self.table) else { return String::new() };
        let column = |column: &IndexColumn| {
            let direction = if column.descending { " DESC" } else { "" };
            format!("{}{direction}", quoted(&table.columns[column.column].name))
        };
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        let method = match self.method {
            IndexMethod::Hash => "HASH",
            IndexMethod::Tree | IndexMethod::HashAndTree => "TREE",
        };
        let (name, table) = (quoted(&self.name), quoted(&self.table));
        format!("CREATE INDEX {name} ON {table} USING {method} ({})", columns.join(", "))
    }
}

/// What makes a table like this one, with its constraints.
fn definition(table: &TableSchema) -> TableDefinition {
    let key = |index: &IndexSchema| index.columns.iter().map(|column| column.column).collect::<Vec<_>>();
    let constraints = table.indexes.iter().filter(|index| index.constraint).map(key);
    TableDefinition {
        name: table.name.clone(),
        columns: table.columns.clone(),
        primary_key: table.primary_key.clone(),
        unique: constraints.filter(|columns| *columns != table.primary_key).collect(),
        checks: table.checks.clone(),
    }
}

/// A name as SQL takes it.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
        && ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_err();
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
