//! Functions by name: scalar ones, and aggregates where a group is in sight.

use manicule_engine::Value;
use manicule_query::expr::{
    AggregateCall, AggregateFunction, Expr, Function, MathFunction, TextFunction, TimeFunction,
};
use sqlparser::ast::{
    self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident,
};

use super::query::sort_key;
use super::{Binder, object_ident};
use crate::error::{Error, ErrorKind, Result};

/// A scalar function: its name, what it is, the least and the most arguments.
type Scalar = (&'static str, Function, usize, usize);

/// As many arguments as one likes.
const ANY: usize = usize::MAX;

const SCALARS: [Scalar; 78] = [
    ("ABS", Function::Abs, 1, 1),
    ("COALESCE", Function::Coalesce, 1, ANY),
    ("IFNULL", Function::Coalesce, 2, 2),
    ("NULLIF", Function::NullIf, 2, 2),
    ("LENGTH", Function::Length, 1, 1),
    ("CHAR_LENGTH", Function::Length, 1, 1),
    ("LOWER", Function::Lower, 1, 1),
    ("UPPER", Function::Upper, 1, 1),
    ("TRIM", Function::Trim, 1, 2),
    ("LTRIM", Function::TrimStart, 1, 2),
    ("RTRIM", Function::TrimEnd, 1, 2),
    ("SUBSTR", Function::Substring, 2, 3),
    ("SUBSTRING", Function::Substring, 2, 3),
    ("REPLACE", Function::Replace, 3, 3),
    ("INSTR", Function::Instr, 2, 2),
    ("STRPOS", Function::Instr, 2, 2),
    ("ROUND", Function::Round, 1, 2),
    ("FLOOR", Function::Floor, 1, 1),
    ("CEIL", Function::Ceil, 1, 1),
    ("CEILING", Function::Ceil, 1, 1),
    ("SQRT", Function::Sqrt, 1, 1),
    ("POWER", Function::Power, 2, 2),
    ("POW", Function::Power, 2, 2),
    ("MOD", Function::Mod, 2, 2),
    ("SIGN", Function::Sign, 1, 1),
    ("TYPEOF", Function::TypeOf, 1, 1),
    ("HEX", Function::Hex, 1, 1),
    ("MIN", Function::Least, 2, ANY),
    ("LEAST", Function::Least, 1, ANY),
    ("MAX", Function::Greatest, 2, ANY),
    ("GREATEST", Function::Greatest, 1, ANY),
    ("IIF", Function::If, 3, 3),
    ("IF", Function::If, 3, 3),
    ("CHARACTER_LENGTH", Function::Length, 1, 1),
    ("RANDOM", Function::Random, 0, 0),
    ("EXP", Function::Math(MathFunction::Exp), 1, 1),
    ("LN", Function::Math(MathFunction::Ln), 1, 1),
    ("LOG", Function::Math(MathFunction::Log), 1, 2),
    ("LOG10", Function::Math(MathFunction::Log10), 1, 1),
    ("LOG2", Function::Math(MathFunction::Log2), 1, 1),
    ("PI", Function::Math(MathFunction::Pi), 0, 0),
    ("SIN", Function::Math(MathFunction::Sin), 1, 1),
    ("COS", Function::Math(MathFunction::Cos), 1, 1),
    ("TAN", Function::Math(MathFunction::Tan), 1, 1),
    ("ASIN", Function::Math(MathFunction::Asin), 1, 1),
    ("ACOS", Function::Math(MathFunction::Acos), 1, 1),
    ("ATAN", Function::Math(MathFunction::Atan), 1, 1),
    ("ATAN2", Function::Math(MathFunction::Atan2), 2, 2),
    ("DEGREES", Function::Math(MathFunction::Degrees), 1, 1),
    ("RADIANS", Function::Math(MathFunction::Radians), 1, 1),
    ("TRUNC", Function::Math(MathFunction::Trunc), 1, 1),
    ("CONCAT", Function::Text(TextFunction::Concat), 1, ANY),
    ("CONCAT_WS", Function::Text(TextFunction::ConcatWithSeparator), 2, ANY),
    ("LEFT", Function::Text(TextFunction::Left), 2, 2),
    ("RIGHT", Function::Text(TextFunction::Right), 2, 2),
    ("LPAD", Function::Text(TextFunction::PadLeft), 2, 3),
    ("RPAD", Function::Text(TextFunction::PadRight), 2, 3),
    ("REVERSE", Function::Text(TextFunction::Reverse), 1, 1),
    ("REPEAT", Function::Text(TextFunction::Repeat), 2, 2),
    ("OCTET_LENGTH", Function::Text(TextFunction::OctetLength), 1, 1),
    ("UNICODE", Function::Text(TextFunction::Unicode), 1, 1),
    ("ASCII", Function::Text(TextFunction::Ascii), 1, 1),
    ("CHAR", Function::Text(TextFunction::Char), 1, ANY),
    ("CHR", Function::Text(TextFunction::Chr), 1, 1),
    ("QUOTE", Function::Text(TextFunction::Quote), 1, 1),
    ("PRINTF", Function::Text(TextFunction::Printf), 1, ANY),
    ("FORMAT", Function::Text(TextFunction::Printf), 1, ANY),
    ("SPLIT_PART", Function::Text(TextFunction::SplitPart), 3, 3),
    ("STARTS_WITH", Function::Text(TextFunction::StartsWith), 2, 2),
    ("UNHEX", Function::Text(TextFunction::Unhex), 1, 1),
    ("ZEROBLOB", Function::Text(TextFunction::ZeroBlob), 1, 1),
    ("CURRENT_DATE", Function::Time(TimeFunction::CurrentDate), 0, 0),
    ("CURRENT_TIMESTAMP", Function::Time(TimeFunction::CurrentTimestamp), 0, 0),
    ("NOW", Function::Time(TimeFunction::CurrentTimestamp), 0, 0),
    ("DATE", Function::Time(TimeFunction::Date), 1, 1),
    ("DATE_PART", Function::Time(TimeFunction::Part), 2, 2),
    ("DATE_TRUNC", Function::Time(TimeFunction::Trunc), 2, 2),
    ("STRFTIME", Function::Time(TimeFunction::Format), 2, 2),
];

const AGGREGATES: [(&str, AggregateFunction); 17] = [
    ("COUNT", AggregateFunction::Count),
    ("SUM", AggregateFunction::Sum),
    ("TOTAL", AggregateFunction::Total),
    ("AVG", AggregateFunction::Average),
    ("MIN", AggregateFunction::Min),
    ("MAX", AggregateFunction::Max),
    ("GROUP_CONCAT", AggregateFunction::GroupConcat),
    ("STRING_AGG", AggregateFunction::GroupConcat),
    ("BOOL_AND", AggregateFunction::BoolAnd),
    ("EVERY", AggregateFunction::BoolAnd),
    ("BOOL_OR", AggregateFunction::BoolOr),
    ("STDDEV", AggregateFunction::DeviationOfSample),
    ("STDDEV_SAMP", AggregateFunction::DeviationOfSample),
    ("STDDEV_POP", AggregateFunction::Deviation),
    ("VARIANCE", AggregateFunction::VarianceOfSample),
    ("VAR_SAMP", AggregateFunction::VarianceOfSample),
    ("VAR_POP", AggregateFunction::Variance),
];

/// The arguments of a call, and the condition and the order of its rows.
#[derive(Default)]
struct Arguments<'a> {
    exprs: Vec<&'a ast::Expr>,
    filter: Option<&'a ast::Expr>,
    order_by: &'a [ast::OrderByExpr],
    is_star: bool,
    is_distinct: bool,
}

