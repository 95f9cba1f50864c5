//! EXPLAIN: the plan that runs, described once and written as text or as JSON.
//!
//! ```text
//! MultiIndex lookup on flights using flights_tailnum  (est 97 rows)
//!   key: tailnum = 'N14228'
//!   filter: month < 6
//! Not used: flights_pkey (hash): no predicate on id
//! ```

mod describe;
mod json;
mod text;

use crate::execute::{Analysis, Counter};
use crate::physical::{AccessPath, ExplainFormat, Node, NodeKind, PhysicalPlan};
use describe::Describer;

/// A step, as it is shown.
#[derive(Debug)]
pub(crate) struct Description {
    /// What it does, in words.
    title: String,
    /// What PostgreSQL calls such a step.
    node_type: &'static str,
    /// Further facts: label, PostgreSQL's key for it, the fact.
    facts: Vec<(&'static str, &'static str, String)>,
    /// The expected rows, where there is a step behind it.
    rows: Option<f64>,
    counter: Option<Counter>,
    /// How the steps above see it: `Outer`, `Inner`, `SubPlan`.
    relationship: &'static str,
    inputs: Vec<Description>,
}

/// An index that no path uses.
#[derive(Debug)]
pub(crate) struct UnusedIndex {
    index: String,
    kind: &'static str,
    table: String,
    reason: String,
}

/// All that EXPLAIN shows.
#[derive(Debug)]
pub(crate) struct Explanation<'a> {
    root: Description,
    subqueries: Vec<Description>,
    not_used: Vec<UnusedIndex>,
    rewrites: &'a [&'static str],
    analysis: Option<&'a Analysis>,
}

/// The plan, with what a run has shown.
pub(crate) fn explain(plan: &PhysicalPlan, format: ExplainFormat, analysis: Option<&Analysis>) -> String {
    let explanation = Describer::new(plan, analysis).explanation();
    match format {
        ExplainFormat::Text => text::write(&explanation),
        ExplainFormat::Json => json::write(&explanation),
    }
}

/// How the rows are found, in a few words.
pub(crate) fn via(plan: &PhysicalPlan) -> String {
    let mut paths = Vec::new();
    let mut visit = |node: &Node| collect_paths(plan, node, &mut paths);
    roots(plan).for_each(|root| for_each_node(root, &mut visit));
    if paths.is_empty() { String::new() } else { format!("via {}", paths.join(" + ")) }
}

/// The trees of a plan: its own and those of its subqueries.
fn roots(plan: &PhysicalPlan) -> impl Iterator<Item = &Node> {
    use crate::physical::Action;
    let root = match &plan.action {
        Action::Query(output) => &output.root,
        Action::Insert(insert) => &insert.source.root,
        Action::Update(update) => &update.input,
        Action::Delete(delete) => &delete.input,
    };
    std::iter::once(root).chain(plan.subplans.iter().map(|subplan| &subplan.output.root))
}

/// Calls `visit` with the node and all below it.
fn for_each_node<'n>(node: &'n Node, visit: &mut dyn FnMut(&'n Node)) {
    visit(node);
    for input in node.inputs() {
        for_each_node(input, visit);
    }
}

fn collect_paths(plan: &PhysicalPlan, node: &Node, paths: &mut Vec<String>) {
    let NodeKind::Scan(scan) = &node.kind else { return };
    let Some(table) = plan.catalog.table_by_id(scan.table) else { return };
    let mut add = |path: String| {
        if !paths.contains(&path) {
            paths.push(path);
        }
    };
    let mut pending = vec![&scan.path];
    while let Some(path) = pending.pop() {
        let (index, is_range) = match path {
            AccessPath::FullScan if scan.covering.is_some() => {
                add(format!("row count of {}", table.name));
                continue;
            }
            AccessPath::FullScan => {
                add(format!("full scan of {}, {}", table.name, describe::row_count(scan.table_rows as f64)));
                continue;
            }
            AccessPath::Union(paths) => {
                pending.extend(paths.iter().rev());
                continue;
            }
            AccessPath::Lookup(lookup) => (lookup.index, false),
            AccessPath::Range(range) => (range.index, true),
            AccessPath::Members(members) => (members.index, false),
        };
        if let Some(index) = table.index(index) {
            let kind = if is_range && index.unique { "tree" } else { index.kind_word() };
            let covering = if scan.covering.is_some() { ", covering" } else { "" };
            add(format!("{} ({kind}{covering})", index.name));
        }
    }
}
