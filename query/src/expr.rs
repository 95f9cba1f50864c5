//! Bound expressions: names are slots and columns, types are checked, nothing is left to look up.
//!
//! # Slots
//!
//! Every relation of a statement (a table in FROM, the output of a projection, an aggregation, a set operation, a
//! derived table, each in whatever subquery) has a number of its own, its *slot*. While a statement runs there is one
//! frame with the current row of each slot, so `(slot, column)` names a value without regard to nesting: a correlated
//! subquery just reads the slot that the outer query has filled.

mod function;
pub(crate) mod print;
mod walk;

use std::sync::Arc;

use ahash::AHashSet;
use manicule_engine::{ColumnType, Value};

pub use function::{MathFunction, TextFunction, TimeFunction};

use crate::plan::{Query, SortKey};

/// An expression.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A constant.
    Literal(Value<'static>),
    /// The parameter at this position, counted from 0.
    Parameter(usize),
    /// A column of the current row of a slot.
    Column(ColumnRef),
    /// A row of values, `(a, b)`. It stands only beside others of its width: on both sides of `<`, `<=`, `>`, `>=` and
    /// BETWEEN, and as the operand of IN. Equality of rows is that of their values, joined by AND.
    Row(Vec<Expr>),
    /// An operator with one operand.
    Unary {
        /// The operator.
        operator: UnaryOperator,
        /// Its operand.
        operand: Box<Expr>,
    },
    /// An operator with two operands.
    Binary {
        /// The operator.
        operator: BinaryOperator,
        /// The left operand.
        left: Box<Expr>,
        /// The right operand.
        right: Box<Expr>,
    },
    /// All of them; flat, so that a long chain is not deep.
    And(Vec<Expr>),
    /// Any of them; flat.
    Or(Vec<Expr>),
    /// `operand IS [NOT] NULL`.
    IsNull {
        /// The operand.
        operand: Box<Expr>,
        /// Whether NOT was written.
        negated: bool,
    },
    /// `operand [NOT] BETWEEN low AND high`; the operand is evaluated once.
    Between {
        /// The operand.
        operand: Box<Expr>,
        /// The least value that is in.
        low: Box<Expr>,
        /// The greatest value that is in.
        high: Box<Expr>,
        /// Whether NOT was written.
        negated: bool,
    },
    /// `operand [NOT] IN (list)`.
    InList {
        /// The operand.
        operand: Box<Expr>,
        /// The list, of any length.
        list: Vec<Expr>,
        /// Whether NOT was written.
        negated: bool,
    },
    /// `operand [NOT] IN (query)`.
    InQuery {
        /// The operand.
        operand: Box<Expr>,
        /// A query of one column, or of as many as the row has that is its operand.
        query: Box<Query>,
        /// Whether NOT was written.
        negated: bool,
    },
    /// `[NOT] EXISTS (query)`.
    Exists {
        /// The query.
        query: Box<Query>,
        /// Whether NOT was written.
        negated: bool,
    },
    /// A query used as a value: its first row's only column, NULL if it has no row.
    Scalar(Box<Query>),
    /// `operand [NOT] LIKE pattern [ESCAPE c]`: `%` any text, `_` one character; ASCII letters match in either case.
    Like {
        /// The operand.
        operand: Box<Expr>,
        /// The pattern.
        pattern: Box<Expr>,
        /// The character that takes the meaning from the next one.
        escape: Option<char>,
        /// Whether NOT was written.
        negated: bool,
    },
    /// `CASE [operand] WHEN … THEN … [ELSE …] END`.
    Case {
        /// What the branches are compared with; without it each branch is a condition.
        operand: Option<Box<Expr>>,
        /// When and then.
        branches: Vec<(Expr, Expr)>,
        /// Otherwise; NULL if it is not there.
        otherwise: Option<Box<Expr>>,
    },
    /// `CAST(operand AS target)`.
    Cast {
        /// The operand.
        operand: Box<Expr>,
        /// The type that the value becomes.
        target: ColumnType,
    },
    /// A scalar function.
    Function {
        /// Which one.
        function: Function,
        /// Its arguments; the binder has checked their number.
        arguments: Vec<Expr>,
    },
    /// `operand [NOT] IN (list)` of constants. The router makes it of a long [`InList`](Self::InList), the binder never.
    InSet {
        /// The operand.
        operand: Box<Expr>,
        /// The constants.
        set: Arc<ConstantSet>,
        /// Whether NOT was written.
        negated: bool,
    },
    /// A subquery whose plan is made. The router makes it of [`InQuery`](Self::InQuery), [`Exists`](Self::Exists) and
    /// [`Scalar`](Self::Scalar), the binder never.
    Planned {
        /// What is asked of the subquery.
        form: SubqueryForm,
        /// What is looked for: one value for each column with [`SubqueryForm::In`] and [`SubqueryForm::Matches`], one for each
        /// key with [`SubqueryForm::Grouped`].
        operands: Vec<Expr>,
        /// Whether NOT was written.
        negated: bool,
        /// The position of the plan among the statement's subplans.
        subplan: usize,
    },
}

/// What is asked of a subquery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubqueryForm {
    /// Whether a value or a row of values is among its rows.
    In,
    /// Whether it has a row.
    Exists,
    /// Whether it has a row of those values; NULL equals none. The router makes it of an EXISTS whose only outer rows are
    /// in equalities.
    Matches,
    /// The value of its first row.
    Scalar,
    /// The same, where that is made of aggregates of rows that equalities alone choose by the outer row: from the second outer
    /// row on it is looked up.
    Grouped {
        /// The position of the plan that gives the value for each group of rows, and after it what is equal in the group. The
        /// form of that plan is this one, too.
        groups: usize,
    },
}