/// The aggregate that a call is, if it is one: MIN and MAX of two or more arguments are not.
pub(super) fn aggregate_of(function: &ast::Function) -> Option<AggregateFunction> {
    let name = &object_ident(&function.name).ok()?.value;
    let aggregate = AGGREGATES.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))?.1;
    let count = match &function.args {
        FunctionArguments::List(list) => list.args.len(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => 0,
    };
    let is_scalar = matches!(aggregate, AggregateFunction::Min | AggregateFunction::Max) && count > 1;
    (!is_scalar).then_some(aggregate)
}

impl<'a> Binder<'a> {
    pub(super) fn function(&mut self, function: &'a ast::Function) -> Result<Expr> {
        let ident = object_ident(&function.name).map_err(|_| Error::unknown("function", &function.name.to_string()))?;
        let bound = match unsupported_clause(function) {
            Some(clause) => Err(Error::not_supported(clause)),
            None => self.call(function, ident),
        };
        bound.map_err(|error| error.at(self.span(ident)))
    }

    fn call(&mut self, function: &'a ast::Function, ident: &'a Ident) -> Result<Expr> {
        let mut arguments = arguments(&function.args)?;
        arguments.filter = function.filter.as_deref();
        if let Some(aggregate) = aggregate_of(function) {
            return self.aggregate(aggregate, ident, &arguments);
        }
        let Some(&(name, function, least, most)) =
            SCALARS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(&ident.value))
        else {
            let names = SCALARS.iter().map(|scalar| scalar.0).chain(AGGREGATES.iter().map(|aggregate| aggregate.0));
            return Err(Error::unknown("function", &ident.value).suggesting(&ident.value, names));
        };
        let is_aggregated = arguments.is_distinct || arguments.filter.is_some() || !arguments.order_by.is_empty();
        if arguments.is_star || is_aggregated {
            let message = format!("{name} is not an aggregate and takes neither * nor DISTINCT, FILTER or ORDER BY");
            return Err(Error::syntax(message));
        }
        let found = arguments.exprs.len();
        if found < least || found > most {
            return Err(argument_count(name, least, most, found));
        }
        let mut bound = Vec::with_capacity(found);
        for argument in &arguments.exprs {
            bound.push(self.expr(argument)?);
        }
        match function {
            Function::NullIf => bound[1] = self.fit(bound[1].clone(), &bound[0])?,
            Function::Time(_) => bound.iter_mut().skip(found.saturating_sub(1)).for_each(tell_now),
            Function::Coalesce | Function::Least | Function::Greatest => {
                self.fit_choices(&mut bound.iter_mut().collect::<Vec<_>>());
            }
            Function::If => self.fit_choices(&mut bound[1..].iter_mut().collect::<Vec<_>>()),
            _ => {}
        }
        manicule_query::check_constants(function, &bound)?;
        Ok(Expr::Function { function, arguments: bound })
    }

    /// `EXTRACT(field FROM moment)`.
    pub(super) fn extract(&mut self, field: &ast::DateTimeField, moment: &'a ast::Expr) -> Result<Expr> {
        let function = Function::Time(TimeFunction::Part);
        let mut moment = self.expr(moment)?;
        tell_now(&mut moment);
        let arguments = vec![Expr::Literal(Value::from(field.to_string())), moment];
        manicule_query::check_constants(function, &arguments)?;
        Ok(Expr::Function { function, arguments })
    }

    /// Adds a call to the group's aggregates, unless it is there already; gives its column.
    fn aggregate(&mut self, function: AggregateFunction, ident: &Ident, arguments: &Arguments<'a>) -> Result<Expr> {
        let name = ident.value.to_ascii_uppercase();
        let is_rows = function == AggregateFunction::Count && arguments.exprs.is_empty();
        let (least, most) = match function {
            AggregateFunction::Count if is_rows => (0, 0),
            AggregateFunction::GroupConcat => (1, 2),
            _ => (1, 1),
        };
        let found = arguments.exprs.len();
        if arguments.is_star && !is_rows {
            return Err(Error::syntax(format!("{name}(*) means nothing; only COUNT takes *")));
        }
        if found < least || found > most {
            return Err(argument_count(&name, least, most, found));
        }
        if arguments.is_distinct && found > 1 {
            return Err(Error::syntax(format!("{name}(DISTINCT …) takes one argument")));
        }
        match self.level().grouping.as_mut() {
            None => return Err(Error::grouping(format!("aggregate {name} is not allowed here"))),
            Some(grouping) if grouping.is_over_rows => {
                return Err(Error::grouping(format!("aggregate {name} is inside another aggregate")));
            }
            Some(grouping) => grouping.is_over_rows = true,
        }
        let bound = self.aggregate_call(function, arguments);
        let grouping = self.level().grouping.as_mut().expect("it was there before the arguments");
        grouping.is_over_rows = false;
        grouping.has_extreme |= matches!(function, AggregateFunction::Min | AggregateFunction::Max);
        Ok(grouping.add(bound?))
    }

    /// Binds the arguments, which are over the rows of a group.
    fn aggregate_call(&mut self, function: AggregateFunction, arguments: &Arguments<'a>) -> Result<AggregateCall> {
        let argument = arguments.exprs.first().map(|argument| self.expr(argument)).transpose()?;
        let mut call = AggregateCall::new(function, argument);
        call.distinct = arguments.is_distinct;
        call.separator = arguments.exprs.get(1).map(|separator| self.expr(separator)).transpose()?;
        for item in arguments.order_by {
            let expr = self.expr(&item.expr)?;
            call.order_by.push(sort_key(expr, item)?);
        }
        if function != AggregateFunction::GroupConcat {
            // The same in any order.
            call.order_by.clear();
        }
        if let Some(filter) = arguments.filter {
            // No aggregate takes NULL, so a row that is left out may just as well have none.
            let argument = call.argument.unwrap_or(Expr::Literal(Value::Boolean(true)));
            let branches = vec![(self.expr(filter)?, argument)];
            call.argument = Some(Expr::Case { operand: None, branches, otherwise: None });
        } else if call.argument.is_none() {
            call.function = AggregateFunction::CountRows;
        }
        Ok(call)
    }
}

