//! One SELECT: from its FROM to its ORDER BY.
//!
//! ```text
//! FROM ▸ WHERE ▸ GROUP BY ▸ HAVING ▸ select list (▸ hidden columns to sort by) ▸ DISTINCT ▸ ORDER BY
//! ```

use manicule_query::expr::{ColumnRef, Expr};
use manicule_query::plan::{LogicalPlan, OutputColumn, SortKey};
use sqlparser::ast::{self, OrderByExpr, Select, SelectItem};

use super::aggregate::has_aggregate;
use super::chain::number_in;
use super::query::{Body, check_width, sort_key};
use super::same::same;
use super::scope::{Grouping, first_of};
use super::{Binder, names};
use crate::error::{Error, Result};

/// The select list as it is bound.
#[derive(Debug, Default)]
struct Projection {
    /// The result, then what is only there to sort by.
    expressions: Vec<Expr>,
    columns: Vec<OutputColumn>,
    /// Which columns have neither an alias nor come from a `*`: ORDER BY looks for their names in FROM.
    unnamed: Vec<usize>,
}

impl Projection {
    /// The first result column that an alias or a `*` gives that name.
    fn named_column(&self, name: &str) -> Option<usize> {
        let is_named = |position: &usize| {
            self.columns[*position].name.eq_ignore_ascii_case(name) && !self.unnamed.contains(position)
        };
        (0..self.columns.len()).find(is_named)
    }
}

impl<'a> Binder<'a> {
    pub(super) fn select(&mut self, select: &'a Select, order_by: &'a [OrderByExpr]) -> Result<Body> {
        refuse_clauses(select)?;
        self.in_level(|binder| binder.select_body(select, order_by)).map(|(body, _)| body)
    }

    fn select_body(&mut self, select: &'a Select, order_by: &'a [OrderByExpr]) -> Result<Body> {
        let mut plan = self.from(&select.from)?;
        self.level().aliases = aliases(&select.projection);
        if let Some(predicate) = &select.selection {
            let predicate = self.expr(predicate)?;
            plan = LogicalPlan::Filter { input: Box::new(plan), predicate };
        }
        let is_grouped = is_grouped(select, order_by);
        if is_grouped {
            let keys = self.group_keys(&select.group_by, &select.projection)?;
            let slot = self.new_slot(Vec::new());
            self.level().grouping = Some(Grouping::new(keys, slot));
        }
        let mut projection = self.projection(&select.projection, select)?;
        let having = match &select.having {
            Some(having) => Some(self.expr(having)?),
            None => None,
        };
        let slot = self.new_slot(Vec::new());
        let keys = self.order_keys(order_by, &mut projection, slot)?;
        if let Some(grouping) = self.level().grouping.take() {
            grouping.check_bare_columns()?;
            plan = self.aggregate_plan(plan, grouping);
        }
        if let Some(predicate) = having {
            if !is_grouped {
                return Err(Error::grouping("HAVING needs GROUP BY or an aggregate"));
            }
            plan = LogicalPlan::Filter { input: Box::new(plan), predicate };
        }
        self.shared.slots[slot] = projection.expressions.iter().map(|expr| self.type_of(expr)).collect();
        let mut columns = projection.columns;
        for (column, column_type) in columns.iter_mut().zip(&self.shared.slots[slot]) {
            column.column_type = *column_type;
        }
        plan = LogicalPlan::Project { input: Box::new(plan), expressions: projection.expressions, slot };
        if is_distinct(select)? {
            plan = LogicalPlan::Distinct { input: Box::new(plan), columns: columns.len() };
        }
        if !keys.is_empty() {
            plan = LogicalPlan::Sort { input: Box::new(plan), keys };
        }
        Ok(Body { plan, columns, slot })
    }

    fn aggregate_plan(&mut self, input: LogicalPlan, grouping: Grouping) -> LogicalPlan {
        self.shared.slots[grouping.slot] = self.group_types(&grouping);
        LogicalPlan::Aggregate {
            input: Box::new(input),
            group_by: grouping.keys,
            aggregates: grouping.aggregates,
            slot: grouping.slot,
        }
    }

