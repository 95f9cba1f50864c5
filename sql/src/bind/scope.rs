//! What names mean at a place of the statement.

use std::sync::Arc;

use manicule_engine::TableSchema;
use manicule_query::expr::{AggregateCall, ColumnRef, Expr, Function};
use sqlparser::ast::{self, Ident};

use super::{Binder, same::same};
use crate::error::{Error, ErrorKind, Result};

/// The names of one query.
#[derive(Debug, Default)]
pub(super) struct Level<'a> {
    /// The tables of FROM, in their order.
    pub(super) relations: Vec<Relation>,
    /// Columns that USING hides, and which one each of them is shown as.
    pub(super) hidden: Vec<(ColumnRef, ColumnRef)>,
    /// Columns that USING of a full join has made one, each a list: under its name stands the first that is not NULL. The
    /// head of the list is not hidden.
    pub(super) merged: Vec<Vec<ColumnRef>>,
    /// The names that the select list gives, for the clauses that come after it.
    pub(super) aliases: Vec<(&'a str, &'a ast::Expr)>,
    /// Set while expressions over groups are bound.
    pub(super) grouping: Option<Grouping>,
    /// The slots of outer levels that were read.
    pub(super) outer_slots: Vec<usize>,
}

impl Level<'_> {
    pub(super) fn is_hidden(&self, column: ColumnRef) -> bool {
        self.hidden.iter().any(|(hidden, _)| *hidden == column)
    }

    /// The column itself, or the one that stands for it.
    pub(super) fn shown(&self, column: ColumnRef) -> ColumnRef {
        let mut shown = column;
        // A column is shown as one of a later join, or of the same: there is no circle.
        while let Some((_, other)) = self.hidden.iter().find(|(hidden, _)| *hidden == shown) {
            shown = *other;
        }
        shown
    }

    /// The columns that stand for one together, which is visible; often it is alone.
    pub(super) fn merged_with(&self, column: ColumnRef) -> Vec<ColumnRef> {
        let merged = self.merged.iter().find(|merged| merged.first() == Some(&column));
        merged.cloned().unwrap_or_else(|| vec![column])
    }
}

/// The first value of several that is not NULL, the only one as it is.
pub(super) fn first_of(mut columns: Vec<Expr>) -> Expr {
    match columns.len() {
        1 => columns.remove(0),
        _ => Expr::Function { function: Function::Coalesce, arguments: columns },
    }
}

/// A table, view or subquery under its name.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) slot: usize,
    pub(super) columns: Columns,
    /// Whether its columns are found only with its name before them, as EXCLUDED's are.
    pub(super) is_qualified_only: bool,
}

/// The names of a relation's columns.
#[derive(Debug)]
pub(super) enum Columns {
    /// Those of a table.
    Table(Arc<TableSchema>),
    /// Those of a query.
    Named(Vec<String>),
}

impl Columns {
    pub(super) fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Table(table) => Box::new(table.columns.iter().map(|column| column.name.as_str())),
            Self::Named(names) => Box::new(names.iter().map(String::as_str)),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        match self {
            Self::Table(table) => table.column_index(name),
            Self::Named(names) => names.iter().position(|column| column.eq_ignore_ascii_case(name)),
        }
    }
}

/// The groups of a query while its select list, HAVING and ORDER BY are bound.
#[derive(Debug)]
pub(super) struct Grouping {
    /// The keys, over the rows.
    pub(super) keys: Vec<Expr>,
    /// The aggregates found so far, over the rows.
    pub(super) aggregates: Vec<AggregateCall>,
    /// The slot of the group's row: the keys, then the aggregates.
    pub(super) slot: usize,
    /// Whether names mean columns of the rows: inside an aggregate's argument.
    pub(super) is_over_rows: bool,
    /// Whether a column was read that is neither a key nor inside an aggregate.
    pub(super) has_bare_column: bool,
    /// Whether MIN or MAX was called.
    pub(super) has_extreme: bool,
}

/// What a column of a group's row is.
pub(super) enum GroupPart<'g> {
    Key(&'g Expr),
    Aggregate(&'g AggregateCall),
}

/// A query with a name: `WITH name AS (…)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct With<'a> {
    pub(super) cte: &'a ast::Cte,
}

/// A column that a name was found to mean.
struct Found {
    level: usize,
    column: ColumnRef,
}

impl<'a> Binder<'a> {
    pub(super) fn push_relation(&mut self, name: &str, slot: usize, columns: Columns) {
        let relation = Relation { name: name.to_owned(), slot, columns, is_qualified_only: false };
        self.level().relations.push(relation);
    }

    /// Binds inside a level of its own; gives the outer slots, too.
    pub(super) fn in_level<R>(&mut self, bind: impl FnOnce(&mut Self) -> Result<R>) -> Result<(R, Vec<usize>)> {
        self.levels.push(Level::default());
        let bound = bind(self);
        let level = self.levels.pop().expect("levels are pushed and popped in pairs");
        Ok((bound?, level.outer_slots))
    }

