//! FROM: tables, views, subqueries and their joins, from left to right.

use manicule_query::expr::{ColumnRef, Expr};
use manicule_query::plan::{JoinKind, LogicalPlan};
use sqlparser::ast::{self, Join, JoinConstraint, JoinOperator, SetExpr, TableAlias, TableFactor, TableWithJoins};

use super::query::Body;
use super::scope::{Columns, Level, first_of};
use super::{Binder, object_ident};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{NAMED_QUERIES_MAX, TABLES_MAX, VIEWS_MAX, too_complex};
use crate::parse::{self, Parameters};
use crate::split::levels_of;
use crate::stack::with_room_for;

/// What a view counts for among the levels of the views in it.
const LEVELS_OF_VIEW: usize = 3;

/// What a join does, and with which of its sides first.
struct Side<'a> {
    kind: JoinKind,
    constraint: &'a JoinConstraint,
    is_right: bool,
}

impl<'a> Binder<'a> {
    /// Binds FROM, whose relations the level then has. Commas are joins without a condition.
    pub(super) fn from(&mut self, from: &'a [TableWithJoins]) -> Result<LogicalPlan> {
        let mut plan: Option<LogicalPlan> = None;
        for item in from {
            let relation = self.table_factor(&item.relation)?;
            let mut joined = match plan {
                Some(left) => inner_join(left, relation),
                None => relation,
            };
            for join in &item.joins {
                joined = self.join(joined, join)?;
            }
            plan = Some(joined);
        }
        let level = self.level();
        if level.relations.len() > TABLES_MAX {
            return Err(too_complex("too many tables in one FROM", TABLES_MAX));
        }
        refuse_same_names(level)?;
        Ok(plan.unwrap_or(LogicalPlan::Unit))
    }

    fn join(&mut self, left: LogicalPlan, join: &'a Join) -> Result<LogicalPlan> {
        let side = side(&join.join_operator)?;
        let split = self.level().relations.len();
        let right = self.table_factor(&join.relation)?;
        let on = match side.constraint {
            JoinConstraint::None => None,
            JoinConstraint::On(condition) => Some(self.expr(condition)?),
            JoinConstraint::Using(columns) => {
                let mut names = Vec::with_capacity(columns.len());
                for column in columns {
                    names.push(object_ident(column)?.value.clone());
                }
                Some(self.using(&names, split, &side)?)
            }
            JoinConstraint::Natural => {
                let names = self.common_names(split);
                if names.is_empty() { None } else { Some(self.using(&names, split, &side)?) }
            }
        };
        let (left, right) = if side.is_right { (right, left) } else { (left, right) };
        Ok(LogicalPlan::Join { left: Box::new(left), right: Box::new(right), kind: side.kind, on })
    }

    /// The names that both sides of a join have; the right side's relations begin at `split`.
    fn common_names(&mut self, split: usize) -> Vec<String> {
        let (left, right) = self.level().relations.split_at(split);
        let left: Vec<&str> = left.iter().flat_map(|relation| relation.columns.names()).collect();
        let right = right.iter().flat_map(|relation| relation.columns.names());
        right.filter(|name| left.iter().any(|other| other.eq_ignore_ascii_case(name))).map(str::to_owned).collect()
    }

    /// The condition of USING; of each pair of columns one is hidden. A full join has NULLs on either side, so there the other
    /// stands for both.
    fn using(&mut self, names: &[String], split: usize, side: &Side<'_>) -> Result<Expr> {
        let mut conditions = Vec::with_capacity(names.len());
        for name in names {
            let level = self.level();
            let left = find(level, 0..split, name)?;
            let right = find(level, split..level.relations.len(), name)?;
            level.hidden.push(if side.is_right { (left, right) } else { (right, left) });
            let [mut of_left, of_right] = [left, right].map(|column| level.merged_with(column));
            let [left_value, right_value] =
                [&of_left, &of_right].map(|columns| first_of(columns.iter().copied().map(Expr::Column).collect()));
            conditions.push(Self::equal(left_value, right_value));
            if side.kind == JoinKind::Full {
                level.merged.retain(|merged| merged.first() != Some(&left));
                of_left.extend(of_right);
                level.merged.push(of_left);
            }
        }
        Ok(if conditions.len() == 1 { conditions.remove(0) } else { Expr::And(conditions) })
    }