    fn projection(&mut self, items: &'a [SelectItem], select: &Select) -> Result<Projection> {
        let start = crate::parse::offset(self.text, select.select_token.0.span.start);
        let mut projection = Projection::default();
        let mut texts = None;
        // Names that the list itself gives mean nothing inside it.
        let aliases = std::mem::take(&mut self.level().aliases);
        for (position, item) in items.iter().enumerate() {
            let text = |texts: &mut Option<Vec<&'a str>>, whole: &'a str| {
                let texts =
                    texts.get_or_insert_with(|| start.map_or(Vec::new(), |start| names::items(&whole[start..])));
                texts.get(position).map_or("?column?", |text| text).to_owned()
            };
            let whole = self.text;
            self.select_item(item, &mut projection, || text(&mut texts, whole))?;
        }
        self.level().aliases = aliases;
        check_width(projection.columns.len())?;
        Ok(projection)
    }

    fn select_item(
        &mut self,
        item: &'a SelectItem,
        projection: &mut Projection,
        text: impl FnOnce() -> String,
    ) -> Result<()> {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let bound = self.expr(expr)?;
                let name = match expr {
                    ast::Expr::Identifier(ident) => self.column_name(&bound, &ident.value),
                    ast::Expr::CompoundIdentifier(parts) => {
                        self.column_name(&bound, parts.last().map_or("", |ident| ident.value.as_str()))
                    }
                    _ => text(),
                };
                projection.unnamed.push(projection.columns.len());
                Self::push_column(projection, bound, name);
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let bound = self.expr(expr)?;
                Self::push_column(projection, bound, alias.value.clone());
            }
            SelectItem::Wildcard(options) => {
                refuse_options(options)?;
                self.wildcard(None, projection)?;
            }
            SelectItem::QualifiedWildcard(ast::SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                refuse_options(options)?;
                self.wildcard(Some(super::object_ident(name)?), projection)?;
            }
            _ => return Err(Error::not_supported("this item of a select list")),
        }
        Ok(())
    }

    fn push_column(projection: &mut Projection, expr: Expr, name: String) {
        // The type is known when the aggregates are.
        projection.columns.push(OutputColumn { name, column_type: None });
        projection.expressions.push(expr);
    }

    /// The name of a column as its table has it; as it is written where it has none, as in a group.
    fn column_name(&self, bound: &Expr, written: &str) -> String {
        let Expr::Column(column) = bound else { return written.to_owned() };
        let relations = self.levels.iter().flat_map(|level| &level.relations);
        let mut named = relations.filter(|relation| relation.slot == column.slot);
        named.next().and_then(|relation| relation.columns.names().nth(column.column)).unwrap_or(written).to_owned()
    }

    /// `*` or `table.*`.
    fn wildcard(&mut self, table: Option<&ast::Ident>, projection: &mut Projection) -> Result<()> {
        let level = self.levels.last().expect("a select list is inside its query");
        let mut found = Vec::new();
        for relation in &level.relations {
            if table.is_some_and(|table| !relation.name.eq_ignore_ascii_case(&table.value)) {
                continue;
            }
            for (column, name) in relation.columns.names().enumerate() {
                let column = ColumnRef { slot: relation.slot, column };
                // What USING has made one stands where the first of the two does.
                let shown = if table.is_some() { column } else { level.shown(column) };
                if level.hidden.is_empty() || found.iter().all(|(known, _)| *known != shown) {
                    found.push((shown, name.to_owned()));
                }
            }
        }
        if found.is_empty() {
            return Err(match table {
                Some(table) => Error::unknown("table", &table.value).at(self.span(table)),
                None => Error::syntax("SELECT * needs a FROM"),
            });
        }
        for (column, name) in found {
            let columns = if table.is_some() { vec![column] } else { self.level().merged_with(column) };
            let expr = self.over_groups(columns);
            Self::push_column(projection, expr, name);
        }
        Ok(())
    }

    /// A column of the rows, of which several may be made one, or what stands for it in a group.
    fn over_groups(&mut self, columns: Vec<ColumnRef>) -> Expr {
        let of_rows = first_of(columns.iter().copied().map(Expr::Column).collect());
        if let Some(key) = self.group_key(&of_rows) {
            return key;
        }
        match &mut self.level().grouping {
            None => of_rows,
            Some(grouping) => {
                first_of(columns.into_iter().map(|column| Expr::Column(grouping.column(column))).collect())
            }
        }
    }

    /// The keys of ORDER BY, over the projection's slot; what is not in the select list is added behind it.
    fn order_keys(
        &mut self,
        order_by: &'a [OrderByExpr],
        projection: &mut Projection,
        slot: usize,
    ) -> Result<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(order_by.len());
        for item in order_by {
            let column = self.order_column(&item.expr, projection)?;
            keys.push(sort_key(Expr::Column(ColumnRef { slot, column }), item)?);
        }
        Ok(keys)
    }

    fn order_column(&mut self, ast: &'a ast::Expr, projection: &mut Projection) -> Result<usize> {
        if let Some(digits) = number_in(ast) {
            return self.position(digits, projection.columns.len(), "ORDER BY");
        }
        if let ast::Expr::Identifier(ident) = ast
            && let Some(column) = projection.named_column(&ident.value)
        {
            return Ok(column);
        }
        let bound = self.expr(ast)?;
        let known = projection.expressions.iter().position(|expr| same(expr, &bound));
        Ok(known.unwrap_or_else(|| {
            projection.expressions.push(bound);
            projection.expressions.len() - 1
        }))
    }
}

