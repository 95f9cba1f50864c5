//! Text into something to run: a plan, a change of the schema, or a command of the session.

use std::sync::Arc;

use manicule_engine::{Catalog, Isolation, Start, View};
use manicule_query::plan::Bound;
use manicule_query::{PhysicalPlan, PlanOptions, Routing};
use sqlparser::ast::{self, Statement};

use crate::bind::{Binder, SchemaChange};
use crate::error::{Error, ErrorKind, Result};
use crate::parse::{self, Command, Parameters};
use crate::split::StatementText;
use crate::stack::with_room_for;

/// A statement with a plan.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: PhysicalPlan,
    pub(super) routing: Routing,
    pub(super) given: Given,
}

/// The parameters that are given to a statement.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// The name of each that has one.
    pub(super) names: Vec<Option<String>>,
    /// Which are given to the plan once more, behind all of them.
    pub(super) repeats: Vec<usize>,
}

impl Planned {
    /// Whether the plan is for that catalog, tables of about that size, and that way of routing.
    #[inline]
    pub(super) fn fits(&self, view: &View<'_>, routing: Routing) -> bool {
        self.plan.catalog_version() == view.catalog().version()
            && self.routing == routing
            && !self.plan.is_outdated(view)
    }
}

/// A statement that is ready to run.
#[derive(Debug)]
pub(super) enum Compiled {
    Plan(Arc<Planned>),
    Explain {
        planned: Arc<Planned>,
        analyze: bool,
        json: bool,
    },
    Schema(Box<SchemaChange>),
    Transaction(TransactionCommand),
    Set {
        name: String,
        value: String,
    },
    /// The level of this or the next transaction, or of all that follow.
    SetTransaction {
        isolation: Option<Isolation>,
        session: bool,
    },
    Show {
        name: String,
    },
    Nothing,
}

/// A command that begins or ends something.
#[derive(Debug)]
pub(super) enum TransactionCommand {
    Begin { isolation: Option<Isolation>, start: Start },
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
}

/// A statement that is bound: free of its syntax tree, so that it may come from another thread.
enum Front {
    Plan { bound: Bound, given: Given },
    Explain { bound: Bound, given: Given, analyze: bool, json: bool },
    Other(Compiled),
}

/// Compiles one statement for a view.
pub(super) fn compile(statement: StatementText<'_>, view: &View<'_>, routing: Routing) -> Result<Compiled> {
    let catalog = view.catalog();
    let front = with_room_for(statement.levels, || Binding { text: statement.text, catalog }.front());
    let front = front.map_err(|error| parse::blame_depth(error, statement.levels))?;
    Ok(match front {
        Front::Plan { bound, given } => Compiled::Plan(plan(bound, view, routing, given)?),
        Front::Explain { bound, given, analyze, json } => {
            Compiled::Explain { planned: plan(bound, view, routing, given)?, analyze, json }
        }
        Front::Other(compiled) => compiled,
    })
}

/// Binds one statement that has a plan, or the statement of an EXPLAIN.
pub(super) fn bind(statement: StatementText<'_>, catalog: &Arc<Catalog>) -> Result<Bound> {
    let front = with_room_for(statement.levels, || Binding { text: statement.text, catalog }.front());
    match front.map_err(|error| parse::blame_depth(error, statement.levels))? {
        Front::Plan { bound, .. } | Front::Explain { bound, .. } => Ok(bound),
        Front::Other(_) => {
            Err(Error::not_supported("advice for a statement other than SELECT, INSERT, UPDATE and DELETE"))
        }
    }
}

/// Makes a plan of what was bound.
pub(super) fn plan(bound: Bound, view: &View<'_>, routing: Routing, given: Given) -> Result<Arc<Planned>> {
    let plan = PhysicalPlan::new(bound, view, &PlanOptions { routing })?;
    Ok(Arc::new(Planned { plan, routing, given }))
}

#[derive(Clone, Copy)]
struct Binding<'a> {
    text: &'a str,
    catalog: &'a Arc<Catalog>,
}

