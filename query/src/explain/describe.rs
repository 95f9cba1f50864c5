//! From the plan to the words.

use std::fmt::Write as _;
use std::ops::Bound;

use manicule_engine::{ColumnType, Direction, IndexSchema, TableId, TableSchema};

use super::{Description, Explanation, UnusedIndex, for_each_node, roots};
use crate::execute::Analysis;
use crate::expr::print::write_expr;
use crate::expr::{AggregateCall, AggregateFunction, ColumnRef, Expr, SubqueryForm};
use crate::physical::{
    AccessPath, Action, IndexLookup, IndexMembers, IndexRange, KeyPart, Node, NodeKind, NotUsed, PhysicalPlan, Sort,
    TableScan,
};
use crate::plan::{JoinKind, SetOperationKind, SortKey};

/// What the rows of a slot are.
#[derive(Clone, Copy)]
enum Source<'p> {
    Unknown,
    Table(TableId),
    Exprs(&'p [Expr]),
    Groups(&'p [Expr], &'p [AggregateCall]),
}

/// Describes one plan.
pub(super) struct Describer<'p> {
    plan: &'p PhysicalPlan,
    analysis: Option<&'p Analysis>,
    sources: Vec<Source<'p>>,
    /// Whether columns need their table's name.
    is_qualified: bool,
}

