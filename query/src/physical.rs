//! Skeleton.
use std::ops::ControlFlow;

use manicule_engine::{ColumnType, Transaction, Value, View};

use crate::context::{ExecutionContext, PlanOptions};
use crate::error::{Error, Result};
use crate::plan::{Bound, OutputColumn, Statement};

/// How a statement is answered: owned, free of any snapshot, shared by threads, kept as long as the catalog stays.
#[derive(Debug)]
pub struct PhysicalPlan {
    columns: Vec<OutputColumn>,
    parameters: Vec<Option<ColumnType>>,
    catalog_version: u64,
    query: bool,
}

/// How EXPLAIN writes a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExplainFormat {
    /// An indented tree.
    #[default]
    Text,
    /// PostgreSQL's JSON shape.
    Json,
}

impl PhysicalPlan {
    /// Rewrites and routes a bound statement.
    ///
    /// # Errors
    ///
    /// [`Error::CatalogChanged`] if it was bound to another catalog than the view's.
    pub fn new(bound: &Bound, view: &View<'_>, options: &PlanOptions) -> Result<Self> {
        let _ = options;
        if view.catalog().version() != bound.catalog_version {
            return Err(Error::CatalogChanged);
        }
        Ok(Self {
            columns: Vec::new(),
            parameters: bound.parameters.clone(),
            catalog_version: bound.catalog_version,
            query: matches!(bound.statement, Statement::Query(_)),
        })
    }

    /// The columns of the result; none for a change without RETURNING.
    pub fn columns(&self) -> &[OutputColumn] {
        &self.columns
    }

    /// The version of the catalog that it was planned with; with another it must be planned again.
    pub fn catalog_version(&self) -> u64 {
        self.catalog_version
    }

    /// For each parameter the type of the column that it is compared with or put into, where there is one.
    pub fn parameters(&self) -> &[Option<ColumnType>] {
        &self.parameters
    }

    /// Whether it only reads: [`query`](Self::query) runs it; otherwise [`change`](Self::change) does.
    pub fn is_query(&self) -> bool {
        self.query
    }

    /// How the rows are found, in a few words, for the line below a result.
    pub fn via(&self) -> String {
        String::new()
    }

    /// The plan as EXPLAIN shows it.
    pub fn explain(&self, format: ExplainFormat) -> String {
        format!("{format:?}")
    }

    /// Runs a query; `on_row` gets each row and says whether it wants another.
    ///
    /// # Errors
    ///
    /// Those of the expressions, of the limits and of `on_row`.
    pub fn query(
        &self,
        view: &View<'_>,
        context: &ExecutionContext<'_>,
        on_row: impl FnMut(&[Value<'_>]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let _ = (view, context, on_row);
        Err(Error::WrongStatementKind)
    }

    /// Runs a change and gives the number of rows it changed; `on_row` gets the rows of RETURNING.
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query), violated constraints and conflicts; the transaction is then as it was before.
    pub fn change(
        &self,
        transaction: &mut Transaction,
        context: &ExecutionContext<'_>,
        on_row: impl FnMut(&[Value<'_>]) -> Result<ControlFlow<()>>,
    ) -> Result<u64> {
        let _ = (transaction, context, on_row);
        Err(Error::WrongStatementKind)
    }

    /// Runs a query, drops its rows, and shows the plan with what was counted and measured.
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query).
    pub fn explain_analyze(
        &self,
        view: &View<'_>,
        context: &ExecutionContext<'_>,
        format: ExplainFormat,
    ) -> Result<String> {
        let _ = (view, context);
        Ok(self.explain(format))
    }
}