/// Puts the moment at which the statement runs in place of 'now'.
fn tell_now(moment: &mut Expr) {
    if matches!(moment, Expr::Literal(Value::Text(text)) if text.eq_ignore_ascii_case("now")) {
        *moment = Expr::Function { function: Function::Time(TimeFunction::CurrentTimestamp), arguments: Vec::new() };
    }
}

fn unsupported_clause(function: &ast::Function) -> Option<&'static str> {
    if function.over.is_some() {
        return Some("a window function");
    }
    if !function.within_group.is_empty() || function.null_treatment.is_some() {
        return Some("this clause of a function call");
    }
    match &function.args {
        FunctionArguments::List(list) => {
            let is_other = |clause| !matches!(clause, &FunctionArgumentClause::OrderBy(_));
            list.clauses.iter().any(is_other).then_some("this clause inside a function call")
        }
        _ => None,
    }
}

fn arguments(arguments: &FunctionArguments) -> Result<Arguments<'_>> {
    let list = match arguments {
        FunctionArguments::None => {
            return Ok(Arguments::default());
        }
        FunctionArguments::Subquery(_) => return Err(Error::not_supported("a query as the only argument")),
        FunctionArguments::List(list) => list,
    };
    let mut exprs = Vec::with_capacity(list.args.len());
    let mut is_star = false;
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => exprs.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => is_star = true,
            _ => return Err(Error::not_supported("such an argument")),
        }
    }
    if is_star && list.args.len() > 1 {
        return Err(Error::syntax("* stands alone in a call"));
    }
    let is_distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    if is_star && is_distinct {
        return Err(Error::syntax("DISTINCT needs an argument"));
    }
    let order_by = list.clauses.iter().find_map(|clause| match clause {
        FunctionArgumentClause::OrderBy(order_by) => Some(order_by.as_slice()),
        _ => None,
    });
    Ok(Arguments { exprs, filter: None, order_by: order_by.unwrap_or_default(), is_star, is_distinct })
}

fn argument_count(name: &str, least: usize, most: usize, found: usize) -> Error {
    let expected = match (least, most) {
        (0, 0) => "no argument",
        (1, 1) => "1 argument",
        (2, 2) => "2 arguments",
        (3, 3) => "3 arguments",
        (1, 2) => "1 or 2 arguments",
        (2, 3) => "2 or 3 arguments",
        (1, _) => "at least 1 argument",
        _ => "at least 2 arguments",
    };
    Error::new(ErrorKind::ArgumentCount { function: name.into(), expected, found })
}
