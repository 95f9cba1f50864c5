//! Names into slots, columns and ids; syntax into plans.
//!
//! A [`Binder`] walks the syntax tree of one statement with one catalog in hand. What comes out knows no name and no
//! text: see [`manicule_query::plan`] for the shape and [`manicule_query::expr`] for slots.
//!
//! ```text
//! SELECT a + 1 FROM t WHERE b = ?          t: slot 0, projection: slot 1
//!   Project [slot 0 . a + 1] -> slot 1
//!     Filter (slot 0 . b = parameter 0)    parameter 0 gets the type of t.b
//!       Scan t -> slot 0
//! ```
//!
//! # Levels
//!
//! Each query has a [`Level`](scope::Level) on a stack: the relations of its FROM, its aliases, its grouping. A name is
//! looked for from the innermost level outwards; a level that is passed on the way notes the slot as one of its outer
//! slots, which is all that a correlated subquery needs.
//!
//! # Depth
//!
//! Chains of operators are walked in loops. What recursion is left follows the nesting that the parser bounds.

mod aggregate;
mod chain;
mod change;
mod expr;
mod from;
mod function;
mod insert;
mod literal;
mod names;
mod query;
mod row;
mod same;
mod schema;
mod scope;
mod select;
mod types;

use std::sync::Arc;

use manicule_engine::{Catalog, ColumnType, TableSchema};
use manicule_query::plan::{Bound, Statement};
use sqlparser::ast::{self, Ident, ObjectName};
use sqlparser::tokenizer::Location;

pub(crate) use literal::fit_parameter;
pub(crate) use schema::SchemaChange;

use crate::error::{Error, Result, Span};
use crate::parse::{self, Parameters};
use scope::{Level, With};

/// The type of a column as far as it is known before its values are.
type KnownType = Option<ColumnType>;

/// Binds one statement.
#[derive(Debug)]
pub(crate) struct Binder<'a> {
    catalog: &'a Arc<Catalog>,
    /// The text that the tree was parsed from.
    text: &'a str,
    parameters: &'a Parameters,
    shared: Shared,
    levels: Vec<Level<'a>>,
    withs: Vec<With<'a>>,
}

/// What the binder of a statement shares with the binders of the views in it.
#[derive(Debug, Default)]
struct Shared {
    /// The types of each slot's columns.
    slots: Vec<Vec<KnownType>>,
    /// The type that each parameter is fitted to, and then those of the repeats.
    parameter_types: Vec<KnownType>,
    /// Which parameter each repeat is of: one that is fitted to another type, too.
    repeats: Vec<usize>,
    /// How many views are being bound inside one another.
    views: usize,
    /// How many queries are.
    queries: usize,
    /// How many views and queries of WITH have been bound, each as often as it is named.
    named_queries: usize,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(catalog: &'a Arc<Catalog>, text: &'a str, parameters: &'a Parameters) -> Self {
        let shared = Shared { parameter_types: vec![None; parameters.count], ..Shared::default() };
        Self { catalog, text, parameters, shared, levels: Vec::new(), withs: Vec::new() }
    }

    /// Binds a statement that reads or changes rows. Behind the values of its parameters it takes those of the parameters
    /// that are given beside it, once more.
    pub(crate) fn statement(mut self, statement: &'a ast::Statement) -> Result<(Bound, Vec<usize>)> {
        let statement = match statement {
            ast::Statement::Query(query) => match query.body.as_ref() {
                ast::SetExpr::Insert(change) | ast::SetExpr::Update(change) | ast::SetExpr::Delete(change) => {
                    query.with.iter().try_for_each(|with| self.push_withs(with))?;
                    self.change(change)?
                }
                _ => Statement::Query(self.query(query)?.0),
            },
            change => self.change(change)?,
        };
        let repeats = std::mem::take(&mut self.shared.repeats);
        Ok((self.finish(statement), repeats))
    }