impl Binding<'_> {
    fn front(self) -> Result<Front> {
        let parsed = parse::parse_statement(self.text)?;
        let parameters = parsed.parameters;
        match parsed.command {
            Command::Nothing => Ok(Front::Other(Compiled::Nothing)),
            Command::Reindex(name) => reindex(self.catalog, name.as_deref()).map(Front::Other),
            Command::Explain { statement, analyze, json } => {
                let (bound, given) = self.bind(&statement, parameters)?;
                Ok(Front::Explain { bound, given, analyze, json })
            }
            Command::Run(statement) => match statement.as_ref() {
                Statement::Query(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                    let (bound, given) = self.bind(&statement, parameters)?;
                    Ok(Front::Plan { bound, given })
                }
                other => self.command(other, &parameters).map(Front::Other),
            },
        }
    }

    fn bind(self, statement: &Statement, parameters: Parameters) -> Result<(Bound, Given)> {
        let (bound, repeats) = Binder::new(self.catalog, self.text, &parameters).statement(statement)?;
        Ok((bound, Given { names: parameters.names, repeats }))
    }

    /// A statement that needs no plan.
    fn command(self, statement: &Statement, parameters: &Parameters) -> Result<Compiled> {
        match statement {
            Statement::CreateTable(_)
            | Statement::CreateIndex(_)
            | Statement::CreateView(_)
            | Statement::AlterTable(_)
            | Statement::Drop { .. }
            | Statement::Truncate(_) => {
                let change = Binder::new(self.catalog, self.text, parameters).schema_change(statement)?;
                Ok(Compiled::Schema(Box::new(change)))
            }
            Statement::Set(set) => self.set(set),
            Statement::ShowVariable { variable } => match variable.as_slice() {
                [name] => Ok(Compiled::Show { name: name.value.to_ascii_lowercase() }),
                _ => Err(self.not_supported()),
            },
            Statement::Pragma { .. } => Ok(Compiled::Nothing),
            _ => self.transaction_command(statement).map(Compiled::Transaction),
        }
    }

    fn transaction_command(self, statement: &Statement) -> Result<TransactionCommand> {
        Ok(match statement {
            Statement::StartTransaction { statements, modes, modifier, .. } if statements.is_empty() => {
                TransactionCommand::Begin { isolation: self.isolation(modes)?, start: self.start(*modifier)? }
            }
            Statement::Commit { chain: false, .. } => TransactionCommand::Commit,
            Statement::Rollback { chain: false, savepoint: None } => TransactionCommand::Rollback,
            Statement::Rollback { chain: false, savepoint: Some(name) } => {
                TransactionCommand::RollbackTo(name.value.clone())
            }
            Statement::Savepoint { name } => TransactionCommand::Savepoint(name.value.clone()),
            Statement::ReleaseSavepoint { name } => TransactionCommand::Release(name.value.clone()),
            _ => return Err(self.not_supported()),
        })
    }

    /// The level that is asked for. Those of the standard below it are given as SNAPSHOT, which forbids all they forbid.
    fn isolation(self, modes: &[ast::TransactionMode]) -> Result<Option<Isolation>> {
        let mut isolation = None;
        for mode in modes {
            match mode {
                ast::TransactionMode::IsolationLevel(level) => {
                    isolation = Some(match level {
                        ast::TransactionIsolationLevel::Serializable => Isolation::Serializable,
                        ast::TransactionIsolationLevel::Snapshot
                        | ast::TransactionIsolationLevel::RepeatableRead
                        | ast::TransactionIsolationLevel::ReadCommitted
                        | ast::TransactionIsolationLevel::ReadUncommitted => Isolation::Snapshot,
                    });
                }
                ast::TransactionMode::AccessMode(ast::TransactionAccessMode::ReadWrite) => {}
                ast::TransactionMode::AccessMode(ast::TransactionAccessMode::ReadOnly) => {
                    return Err(Error::not_supported("READ ONLY"));
                }
            }
        }
        Ok(isolation)
    }

    /// When the transaction becomes the writer.
    fn start(self, modifier: Option<ast::TransactionModifier>) -> Result<Start> {
        match modifier {
            None | Some(ast::TransactionModifier::Deferred) => Ok(Start::Deferred),
            Some(ast::TransactionModifier::Immediate | ast::TransactionModifier::Exclusive) => Ok(Start::Immediate),
            Some(ast::TransactionModifier::Try | ast::TransactionModifier::Catch) => Err(self.not_supported()),
        }
    }

    fn set(self, set: &ast::Set) -> Result<Compiled> {
        if let ast::Set::SetTransaction { modes, snapshot: None, session } = set {
            return Ok(Compiled::SetTransaction { isolation: self.isolation(modes)?, session: *session });
        }
        let ast::Set::SingleAssignment { variable, values, .. } = set else { return Err(self.not_supported()) };
        let [value] = values.as_slice() else { return Err(self.not_supported()) };
        let value = match value {
            ast::Expr::Value(value) => match &value.value {
                ast::Value::SingleQuotedString(text) => text.clone(),
                other => other.to_string(),
            },
            ast::Expr::Identifier(ident) => ident.value.clone(),
            other => other.to_string(),
        };
        Ok(Compiled::Set { name: variable.to_string().to_ascii_lowercase(), value })
    }

    /// Names the statement by its first two words.
    fn not_supported(self) -> Error {
        let words: Vec<&str> = self.text.split_whitespace().take(2).collect();
        Error::not_supported(words.join(" ").to_ascii_uppercase())
    }
}

/// REINDEX: the name of an index or a table must be known; there is nothing to do.
fn reindex(catalog: &Catalog, name: Option<&str>) -> Result<Compiled> {
    match name {
        Some(name) if catalog.index(name).is_none() && catalog.table(name).is_none() => {
            Err(Error::new(ErrorKind::Unknown { what: "index", name: name.into() }))
        }
        _ => Ok(Compiled::Nothing),
    }
}