/// `1 row`, `27,004 rows`.
pub(super) fn row_count(rows: f64) -> String {
    let count = rows.round().max(0.0) as u64;
    format!("{} row{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Digits in groups of three.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl<'p> Describer<'p> {
    pub(super) fn new(plan: &'p PhysicalPlan, analysis: Option<&'p Analysis>) -> Self {
        let mut sources = vec![Source::Unknown; plan.slot_count];
        let mut scans = 0;
        roots(plan).for_each(|root| {
            for_each_node(root, &mut |node| match &node.kind {
                NodeKind::Scan(scan) => {
                    scans += 1;
                    sources[scan.slot] = Source::Table(scan.table);
                }
                NodeKind::Project { expressions, slot, .. } => sources[*slot] = Source::Exprs(expressions),
                NodeKind::Aggregate { group_by, aggregates, slot, .. } => {
                    sources[*slot] = Source::Groups(group_by, aggregates);
                }
                _ => {}
            });
        });
        Self { plan, analysis, sources, is_qualified: scans > 1 }
    }

    pub(super) fn explanation(&self) -> Explanation<'p> {
        let root = match &self.plan.action {
            Action::Query(output) => self.node(&output.root),
            Action::Insert(insert) => self.change("Insert into", insert.table, &insert.source.root),
            Action::Update(update) => self.change("Update of", update.table, &update.input),
            Action::Delete(delete) => self.change("Delete from", delete.table, &delete.input),
        };
        let subqueries = self.plan.subplans.iter().enumerate().map(|(position, subplan)| {
            let how = match (subplan.form, &subplan.output.root.kind) {
                (SubqueryForm::Matches, NodeKind::Project { expressions, .. }) => self.hashed_by(expressions),
                (SubqueryForm::Grouped { groups }, NodeKind::Project { expressions, .. }) if groups == position => {
                    self.hashed_by(&expressions[1..])
                }
                (SubqueryForm::Grouped { .. }, _) => "run for the first outer row".to_owned(),
                _ if subplan.outer_slots.is_empty() => "run once".to_owned(),
                _ => "run for each outer row".to_owned(),
            };
            let title = format!("Subquery {} ({how})", position + 1);
            let mut description = plain(title, "Result", vec![self.node(&subplan.output.root)]);
            description.relationship = "SubPlan";
            description
        });
        let mut not_used = Vec::new();
        roots(self.plan).for_each(|root| for_each_node(root, &mut |node| self.collect_unused(node, &mut not_used)));
        Explanation {
            root,
            subqueries: subqueries.collect(),
            not_used,
            rewrites: &self.plan.rewrites,
            analysis: self.analysis,
        }
    }

    /// How a subquery is run that is looked up by these.
    fn hashed_by(&self, keys: &[Expr]) -> String {
        let keys: Vec<String> = keys.iter().map(|key| self.text(key)).collect();
        format!("run once, hashed by {}", keys.join(", "))
    }

    fn change(&self, what: &str, table: TableId, input: &Node) -> Description {
        let mut description =
            plain(format!("{what} {}", self.table_name(table)), "ModifyTable", vec![self.node(input)]);
        let changed = self.analysis.and_then(|analysis| analysis.changed);
        description.facts.extend(changed.map(|rows| ("changed", "Changed Rows", row_count(rows as f64))));
        description
    }

    /// Describes a step. A projection is not shown: its input stands for it.
    fn node(&self, node: &Node) -> Description {
        let mut description = match &node.kind {
            NodeKind::Project { input, .. } => return self.node(input),
            NodeKind::Unit => plain("One row".into(), "Result", Vec::new()),
            NodeKind::Values { rows, .. } => plain(values_title(rows.len()), "Values Scan", Vec::new()),
            NodeKind::Scan(scan) => self.scan(scan),
            NodeKind::Filter { input, predicate } => {
                let mut filter = plain("Filter".into(), "Result", vec![self.node(input)]);
                filter.facts.push(("filter", "Filter", self.text(predicate)));
                filter
            }
            NodeKind::NestedLoop(join) => {
                let mut loops =
                    plain(join_title("Nested loop", join.kind), "Nested Loop", self.sides(&join.left, &join.right));
                loops.facts.extend(join.on.iter().map(|on| ("on", "Join Filter", self.text(on))));
                loops
            }
            NodeKind::HashJoin(join) => {
                let mut hash =
                    plain(join_title("Hash join", join.kind), "Hash Join", self.sides(&join.left, &join.right));
                let equals = |nulls_match: &bool| if *nulls_match { "IS" } else { "=" };
                let keys = join.left_keys.iter().zip(&join.nulls_match).zip(&join.right_keys);
                let keys: Vec<String> = keys
                    .map(|((left, matches), right)| {
                        format!("{} {} {}", self.text(left), equals(matches), self.text(right))
                    })
                    .collect();
                hash.facts.push(("key", "Hash Cond", keys.join(" AND ")));
                hash.facts.extend(join.on.iter().map(|on| ("on", "Join Filter", self.text(on))));
                hash
            }
            NodeKind::Aggregate { input, group_by, aggregates, in_order, .. } => {
                let mut aggregate = self.aggregate(input, group_by, aggregates);
                if *in_order {
                    aggregate.title = "Aggregate, group by group".to_owned();
                }
                aggregate
            }
            NodeKind::Distinct { input, .. } => plain("Distinct".into(), "Unique", vec![self.node(input)]),
            NodeKind::Sort(sort) => self.sort(sort),
            NodeKind::Limit { input, limit, offset } => {
                let mut limited = plain("Limit".into(), "Limit", vec![self.node(input)]);
                limited.facts.extend(limit.iter().map(|limit| ("rows", "Limit", self.text(limit))));
                limited.facts.extend(offset.iter().map(|offset| ("offset", "Offset", self.text(offset))));
                limited
            }
            NodeKind::SetOperation(operation) => {
                let word = match operation.kind {
                    SetOperationKind::Union => "Union",
                    SetOperationKind::Intersect => "Intersect",
                    SetOperationKind::Except => "Except",
                };
                let title = if operation.all { format!("{word} all") } else { word.to_owned() };
                plain(title, "SetOp", self.sides(&operation.left, &operation.right))
            }
        };
        description.rows = Some(node.rows);
        description.counter = self.analysis.and_then(|analysis| analysis.counters.get(node.id).copied());
        if let (NodeKind::Scan(TableScan { covering: Some(_), .. }), Some(counter)) = (&node.kind, &description.counter)
        {
            description.facts.push(("rows read", "Heap Fetches", grouped(counter.rows_read)));
        }
        description
    }

    fn sides(&self, left: &Node, right: &Node) -> Vec<Description> {
        let mut right = self.node(right);
        right.relationship = "Inner";
        vec![self.node(left), right]
    }

    fn sort(&self, sort: &Sort) -> Description {
        let title = match &sort.top {
            Some(_) if sort.keys_of_paths > 0 => "Sort, first rows of each path only",
            Some(_) => "Sort, first rows only",
            None => "Sort",
        };
        let mut sorted = plain(title.into(), "Sort", vec![self.node(&sort.input)]);
        let (before, keys) = sort.keys.split_at(sort.presorted.map_or(0, |presorted| presorted.keys));
        let mut by = self.sort_keys(keys);
        if !before.is_empty() {
            let before: Vec<String> = before.iter().map(|key| self.text(&key.expr)).collect();
            let _ = write!(by, " within each {}", before.join(", "));
            sorted.node_type = "Incremental Sort";
        }
        sorted.facts.push(("by", "Sort Key", by));
        sorted
    }

    fn aggregate(&self, input: &Node, group_by: &[Expr], aggregates: &[AggregateCall]) -> Description {
        let title = if group_by.is_empty() { "Aggregate" } else { "Hash aggregate" };
        let mut description = plain(title.into(), "Aggregate", vec![self.node(input)]);
        if !group_by.is_empty() {
            let keys: Vec<String> = group_by.iter().map(|expr| self.text(expr)).collect();
            description.facts.push(("by", "Group Key", keys.join(", ")));
        }
        if !aggregates.is_empty() {
            let calls: Vec<String> = aggregates.iter().map(|call| self.call(call)).collect();
            description.facts.push(("computes", "Output", calls.join(", ")));
        }
        description
    }

    fn call(&self, call: &AggregateCall) -> String {
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let argument = match (&call.argument, call.function) {
            (None, _) | (_, AggregateFunction::CountRows) => "*".to_owned(),
            (Some(argument), _) => self.text(argument),
        };
        let order = match call.order_by.as_slice() {
            [] => String::new(),
            keys => format!(" ORDER BY {}", self.sort_keys(keys)),
        };
        format!("{}({distinct}{argument}{order})", call.function.name())
    }

    fn sort_keys(&self, keys: &[SortKey]) -> String {
        let keys: Vec<String> = keys
            .iter()
            .map(|key| {
                let direction = if key.descending { " DESC" } else { "" };
                let nulls = match (key.nulls_first, key.descending) {
                    (true, true) => " NULLS FIRST",
                    (false, false) => " NULLS LAST",
                    (true, false) | (false, true) => "",
                };
                format!("{}{direction}{nulls}", self.text(&key.expr))
            })
            .collect();
        keys.join(", ")
    }

    fn scan(&self, scan: &TableScan) -> Description {
        let Some(table) = self.plan.catalog.table_by_id(scan.table) else {
            return plain("Full scan of a dropped table".into(), "Seq Scan", Vec::new());
        };
        let mut description = self.path(table, scan, &scan.path);
        description.facts.extend(scan.residual.iter().map(|filter| ("filter", "Filter", self.text(filter))));
        description.facts.push(("", "Relation Name", table.name.clone()));
        description
    }

    fn path(&self, table: &TableSchema, scan: &TableScan, path: &AccessPath) -> Description {
        match path {
            AccessPath::FullScan if scan.covering.is_some() => row_count_of(table),
            AccessPath::FullScan => plain(
                format!("Full scan of {}, {}", table.name, row_count(scan.table_rows as f64)),
                "Seq Scan",
                Vec::new(),
            ),
            AccessPath::Lookup(lookup) => self.lookup(table, scan, lookup),
            AccessPath::Range(range) => self.range(table, scan, range),
            AccessPath::Members(members) => self.members(table, scan, members),
            AccessPath::Union(paths) => {
                let paths = paths.iter().map(|path| self.path(table, scan, path)).collect();
                plain(format!("Union of paths on {}", table.name), "BitmapOr", paths)
            }
        }
    }

    fn lookup(&self, table: &TableSchema, scan: &TableScan, lookup: &IndexLookup) -> Description {
        let Some(index) = table.index(lookup.index) else { return dropped_index() };
        let keys: usize = lookup.columns.iter().map(|column| column.values.len()).product();
        let lookups = if keys == 1 { "lookup".to_owned() } else { format!("lookup of {keys} keys") };
        let (covering, node_type) = covering_words(scan);
        let structure = index.lookup_structure();
        let title = format!("{structure} {covering}{lookups} on {} using {}", table.name, index.name);
        let mut description = plain(title, node_type, Vec::new());
        let parts = lookup.columns.iter().enumerate().map(|(position, column)| {
            let name = self.key_name(scan, index, position);
            match column.values.as_slice() {
                [value] => format!("{name} = {}", self.text(value)),
                values => {
                    let list = Expr::InList {
                        operand: Box::new(key_column(scan, index, position)),
                        list: values.to_vec(),
                        negated: false,
                    };
                    self.text(&list)
                }
            }
        });
        description.facts.push(("key", "Index Cond", parts.collect::<Vec<_>>().join(" AND ")));
        description.facts.push(("", "Index Name", index.name.clone()));
        description
    }

    fn members(&self, table: &TableSchema, scan: &TableScan, members: &IndexMembers) -> Description {
        let Some(index) = table.index(members.index) else { return dropped_index() };
        let number = members.subplan + 1;
        let structure = index.lookup_structure();
        let title = format!("{structure} lookup of subquery {number} on {} using {}", table.name, index.name);
        let mut description = plain(title, "Index Scan", Vec::new());
        let columns: Vec<String> =
            (0..members.columns.len()).map(|position| self.key_name(scan, index, position)).collect();
        let key = format!("{} IN (subquery {number})", row(&columns));
        description.facts.push(("key", "Index Cond", key));
        let otherwise =
            format!("full scan, where the subquery's rows are many of {}", row_count(scan.table_rows as f64));
        description.facts.push(("or", "Alternative", otherwise));
        description.facts.push(("", "Index Name", index.name.clone()));
        description
    }

    fn range(&self, table: &TableSchema, scan: &TableScan, range: &IndexRange) -> Description {
        let Some(index) = table.index(range.index) else { return dropped_index() };
        let backward = range.direction == Direction::Backward;
        let (covering, node_type) = covering_words(scan);
        let title = format!(
            "{} {covering}range on {} using {}{}",
            index.range_structure(),
            table.name,
            index.name,
            if backward { ", backward" } else { "" }
        );
        let mut description = plain(title, node_type, Vec::new());
        let mut parts: Vec<String> = range
            .prefix
            .iter()
            .enumerate()
            .map(|(position, (_, part))| match part {
                KeyPart::Equals(expr) => format!("{} = {}", self.key_name(scan, index, position), self.text(expr)),
                KeyPart::IsNull => format!("{} IS NULL", self.key_name(scan, index, position)),
            })
            .collect();
        if range.bounded.is_some() {
            let name = self.key_name(scan, index, range.prefix.len());
            let names = |columns: usize| {
                let names = (0..=columns).map(|column| self.key_name(scan, index, range.prefix.len() + column));
                names.collect::<Vec<_>>()
            };
            parts.extend(self.bound(&names(range.lower_rest.len()), [">=", ">"], (&range.lower, &range.lower_rest)));
            parts.extend(self.bound(&names(range.upper_rest.len()), ["<=", "<"], (&range.upper, &range.upper_rest)));
            let is_unbounded = matches!((&range.lower, &range.upper), (Bound::Unbounded, Bound::Unbounded));
            parts.extend((range.skips_nulls && is_unbounded).then(|| format!("{name} IS NOT NULL")));
        }
        let bounds = if parts.is_empty() { "all, in the index's order".to_owned() } else { parts.join(" AND ") };
        description.facts.push(("bounds", "Index Cond", bounds));
        description.facts.push(("", "Index Name", index.name.clone()));
        description.facts.push(("", "Scan Direction", if backward { "Backward" } else { "Forward" }.into()));
        description
    }

    /// `a > 1`, `(a, b) > (1, 2)`.
    fn bound(
        &self,
        names: &[String],
        [included, excluded]: [&str; 2],
        (bound, rest): (&Bound<Expr>, &[(ColumnType, Expr)]),
    ) -> Option<String> {
        let (first, operator) = match bound {
            Bound::Unbounded => return None,
            Bound::Included(expr) => (expr, included),
            Bound::Excluded(expr) => (expr, excluded),
        };
        let values = std::iter::once(first).chain(rest.iter().map(|(_, expr)| expr));
        let values: Vec<String> = values.map(|expr| self.text(expr)).collect();
        Some(format!("{} {operator} {}", row(names), row(&values)))
    }

    fn key_name(&self, scan: &TableScan, index: &IndexSchema, position: usize) -> String {
        self.text(&key_column(scan, index, position))
    }

    fn collect_unused(&self, node: &Node, unused: &mut Vec<UnusedIndex>) {
        let NodeKind::Scan(scan) = &node.kind else { return };
        let Some(table) = self.plan.catalog.table_by_id(scan.table) else { return };
        for (index, reason) in &scan.not_used {
            let Some(index) = table.index(*index) else { continue };
            let reason = self.reason(table, scan, index, reason);
            let kind = index.kind_word();
            unused.push(UnusedIndex { index: index.name.clone(), kind, table: table.name.clone(), reason });
        }
    }

    fn reason(&self, table: &TableSchema, scan: &TableScan, index: &IndexSchema, reason: &NotUsed) -> String {
        let column = |key: usize| table.columns[index.columns[key].column].name.as_str();
        match reason {
            NotUsed::NoPredicate => format!("no predicate on {}", column(0)),
            NotUsed::EqualityOnly => {
                let columns: Vec<&str> = (0..index.columns.len()).map(column).collect();
                format!("answers only equality on {}", columns.join(", "))
            }
            NotUsed::KeepsMuch { rows } => {
                format!("keeps est {} of {}", grouped(rows.round() as u64), row_count(scan.table_rows as f64))
            }
            NotUsed::FindsMore { rows } => format!("finds est {}, another path fewer or as few", row_count(*rows)),
            NotUsed::Forced => "full scans are asked for".to_owned(),
        }
    }

    fn table_name(&self, table: TableId) -> String {
        self.plan.catalog.table_by_id(table).map_or_else(|| "a dropped table".into(), |table| table.name.clone())
    }

    fn text(&self, expr: &Expr) -> String {
        let mut text = String::new();
        write_expr(expr, &|column| self.column(column), &mut text).expect("writing to a string does not fail");
        text
    }

    fn column(&self, column: ColumnRef) -> String {
        match self.sources.get(column.slot).copied().unwrap_or(Source::Unknown) {
            Source::Table(table) => {
                let Some(table) = self.plan.catalog.table_by_id(table) else { return "?".into() };
                let name = table.columns.get(column.column).map_or("?", |column| column.name.as_str());
                if self.is_qualified { format!("{}.{name}", table.name) } else { name.to_owned() }
            }
            Source::Exprs(exprs) => exprs.get(column.column).map_or_else(|| "?".into(), |expr| self.text(expr)),
            Source::Groups(keys, calls) => match keys.get(column.column) {
                Some(key) => self.text(key),
                None => calls.get(column.column - keys.len()).map_or_else(|| "?".into(), |call| self.call(call)),
            },
            Source::Unknown => format!("column {}", column.column + 1),
        }
    }
}