    fn table_factor(&mut self, factor: &'a TableFactor) -> Result<LogicalPlan> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => self.named_relation(name, alias.as_ref()),
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let body = self.without_siblings(|binder| {
                    let (query, slot) = binder.query(subquery)?;
                    Ok(Body { plan: query.plan, columns: query.columns, slot })
                })?;
                let is_values = matches!(subquery.body.as_ref(), SetExpr::Values(_));
                let name = alias.as_ref().map_or(if is_values { "values" } else { "" }, |alias| &alias.name.value);
                self.push_body(name, &body, column_names(alias.as_ref()))?;
                Ok(body.plan)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.nested_join(table_with_joins),
            _ => Err(Error::not_supported("this item of FROM")),
        }
    }

    /// Joins in parentheses, which do not see the relations before them.
    fn nested_join(&mut self, nested: &'a TableWithJoins) -> Result<LogicalPlan> {
        let mut relations = std::mem::take(&mut self.level().relations);
        let mut plan = self.table_factor(&nested.relation)?;
        for join in &nested.joins {
            plan = self.join(plan, join)?;
        }
        let level = self.level();
        relations.append(&mut level.relations);
        level.relations = relations;
        Ok(plan)
    }

    /// Binds a query of FROM, which does not see the relations beside it.
    fn without_siblings<R>(&mut self, bind: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let level = self.level();
        let relations = std::mem::take(&mut level.relations);
        let hidden = std::mem::take(&mut level.hidden);
        let merged = std::mem::take(&mut level.merged);
        let bound = bind(self);
        let level = self.level();
        level.relations = relations;
        level.hidden = hidden;
        level.merged = merged;
        bound
    }

    /// A table, a view or a query of WITH.
    fn named_relation(&mut self, name: &'a ast::ObjectName, alias: Option<&'a TableAlias>) -> Result<LogicalPlan> {
        let ident = object_ident(name)?;
        let shown = alias.map_or(ident.value.as_str(), |alias| alias.name.value.as_str());
        let names = column_names(alias);
        if let Some(position) =
            self.withs.iter().rposition(|with| with.cte.alias.name.value.eq_ignore_ascii_case(&ident.value))
        {
            let cte = self.withs[position].cte;
            self.count_named_query()?;
            let body = self.with_query(position, cte)?;
            let names = if names.is_empty() { column_names(Some(&cte.alias)) } else { names };
            self.push_body(shown, &body, names)?;
            return Ok(body.plan);
        }
        if let Some(table) = self.catalog.table(&ident.value) {
            if !names.is_empty() {
                return Err(Error::not_supported("new names for the columns of a table"));
            }
            let slot = self.table_slot(table);
            self.push_relation(shown, slot, Columns::Table(table.clone()));
            return Ok(LogicalPlan::Scan { table: table.id, slot });
        }
        let Some(view) = self.catalog.view(&ident.value) else { return Err(self.unknown_table(ident)) };
        self.count_named_query()?;
        let body = self.view(&view.sql)?;
        let names = if names.is_empty() { view.columns.clone() } else { names };
        self.push_body(shown, &body, names)?;
        Ok(body.plan)
    }

    fn count_named_query(&mut self) -> Result<()> {
        self.shared.named_queries += 1;
        match self.shared.named_queries > NAMED_QUERIES_MAX {
            true => Err(too_complex(
                "too many views and queries of WITH, each counted where it is named",
                NAMED_QUERIES_MAX,
            )),
            false => Ok(()),
        }
    }

    /// Binds a query of WITH; it sees only those before it.
    fn with_query(&mut self, position: usize, cte: &'a ast::Cte) -> Result<Body> {
        let later = self.withs.split_off(position);
        let bound = self.without_siblings(|binder| binder.query(&cte.query));
        self.withs.truncate(position);
        self.withs.extend(later);
        let (query, slot) = bound?;
        Ok(Body { plan: query.plan, columns: query.columns, slot })
    }

    fn view(&mut self, sql: &str) -> Result<Body> {
        if self.shared.views >= VIEWS_MAX {
            return Err(too_complex("views nested too deeply", VIEWS_MAX));
        }
        self.shared.views += 1;
        let levels = levels_of(sql) + LEVELS_OF_VIEW * self.shared.views;
        let bound = with_room_for(levels, || self.view_query(sql));
        self.shared.views -= 1;
        bound
    }

    fn view_query(&mut self, sql: &str) -> Result<Body> {
        let parsed = parse::parse_statement(sql).map_err(Error::without_span)?;
        let parse::Command::Run(statement) = parsed.command else {
            return Err(Error::syntax("a view is a query"));
        };
        let ast::Statement::Query(query) = statement.as_ref() else {
            return Err(Error::syntax("a view is a query"));
        };
        let parameters = Parameters::default();
        self.with_text(sql, &parameters, |binder| {
            let (query, slot) = binder.query(query)?;
            Ok(Body { plan: query.plan, columns: query.columns, slot })
        })
    }

    /// Makes a query's result a relation, its columns renamed if names are given.
    fn push_body(&mut self, name: &str, body: &Body, names: Vec<String>) -> Result<()> {
        if !names.is_empty() && names.len() != body.columns.len() {
            return Err(Error::new(ErrorKind::ColumnCount { expected: body.columns.len(), found: names.len() }));
        }
        let names = match names.is_empty() {
            true => body.columns.iter().map(|column| column.name.clone()).collect(),
            false => names,
        };
        self.push_relation(name, body.slot, Columns::Named(names));
        Ok(())
    }
}

