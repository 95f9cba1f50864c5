//! Ways through an expression: its children, its subquery, what it needs to be evaluated.

use super::{AggregateFunction, BinaryOperator, ColumnRef, Expr, Function, UnaryOperator};
use crate::plan::Query;
use manicule_engine::Value;

impl Expr {
    /// A column.
    pub fn column(slot: usize, column: usize) -> Self {
        Self::Column(ColumnRef { slot, column })
    }

    /// A constant.
    pub fn literal(value: impl Into<Value<'static>>) -> Self {
        Self::Literal(value.into())
    }

    /// An operator between two operands.
    pub fn binary(operator: BinaryOperator, left: Self, right: Self) -> Self {
        Self::Binary { operator, left: Box::new(left), right: Box::new(right) }
    }

    /// `NOT operand`.
    pub fn negated(operand: Self) -> Self {
        Self::Unary { operator: UnaryOperator::Not, operand: Box::new(operand) }
    }

    /// All of `parts`, flat: TRUE of none, the part itself of one.
    pub fn and(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        parts.into_iter().for_each(|part| part.split_into(&mut flat));
        match flat.len() {
            0 => Self::literal(true),
            1 => flat.remove(0),
            _ => Self::And(flat),
        }
    }

    /// The values of a row, the expression itself if it is none.
    pub fn into_values(self) -> Vec<Self> {
        match self {
            Self::Row(values) => values,
            other => vec![other],
        }
    }

    /// The values of a row, the expression itself if it is none.
    pub(crate) fn values(&self) -> &[Self] {
        match self {
            Self::Row(values) => values,
            other => std::slice::from_ref(other),
        }
    }

    /// The parts of a conjunction, the expression itself if it is none.
    pub fn into_conjuncts(self) -> Vec<Self> {
        let mut parts = Vec::new();
        self.split_into(&mut parts);
        parts
    }

    fn split_into(self, parts: &mut Vec<Self>) {
        match self {
            Self::And(inner) => inner.into_iter().for_each(|part| part.split_into(parts)),
            other => parts.push(other),
        }
    }

    /// Calls `visit` with each direct operand; a subquery is none.
    pub fn for_each_child<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Self::Literal(_) | Self::Parameter(_) | Self::Column(_) | Self::Exists { .. } | Self::Scalar(_) => {}
            Self::Unary { operand, .. }
            | Self::IsNull { operand, .. }
            | Self::InQuery { operand, .. }
            | Self::InSet { operand, .. }
            | Self::Cast { operand, .. } => visit(operand),
            Self::Binary { left, right, .. } => {
                visit(left);
                visit(right);
            }
            Self::Row(parts) | Self::And(parts) | Self::Or(parts) | Self::Function { arguments: parts, .. } => {
                parts.iter().for_each(visit);
            }
            Self::Between { operand, low, high, .. } => {
                visit(operand);
                visit(low);
                visit(high);
            }
            Self::InList { operand, list, .. } => {
                visit(operand);
                list.iter().for_each(visit);
            }
            Self::Like { operand, pattern, .. } => {
                visit(operand);
                visit(pattern);
            }
            Self::Case { operand, branches, otherwise } => {
                operand.iter().for_each(|operand| visit(operand));
                for (when, then) in branches {
                    visit(when);
                    visit(then);
                }
                otherwise.iter().for_each(|otherwise| visit(otherwise));
            }
            Self::Planned { operands, .. } => operands.iter().for_each(visit),
        }
    }

    /// Calls `visit` with each direct operand, to be changed.
    pub fn for_each_child_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        match self {
            Self::Literal(_) | Self::Parameter(_) | Self::Column(_) | Self::Exists { .. } | Self::Scalar(_) => {}
            Self::Unary { operand, .. }
            | Self::IsNull { operand, .. }
            | Self::InQuery { operand, .. }
            | Self::InSet { operand, .. }
            | Self::Cast { operand, .. } => visit(operand),
            Self::Binary { left, right, .. } => {
                visit(left);
                visit(right);
            }
            Self::Row(parts) | Self::And(parts) | Self::Or(parts) | Self::Function { arguments: parts, .. } => {
                parts.iter_mut().for_each(visit);
            }
            Self::Between { operand, low, high, .. } => {
                visit(operand);
                visit(low);
                visit(high);
            }
            Self::InList { operand, list, .. } => {
                visit(operand);
                list.iter_mut().for_each(visit);
            }
            Self::Like { operand, pattern, .. } => {
                visit(operand);
                visit(pattern);
            }
            Self::Case { operand, branches, otherwise } => {
                operand.iter_mut().for_each(|operand| visit(operand));
                for (when, then) in branches {
                    visit(when);
                    visit(then);
                }
                otherwise.iter_mut().for_each(|otherwise| visit(otherwise));
            }
            Self::Planned { operands, .. } => operands.iter_mut().for_each(visit),
        }
    }

    /// The subquery of this very node.
    pub fn subquery(&self) -> Option<&Query> {
        match self {
            Self::InQuery { query, .. } | Self::Exists { query, .. } | Self::Scalar(query) => Some(query),
            _ => None,
        }
    }

    /// The subquery of this very node, to be changed.
    pub fn subquery_mut(&mut self) -> Option<&mut Query> {
        match self {
            Self::InQuery { query, .. } | Self::Exists { query, .. } | Self::Scalar(query) => Some(query),
            _ => None,
        }
    }

    /// Whether `test` holds for this node or one below it; subqueries are not entered.
    pub fn any(&self, test: &dyn Fn(&Expr) -> bool) -> bool {
        let mut found = test(self);
        self.for_each_child(&mut |child| found = found || child.any(test));
        found
    }

    /// Whether it reads no column, no parameter and no query.
    pub fn stands_alone(&self) -> bool {
        !self.any(&|expr| matches!(expr, Self::Parameter(_) | Self::Column(_)) || expr.has_own_subquery())
    }

    /// Whether it stands alone and has the same value whenever it is evaluated.
    pub fn is_constant(&self) -> bool {
        let tells_now = |expr: &Self| match expr {
            Self::Function { function: Function::Time(function), .. } => function.tells_now(),
            _ => false,
        };
        self.stands_alone() && !self.is_volatile() && !self.any(&tells_now)
    }

    /// Whether it may have another value each time that it is evaluated over the same rows.
    pub fn is_volatile(&self) -> bool {
        self.any(&|expr| matches!(expr, Self::Function { function: Function::Random, .. }))
    }

    /// Whether there is a subquery in it.
    pub fn has_subquery(&self) -> bool {
        self.any(&Self::has_own_subquery)
    }

    fn has_own_subquery(&self) -> bool {
        self.subquery().is_some() || matches!(self, Self::Planned { .. })
    }
}