/// Constants to look a value up in, in constant time.
#[derive(Clone, Debug, Default)]
pub struct ConstantSet {
    /// The constants but NULL.
    pub values: AHashSet<Value<'static>>,
    /// Whether NULL is one of them.
    pub has_null: bool,
}

/// A column of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnRef {
    /// The relation.
    pub slot: usize,
    /// The column's position in it.
    pub column: usize,
}

/// An operator with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `NOT`.
    Not,
    /// `-`.
    Negate,
    /// `~`.
    BitNot,
}

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `=`.
    Equal,
    /// `<>`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
    /// `IS [NOT DISTINCT FROM]`: equality in which NULL equals NULL.
    Is,
    /// `IS NOT`, `IS DISTINCT FROM`.
    IsNot,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`: of two integers, an integer.
    Divide,
    /// `%`.
    Remainder,
    /// `||`.
    Concat,
    /// `&`.
    BitAnd,
    /// `|`.
    BitOr,
    /// `<<`.
    ShiftLeft,
    /// `>>`.
    ShiftRight,
}

/// A scalar function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `ABS(x)`.
    Abs,
    /// `COALESCE(a, b, …)`, `IFNULL(a, b)`.
    Coalesce,
    /// `NULLIF(a, b)`.
    NullIf,
    /// `LENGTH(x)`: characters of a text, bytes of a blob.
    Length,
    /// `LOWER(x)`: ASCII letters.
    Lower,
    /// `UPPER(x)`: ASCII letters.
    Upper,
    /// `TRIM(x [, characters])`.
    Trim,
    /// `LTRIM(x [, characters])`.
    TrimStart,
    /// `RTRIM(x [, characters])`.
    TrimEnd,
    /// `SUBSTR(x, start [, length])`, `SUBSTRING`.
    Substring,
    /// `REPLACE(x, from, to)`.
    Replace,
    /// `INSTR(x, y)`: position of `y` in `x`, from 1; 0 if it is not there.
    Instr,
    /// `ROUND(x [, digits])`.
    Round,
    /// `FLOOR(x)`.
    Floor,
    /// `CEIL(x)`, `CEILING(x)`.
    Ceil,
    /// `SQRT(x)`.
    Sqrt,
    /// `POWER(x, y)`, `POW(x, y)`.
    Power,
    /// `MOD(x, y)`.
    Mod,
    /// `SIGN(x)`.
    Sign,
    /// `TYPEOF(x)`: `null`, `integer`, `real`, `text`, `boolean`, `blob`, `date`, `timestamp`.
    TypeOf,
    /// `HEX(x)`.
    Hex,
    /// `MIN(a, b, …)` with two or more arguments, `LEAST`.
    Least,
    /// `MAX(a, b, …)` with two or more arguments, `GREATEST`.
    Greatest,
    /// `IIF(condition, then, otherwise)`.
    If,
    /// `RANDOM()`: any integer, another one for each row.
    Random,
    /// A function of reals.
    Math(MathFunction),
    /// A function of texts and bytes.
    Text(TextFunction),
    /// A function of days and moments.
    Time(TimeFunction),
}

/// A call of an aggregate function.
#[derive(Clone, Debug)]
pub struct AggregateCall {
    /// Which one.
    pub function: AggregateFunction,
    /// What is aggregated; none only for `COUNT(*)`.
    pub argument: Option<Expr>,
    /// Whether equal values count once.
    pub distinct: bool,
    /// The text between the values of GROUP_CONCAT.
    pub separator: Option<Expr>,
    /// The order of the values of GROUP_CONCAT; that of the rows, if there are no keys.
    pub order_by: Vec<SortKey>,
}

impl AggregateCall {
    /// A call of a function with one argument, or none.
    pub fn new(function: AggregateFunction, argument: Option<Expr>) -> Self {
        Self { function, argument, distinct: false, separator: None, order_by: Vec::new() }
    }

    /// Calls `visit` with each of its expressions.
    pub(crate) fn for_each_expr<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        self.argument.iter().chain(&self.separator).for_each(&mut *visit);
        self.order_by.iter().for_each(|key| visit(&key.expr));
    }

    /// Calls `visit` with each of its expressions, to be changed.
    pub(crate) fn for_each_expr_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        self.argument.iter_mut().chain(&mut self.separator).for_each(&mut *visit);
        self.order_by.iter_mut().for_each(|key| visit(&mut key.expr));
    }

    /// Whether it is `COUNT(*)`, which reads nothing of a row.
    pub(crate) fn counts_rows(&self) -> bool {
        self.function == AggregateFunction::CountRows
    }
}

/// An aggregate function. All but the counts and TOTAL give NULL where there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateFunction {
    /// `COUNT(*)`: rows.
    CountRows,
    /// `COUNT(x)`: values that are not NULL.
    Count,
    /// `SUM(x)`: an integer if all values are, and then an error where it overflows.
    Sum,
    /// `TOTAL(x)`: the sum as a real, 0.0 of no value.
    Total,
    /// `AVG(x)`, a real.
    Average,
    /// `MIN(x)`.
    Min,
    /// `MAX(x)`.
    Max,
    /// `GROUP_CONCAT(x [, separator])`, `STRING_AGG`.
    GroupConcat,
    /// `BOOL_AND(x)`, `EVERY`.
    BoolAnd,
    /// `BOOL_OR(x)`.
    BoolOr,
    /// `STDDEV_POP(x)`: of all that there is.
    Deviation,
    /// `STDDEV_SAMP(x)`, `STDDEV`: NULL of a single value.
    DeviationOfSample,
    /// `VAR_POP(x)`: of all that there is.
    Variance,
    /// `VAR_SAMP(x)`, `VARIANCE`: NULL of a single value.
    VarianceOfSample,
}