fn key_column(scan: &TableScan, index: &IndexSchema, position: usize) -> Expr {
    Expr::column(scan.slot, index.columns[position].column)
}

fn plain(title: String, node_type: &'static str, inputs: Vec<Description>) -> Description {
    Description { title, node_type, facts: Vec::new(), rows: None, counter: None, relationship: "Outer", inputs }
}

/// What a path is called of which its index has all that is read: in the title, and by PostgreSQL.
fn covering_words(scan: &TableScan) -> (&'static str, &'static str) {
    if scan.covering.is_some() { ("covering ", "Index Only Scan") } else { ("", "Index Scan") }
}

fn row_count_of(table: &TableSchema) -> Description {
    let mut description = plain(format!("Row count of {}", table.name), "Seq Scan", Vec::new());
    description.facts.push(("or", "Alternative", "full scan, while some rows have older versions".to_owned()));
    description
}

fn dropped_index() -> Description {
    plain("Path by a dropped index".into(), "Index Scan", Vec::new())
}

fn values_title(rows: usize) -> String {
    if rows == 0 { "No row: the condition is never true".into() } else { format!("Values, {}", row_count(rows as f64)) }
}

/// One part as it is, several in parentheses.
fn row(parts: &[String]) -> String {
    match parts {
        [only] => only.clone(),
        _ => format!("({})", parts.join(", ")),
    }
}

fn join_title(way: &str, kind: JoinKind) -> String {
    match kind {
        JoinKind::Inner => way.to_owned(),
        JoinKind::Left => format!("{way}, left"),
        JoinKind::Full => format!("{way}, full"),
    }
}