    fn change(&mut self, statement: &'a ast::Statement) -> Result<Statement> {
        match statement {
            ast::Statement::Insert(insert) => self.insert(insert).map(Statement::Insert),
            ast::Statement::Update(update) => self.update(update).map(Statement::Update),
            ast::Statement::Delete(delete) => self.delete(delete).map(Statement::Delete),
            _ => Err(Error::not_supported("this statement")),
        }
    }

    fn finish(self, statement: Statement) -> Bound {
        Bound {
            statement,
            slot_count: self.shared.slots.len(),
            parameters: self.shared.parameter_types,
            catalog_version: self.catalog.version(),
        }
    }

    /// A new slot with columns of these types.
    fn new_slot(&mut self, types: Vec<KnownType>) -> usize {
        self.shared.slots.push(types);
        self.shared.slots.len() - 1
    }

    fn table_slot(&mut self, table: &TableSchema) -> usize {
        self.new_slot(table.columns.iter().map(|column| Some(column.column_type)).collect())
    }

    /// The innermost level.
    fn level(&mut self) -> &mut Level<'a> {
        self.levels.last_mut().expect("names are looked up inside a query")
    }

    /// Runs `bind` with a binder for another text, such as a view's, that shares the slots.
    /// Such a text has no parameters.
    fn with_text<'b, R>(
        &mut self,
        text: &'b str,
        parameters: &'b Parameters,
        bind: impl FnOnce(&mut Binder<'b>) -> Result<R>,
    ) -> Result<R>
    where
        'a: 'b,
    {
        let mut inner = Binder::new(self.catalog, text, parameters);
        inner.shared = std::mem::take(&mut self.shared);
        let bound = bind(&mut inner);
        self.shared = inner.shared;
        bound.map_err(Error::without_span)
    }

    /// The table of that name, for a change.
    fn table(&self, name: &ObjectName) -> Result<&'a Arc<TableSchema>> {
        let ident = object_ident(name)?;
        if let Some(table) = self.catalog.table(&ident.value) {
            return Ok(table);
        }
        if self.catalog.view(&ident.value).is_some() {
            let message = format!("{} is a view, and a view cannot be changed", ident.value);
            return Err(Error::invalid(message, "42809").at(self.span(ident)));
        }
        Err(self.unknown_table(ident))
    }

    fn unknown_table(&self, ident: &Ident) -> Error {
        let names = self.catalog.tables().map(|table| table.name.as_str());
        let views = self.catalog.views().map(|view| view.name.as_str());
        Error::unknown("table", &ident.value).at(self.span(ident)).suggesting(&ident.value, names.chain(views))
    }

    /// The position of a column in a table.
    fn column_of(&self, table: &TableSchema, ident: &Ident) -> Result<usize> {
        table.column_index(&ident.value).ok_or_else(|| {
            let names = table.columns.iter().map(|column| column.name.as_str());
            Error::unknown("column", &format!("{}.{}", table.name, ident.value))
                .at(self.span(ident))
                .suggesting(&ident.value, names)
        })
    }

    fn span(&self, ident: &Ident) -> Option<Span> {
        self.span_at(ident.span.start)
    }

    fn span_at(&self, location: Location) -> Option<Span> {
        parse::span_at(self.text, location)
    }
}

/// The name itself, without the name of the one database that there is.
fn object_ident(name: &ObjectName) -> Result<&Ident> {
    let parts: Option<Vec<&Ident>> = name.0.iter().map(|part| part.as_ident()).collect();
    match parts.as_deref() {
        Some([ident]) => Ok(ident),
        Some([schema, ident]) if is_main(schema) => Ok(ident),
        _ => Err(Error::unknown("table", &name.to_string())),
    }
}

fn is_main(schema: &Ident) -> bool {
    ["main", "temp", "public"].iter().any(|name| schema.value.eq_ignore_ascii_case(name))
}