    /// What a name without a table before it means.
    pub(super) fn name(&mut self, ident: &'a Ident) -> Result<Expr> {
        for level in (0..self.levels.len()).rev() {
            if let Some(column) = self.find_in_level(level, ident)? {
                let columns = self.levels[level].merged_with(column);
                return Ok(first_of(columns.into_iter().map(|column| self.found(&Found { level, column })).collect()));
            }
            if level + 1 == self.levels.len()
                && let Some(expr) = self.alias(&ident.value)
            {
                return self.aliased(expr);
            }
        }
        Err(self.unknown_column(ident))
    }

    /// What `table.column` means.
    pub(super) fn qualified_name(&mut self, table: &Ident, ident: &Ident) -> Result<Expr> {
        let mut has_table = false;
        for level in (0..self.levels.len()).rev() {
            let relations = &self.levels[level].relations;
            let Some(relation) = relations.iter().find(|relation| relation.name.eq_ignore_ascii_case(&table.value))
            else {
                continue;
            };
            has_table = true;
            if let Some(column) = relation.columns.position(&ident.value) {
                let column = ColumnRef { slot: relation.slot, column };
                return Ok(self.found(&Found { level, column }));
            }
        }
        if has_table {
            let error = Error::unknown("column", &format!("{}.{}", table.value, ident.value));
            return Err(self.suggest_columns(error, ident).at(self.span(ident)));
        }
        let names = self.levels.iter().flat_map(|level| &level.relations).map(|relation| relation.name.as_str());
        Err(Error::unknown("table", &table.value).at(self.span(table)).suggesting(&table.value, names))
    }

    fn find_in_level(&self, level: usize, ident: &Ident) -> Result<Option<ColumnRef>> {
        let level = &self.levels[level];
        let mut found = None;
        for relation in level.relations.iter().filter(|relation| !relation.is_qualified_only) {
            let Some(column) = relation.columns.position(&ident.value) else { continue };
            let column = ColumnRef { slot: relation.slot, column };
            if level.is_hidden(column) {
                continue;
            }
            if found.is_some() {
                let error = Error::new(ErrorKind::Ambiguous { name: ident.value.as_str().into() });
                return Err(error.at(self.span(ident)).with_hint("write the table's name before it"));
            }
            found = Some(column);
        }
        Ok(found)
    }

    /// Notes what the levels in between read, and replaces a column of rows by the group's where groups are meant.
    fn found(&mut self, found: &Found) -> Expr {
        let mut column = found.column;
        if let Some(grouping) = &mut self.levels[found.level].grouping
            && !grouping.is_over_rows
        {
            column = grouping.column(column);
        }
        for level in &mut self.levels[found.level + 1..] {
            if !level.outer_slots.contains(&column.slot) {
                level.outer_slots.push(column.slot);
            }
        }
        Expr::Column(column)
    }

    /// The expression that the select list gives that name to.
    pub(super) fn alias(&mut self, name: &str) -> Option<&'a ast::Expr> {
        self.level().aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map(|&(_, expr)| expr)
    }

    /// Binds an alias's expression; inside it aliases mean nothing, so that none can mean itself.
    pub(super) fn aliased(&mut self, expr: &'a ast::Expr) -> Result<Expr> {
        let aliases = std::mem::take(&mut self.level().aliases);
        let bound = self.expr(expr);
        self.level().aliases = aliases;
        bound
    }

    fn unknown_column(&self, ident: &Ident) -> Error {
        let error = Error::unknown("column", &ident.value).at(self.span(ident));
        match ident.quote_style {
            Some('"') => error.with_hint("a string is written in single quotes: 'text'"),
            _ => self.suggest_columns(error, ident),
        }
    }

    fn suggest_columns(&self, error: Error, ident: &Ident) -> Error {
        let relations = self.levels.iter().rev().flat_map(|level| &level.relations);
        error.suggesting(&ident.value, relations.flat_map(|relation| relation.columns.names()))
    }

    /// What a column is if it is one of a group's row, while the expressions over that are bound.
    pub(super) fn group_part(&self, column: ColumnRef) -> Option<GroupPart<'_>> {
        let mut groupings = self.levels.iter().filter_map(|level| level.grouping.as_ref());
        let grouping = groupings.find(|grouping| grouping.slot == column.slot)?;
        Some(match grouping.keys.get(column.column) {
            Some(key) => GroupPart::Key(key),
            None => GroupPart::Aggregate(grouping.aggregates.get(column.column - grouping.keys.len())?),
        })
    }

    /// Whether a bound expression is one of the group's keys; its column if so.
    pub(super) fn group_key(&self, bound: &Expr) -> Option<Expr> {
        let grouping = self.levels.last()?.grouping.as_ref()?;
        let column = grouping.keys.iter().position(|key| same(key, bound))?;
        Some(Expr::Column(ColumnRef { slot: grouping.slot, column }))
    }
}