pub(super) fn inner_join(left: LogicalPlan, right: LogicalPlan) -> LogicalPlan {
    LogicalPlan::Join { left: Box::new(left), right: Box::new(right), kind: JoinKind::Inner, on: None }
}

fn side(operator: &JoinOperator) -> Result<Side<'_>> {
    let (kind, constraint, is_right) = match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) | JoinOperator::CrossJoin(constraint) => {
            (JoinKind::Inner, constraint, false)
        }
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (JoinKind::Left, constraint, false),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (JoinKind::Left, constraint, true),
        JoinOperator::FullOuter(constraint) => (JoinKind::Full, constraint, false),
        _ => return Err(Error::not_supported("this kind of join")),
    };
    Ok(Side { kind, constraint, is_right })
}

fn find(level: &Level<'_>, relations: std::ops::Range<usize>, name: &str) -> Result<ColumnRef> {
    let columns = level.relations[relations].iter().flat_map(|relation| {
        let named = relation.columns.names().enumerate().filter(|(_, column)| column.eq_ignore_ascii_case(name));
        named.map(|(column, _)| ColumnRef { slot: relation.slot, column })
    });
    let mut columns = columns.filter(|column| !level.is_hidden(*column));
    match (columns.next(), columns.next()) {
        (Some(column), None) => Ok(column),
        (None, _) => Err(Error::unknown("column", name)),
        (Some(_), Some(_)) => Err(Error::new(ErrorKind::Ambiguous { name: name.into() })),
    }
}

fn column_names(alias: Option<&TableAlias>) -> Vec<String> {
    alias.map_or(Vec::new(), |alias| alias.columns.iter().map(|column| column.name.value.clone()).collect())
}

pub(super) fn refuse_same_names(level: &Level<'_>) -> Result<()> {
    for (position, relation) in level.relations.iter().enumerate() {
        let is_taken = |other: &super::scope::Relation| other.name.eq_ignore_ascii_case(&relation.name);
        if !relation.name.is_empty() && level.relations[..position].iter().any(is_taken) {
            let message = format!("table name {} is in FROM more than once", relation.name);
            return Err(Error::invalid(message, "42712").with_hint("give one of them an alias"));
        }
    }
    Ok(())
}
