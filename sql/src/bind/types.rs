//! What is known of an expression's type before it has a value, and what that says of constants and parameters.

use manicule_engine::{ColumnType, Value};
use manicule_query::expr::{
    AggregateCall, AggregateFunction, BinaryOperator, Expr, Function, MathFunction, TimeFunction, UnaryOperator,
};

use super::literal::for_comparison;
use super::scope::GroupPart;
use super::{Binder, KnownType, Shared};
use crate::error::Result;

impl Binder<'_> {
    /// The type of an expression's values other than NULL; `None` where it depends on them.
    pub(super) fn type_of(&self, expr: &Expr) -> KnownType {
        match expr {
            Expr::Literal(value) => value.column_type(),
            Expr::Parameter(position) => self.shared.parameter_types.get(*position).copied().flatten(),
            Expr::Column(column) => match self.group_part(*column) {
                Some(GroupPart::Key(key)) => self.type_of(key),
                Some(GroupPart::Aggregate(call)) => self.aggregate_type(call),
                None => *self.shared.slots.get(column.slot)?.get(column.column)?,
            },
            Expr::Unary { operator: UnaryOperator::Not, .. }
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::IsNull { .. }
            | Expr::Between { .. }
            | Expr::InList { .. }
            | Expr::InSet { .. }
            | Expr::InQuery { .. }
            | Expr::Exists { .. }
            | Expr::Like { .. } => Some(ColumnType::Boolean),
            Expr::Unary { operator: UnaryOperator::BitNot, .. } => Some(ColumnType::Integer),
            Expr::Unary { operator: UnaryOperator::Negate, operand } => self.numeric_type_of(operand),
            Expr::Binary { operator, left, right } => self.binary_type(*operator, left, right),
            Expr::Scalar(query) => query.columns.first().and_then(|column| column.column_type),
            Expr::Case { branches, otherwise, .. } => {
                self.common_type(branches.iter().map(|(_, then)| then).chain(otherwise.as_deref()))
            }
            Expr::Cast { target, .. } => Some(*target),
            Expr::Function { function, arguments } => self.function_type(*function, arguments),
            Expr::Row(_) | Expr::Planned { .. } => None,
        }
    }

    fn numeric_type_of(&self, expr: &Expr) -> KnownType {
        self.type_of(expr).filter(|known| matches!(known, ColumnType::Integer | ColumnType::Real))
    }

    fn binary_type(&self, operator: BinaryOperator, left: &Expr, right: &Expr) -> KnownType {
        use BinaryOperator::{
            Add, BitAnd, BitOr, Concat, Divide, Equal, Greater, GreaterOrEqual, Is, IsNot, Less, LessOrEqual, Multiply,
            NotEqual, Remainder, ShiftLeft, ShiftRight, Subtract,
        };
        match operator {
            Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual | Is | IsNot => Some(ColumnType::Boolean),
            Concat => Some(ColumnType::Text),
            BitAnd | BitOr | ShiftLeft | ShiftRight => Some(ColumnType::Integer),
            Add | Subtract | Multiply | Divide | Remainder => match (self.type_of(left)?, self.type_of(right)?) {
                (ColumnType::Integer, ColumnType::Integer) => Some(ColumnType::Integer),
                (ColumnType::Integer | ColumnType::Real, ColumnType::Integer | ColumnType::Real) => {
                    Some(ColumnType::Real)
                }
                // A date is moved by days, and there are days between two dates.
                (ColumnType::Date, ColumnType::Date) => Some(ColumnType::Integer),
                (ColumnType::Date, ColumnType::Integer) | (ColumnType::Integer, ColumnType::Date) => {
                    Some(ColumnType::Date)
                }
                _ => None,
            },
        }
    }

    fn function_type(&self, function: Function, arguments: &[Expr]) -> KnownType {
        match function {
            Function::Abs | Function::Floor | Function::Ceil => self.numeric_type_of(arguments.first()?),
            Function::Mod => self.binary_type(BinaryOperator::Remainder, arguments.first()?, arguments.get(1)?),
            Function::Substring => match self.type_of(arguments.first()?)? {
                ColumnType::Blob => Some(ColumnType::Blob),
                _ => Some(ColumnType::Text),
            },
            Function::NullIf => self.type_of(arguments.first()?),
            Function::Coalesce | Function::Least | Function::Greatest => self.common_type(arguments),
            Function::If => self.common_type(&arguments[1..]),
            Function::Length | Function::Instr | Function::Sign | Function::Random => Some(ColumnType::Integer),
            Function::Lower
            | Function::Upper
            | Function::Trim
            | Function::TrimStart
            | Function::TrimEnd
            | Function::Replace
            | Function::TypeOf
            | Function::Hex => Some(ColumnType::Text),
            Function::Sqrt | Function::Power | Function::Round => Some(ColumnType::Real),
            Function::Math(MathFunction::Trunc) => self.numeric_type_of(arguments.first()?),
            Function::Math(_) => Some(ColumnType::Real),
            Function::Text(function) => Some(function.column_type()),
            Function::Time(function) => self.time_type(function, arguments),
        }
    }

    fn time_type(&self, function: TimeFunction, arguments: &[Expr]) -> KnownType {
        let is_time = |known: &ColumnType| matches!(known, ColumnType::Date | ColumnType::Timestamp);
        match function {
            TimeFunction::CurrentDate | TimeFunction::Date => Some(ColumnType::Date),
            TimeFunction::CurrentTimestamp => Some(ColumnType::Timestamp),
            TimeFunction::Format => Some(ColumnType::Text),
            TimeFunction::Part => None,
            TimeFunction::Trunc => self.type_of(arguments.get(1)?).filter(is_time),
            TimeFunction::Shift => match (self.type_of(arguments.first()?).filter(is_time)?, arguments.last()?) {
                (ColumnType::Date, Expr::Literal(Value::Integer(0))) => Some(ColumnType::Date),
                _ => Some(ColumnType::Timestamp),
            },
        }
    }

    fn common_type<'e>(&self, exprs: impl IntoIterator<Item = &'e Expr>) -> KnownType {
        let mut common = None;
        for expr in exprs {
            if matches!(expr, Expr::Literal(value) if value.is_null()) {
                continue;
            }
            let known = Some(self.type_of(expr)?);
            if common.is_some() && common != known {
                return None;
            }
            common = known;
        }
        common
    }

    pub(super) fn aggregate_type(&self, call: &AggregateCall) -> KnownType {
        match call.function {
            AggregateFunction::CountRows | AggregateFunction::Count => Some(ColumnType::Integer),
            AggregateFunction::Total
            | AggregateFunction::Average
            | AggregateFunction::Deviation
            | AggregateFunction::DeviationOfSample
            | AggregateFunction::Variance
            | AggregateFunction::VarianceOfSample => Some(ColumnType::Real),
            AggregateFunction::BoolAnd | AggregateFunction::BoolOr => Some(ColumnType::Boolean),
            AggregateFunction::GroupConcat => Some(ColumnType::Text),
            AggregateFunction::Sum => self.numeric_type_of(call.argument.as_ref()?),
            AggregateFunction::Min | AggregateFunction::Max => self.type_of(call.argument.as_ref()?),
        }
    }

    /// Makes a constant or parameter on one side of a comparison fit a column on the other.
    pub(super) fn fit_comparison(&mut self, left: Expr, right: Expr) -> Result<(Expr, Expr)> {
        let right = self.fit(right, &left)?;
        let left = self.fit(left, &right)?;
        Ok((left, right))
    }

    /// `expr` as it is compared with `other`.
    pub(super) fn fit(&mut self, expr: Expr, other: &Expr) -> Result<Expr> {
        if !matches!(expr, Expr::Literal(_) | Expr::Parameter(_)) {
            return Ok(expr);
        }
        match self.fitting_type(other) {
            Some(target) => self.fit_type(expr, target),
            None => Ok(expr),
        }
    }

    /// The type that a constant beside `other` becomes one of: a column's, as in SQLite; and whatever it is that gives
    /// dates, a text there says a date.
    pub(super) fn fitting_type(&self, other: &Expr) -> KnownType {
        let is_time = |known: &ColumnType| matches!(known, ColumnType::Date | ColumnType::Timestamp);
        match other {
            Expr::Cast { target, .. } => Some(*target),
            Expr::Column(column) => match self.group_part(*column) {
                Some(GroupPart::Key(key)) => self.fitting_type(key),
                Some(GroupPart::Aggregate(call)) => self.aggregate_type(call).filter(is_time),
                None => self.type_of(other),
            },
            _ => self.type_of(other).filter(is_time),
        }
    }

    /// Values of which one is chosen: beside dates, a text that says one is a date.
    pub(super) fn fit_choices(&self, choices: &mut [&mut Expr]) {
        let types = choices.iter().filter_map(|choice| self.type_of(choice));
        let Some(target) = types.into_iter().find(|known| matches!(known, ColumnType::Date | ColumnType::Timestamp))
        else {
            return;
        };
        for choice in choices {
            if let Expr::Literal(value @ Value::Text(_)) = choice
                && let Ok(fitted) = for_comparison(value.clone(), target)
            {
                **choice = Expr::Literal(fitted);
            }
        }
    }

    /// A constant as it is compared with a column of the type; a parameter gets that type unless it has one.
    pub(super) fn fit_type(&mut self, expr: Expr, target: ColumnType) -> Result<Expr> {
        match expr {
            Expr::Literal(value) => for_comparison(value, target).map(Expr::Literal),
            Expr::Parameter(position) => Ok(Expr::Parameter(self.fitted_parameter(position, target))),
            other => Ok(other),
        }
    }

    /// Where the value of a parameter is when it is fitted to the type: in its own place, or in a repeat's if that has
    /// another type. Numbers are fitted alike.
    fn fitted_parameter(&mut self, position: usize, target: ColumnType) -> usize {
        let Shared { parameter_types: types, repeats, .. } = &mut self.shared;
        let count = types.len() - repeats.len();
        let given = position.checked_sub(count).map_or(position, |repeat| repeats[repeat]);
        types[given].get_or_insert(target);
        let is_fitting = |at: usize| types[at].is_some_and(|known| is_fitted_alike(known, target));
        let places = (0..repeats.len()).filter(|repeat| repeats[*repeat] == given).map(|repeat| count + repeat);
        if let Some(place) = std::iter::once(given).chain(places).find(|place| is_fitting(*place)) {
            return place;
        }
        types.push(Some(target));
        repeats.push(given);
        types.len() - 1
    }

    /// An expression as it is put into a column of the type: a text that says a number becomes one in a column of
    /// numbers, a number becomes its text in a column of texts.
    pub(super) fn fit_stored(&mut self, expr: Expr, target: ColumnType) -> Result<Expr> {
        use ColumnType::{Integer, Real, Text};
        if matches!(expr, Expr::Literal(_) | Expr::Parameter(_)) {
            return self.fit_type(expr, target);
        }
        Ok(match (self.type_of(&expr), target) {
            (Some(Text), Integer | Real) | (Some(Integer | Real), Text) => {
                Expr::Cast { operand: Box::new(expr), target }
            }
            _ => expr,
        })
    }
}

fn is_fitted_alike(left: ColumnType, right: ColumnType) -> bool {
    let is_number = |column_type| matches!(column_type, ColumnType::Integer | ColumnType::Real);
    left == right || is_number(left) && is_number(right)
}