fn aliases(items: &[SelectItem]) -> Vec<(&str, &ast::Expr)> {
    items
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => Some((alias.value.as_str(), expr)),
            _ => None,
        })
        .collect()
}

fn is_grouped(select: &Select, order_by: &[OrderByExpr]) -> bool {
    let has_keys = match &select.group_by {
        ast::GroupByExpr::All(_) => true,
        ast::GroupByExpr::Expressions(items, _) => !items.is_empty(),
    };
    let in_list = select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => has_aggregate(expr),
        _ => false,
    });
    has_keys
        || in_list
        || select.having.as_ref().is_some_and(has_aggregate)
        || order_by.iter().any(|item| has_aggregate(&item.expr))
}

fn is_distinct(select: &Select) -> Result<bool> {
    match &select.distinct {
        None | Some(ast::Distinct::All) => Ok(false),
        Some(ast::Distinct::Distinct) => Ok(true),
        Some(ast::Distinct::On(_)) => Err(Error::not_supported("DISTINCT ON")),
    }
}

fn refuse_options(options: &ast::WildcardAdditionalOptions) -> Result<()> {
    let is_plain = options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none();
    if is_plain { Ok(()) } else { Err(Error::not_supported("an option of *")) }
}

fn refuse_clauses(select: &Select) -> Result<()> {
    let refused = [
        ("TOP", select.top.is_some()),
        ("SELECT INTO", select.into.is_some()),
        ("LATERAL VIEW", !select.lateral_views.is_empty()),
        ("PREWHERE", select.prewhere.is_some()),
        ("CONNECT BY", !select.connect_by.is_empty()),
        ("a window function", !select.named_window.is_empty()),
        ("QUALIFY", select.qualify.is_some()),
        ("EXCLUDE", select.exclude.is_some()),
        ("CLUSTER BY", !select.cluster_by.is_empty() || !select.distribute_by.is_empty()),
        ("SORT BY", !select.sort_by.is_empty()),
    ];
    match refused.iter().find(|(_, is_there)| *is_there) {
        Some((clause, _)) => Err(Error::not_supported(*clause)),
        None => Ok(()),
    }
}