impl BinaryOperator {
    /// The operator in SQL.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Is => "IS",
            Self::IsNot => "IS NOT",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Concat => "||",
            Self::BitAnd => "&",
            Self::BitOr => "|",
            Self::ShiftLeft => "<<",
            Self::ShiftRight => ">>",
        }
    }

    /// The comparison that holds when this one does not, if it is a comparison and neither side is NULL.
    pub fn complement(self) -> Option<Self> {
        Some(match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
            Self::Is => Self::IsNot,
            Self::IsNot => Self::Is,
            _ => return None,
        })
    }

    /// Whether it is one of the four comparisons by order.
    pub(crate) fn is_ordering(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual)
    }

    /// The comparison with its sides changed over, if it is a comparison.
    pub fn mirrored(self) -> Option<Self> {
        Some(match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal | Self::NotEqual | Self::Is | Self::IsNot => self,
            _ => return None,
        })
    }
}

impl Function {
    /// The function's name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Abs => "ABS",
            Self::Coalesce => "COALESCE",
            Self::NullIf => "NULLIF",
            Self::Length => "LENGTH",
            Self::Lower => "LOWER",
            Self::Upper => "UPPER",
            Self::Trim => "TRIM",
            Self::TrimStart => "LTRIM",
            Self::TrimEnd => "RTRIM",
            Self::Substring => "SUBSTR",
            Self::Replace => "REPLACE",
            Self::Instr => "INSTR",
            Self::Round => "ROUND",
            Self::Floor => "FLOOR",
            Self::Ceil => "CEIL",
            Self::Sqrt => "SQRT",
            Self::Power => "POWER",
            Self::Mod => "MOD",
            Self::Sign => "SIGN",
            Self::TypeOf => "TYPEOF",
            Self::Hex => "HEX",
            Self::Least => "LEAST",
            Self::Greatest => "GREATEST",
            Self::If => "IIF",
            Self::Random => "RANDOM",
            Self::Math(function) => function.name(),
            Self::Text(function) => function.name(),
            Self::Time(function) => function.name(),
        }
    }
}

impl AggregateFunction {
    /// The function's name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::CountRows | Self::Count => "COUNT",
            Self::Sum => "SUM",
            Self::Total => "TOTAL",
            Self::Average => "AVG",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::GroupConcat => "GROUP_CONCAT",
            Self::BoolAnd => "BOOL_AND",
            Self::BoolOr => "BOOL_OR",
            Self::Deviation => "STDDEV_POP",
            Self::DeviationOfSample => "STDDEV_SAMP",
            Self::Variance => "VAR_POP",
            Self::VarianceOfSample => "VAR_SAMP",
        }
    }
}
