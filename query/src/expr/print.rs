//! Expressions as SQL text, for EXPLAIN.

use std::fmt::{self, Write};

use manicule_engine::Value;

use super::{ColumnRef, Expr, Function, SubqueryForm, TimeFunction, UnaryOperator};

/// Lists are cut after so many items.
const ITEMS_MAX: usize = 8;
/// Texts are cut after so many characters.
const CHARACTERS_MAX: usize = 60;

/// Writes an expression; `column` writes the name of a column.
pub(crate) fn write_expr(expr: &Expr, column: &dyn Fn(ColumnRef) -> String, f: &mut impl Write) -> fmt::Result {
    Printer { column, f }.expr(expr)
}

struct Printer<'p, W> {
    column: &'p dyn Fn(ColumnRef) -> String,
    f: &'p mut W,
}

impl<W: Write> Printer<'_, W> {
    fn expr(&mut self, expr: &Expr) -> fmt::Result {
        match expr {
            Expr::Literal(value) => write_literal(value, self.f),
            Expr::Parameter(position) => write!(self.f, "${}", position + 1),
            Expr::Column(column) => self.f.write_str(&(self.column)(*column)),
            Expr::Row(values) => self.list(values),
            Expr::Unary { operator, operand } => {
                self.f.write_str(match operator {
                    UnaryOperator::Not => "NOT ",
                    UnaryOperator::Negate => "-",
                    UnaryOperator::BitNot => "~",
                })?;
                self.operand(operand)
            }
            Expr::Binary { operator, left, right } => {
                self.operand(left)?;
                write!(self.f, " {} ", operator.symbol())?;
                self.operand(right)
            }
            Expr::And(parts) => self.joined(parts, " AND "),
            Expr::Or(parts) => self.joined(parts, " OR "),
            Expr::IsNull { operand, negated } => {
                self.operand(operand)?;
                self.f.write_str(if *negated { " IS NOT NULL" } else { " IS NULL" })
            }
            Expr::Between { operand, low, high, negated } => {
                self.operand(operand)?;
                write!(self.f, "{} BETWEEN ", not(*negated))?;
                self.operand(low)?;
                self.f.write_str(" AND ")?;
                self.operand(high)
            }
            Expr::Like { operand, pattern, escape, negated } => {
                self.operand(operand)?;
                write!(self.f, "{} LIKE ", not(*negated))?;
                self.operand(pattern)?;
                escape.map_or(Ok(()), |escape| write!(self.f, " ESCAPE '{escape}'"))
            }
            Expr::Cast { operand, target } => {
                self.f.write_str("CAST(")?;
                self.expr(operand)?;
                write!(self.f, " AS {target})")
            }
            Expr::Function { function: Function::Time(function), .. } if function.tells_now() => {
                self.f.write_str(function.name())
            }
            Expr::Function { function: Function::Time(TimeFunction::Shift), arguments } => self.shift(arguments),
            Expr::Function { function, arguments } => {
                self.f.write_str(function.name())?;
                self.list(arguments)
            }
            Expr::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref())
            }
            Expr::InList { .. }
            | Expr::InSet { .. }
            | Expr::InQuery { .. }
            | Expr::Exists { .. }
            | Expr::Scalar(_)
            | Expr::Planned { .. } => self.membership(expr),
        }
    }

    fn membership(&mut self, expr: &Expr) -> fmt::Result {
        match expr {
            Expr::InList { operand, list, negated } => {
                self.operand(operand)?;
                write!(self.f, "{} IN ", not(*negated))?;
                self.list(list)
            }
            Expr::InSet { operand, set, negated } => {
                self.operand(operand)?;
                let count = set.values.len() + usize::from(set.has_null);
                write!(self.f, "{} IN ({count} constants)", not(*negated))
            }
            Expr::InQuery { operand, negated, .. } => {
                self.operand(operand)?;
                write!(self.f, "{} IN (subquery)", not(*negated))
            }
            Expr::Exists { negated, .. } => write!(self.f, "{}EXISTS (subquery)", if *negated { "NOT " } else { "" }),
            Expr::Planned { form, operands, negated, subplan } => {
                let number = subplan + 1;
                match form {
                    SubqueryForm::In => {
                        match operands.as_slice() {
                            [operand] => self.operand(operand)?,
                            _ => self.list(operands)?,
                        }
                        write!(self.f, "{} IN (subquery {number})", not(*negated))
                    }
                    SubqueryForm::Matches => {
                        write!(self.f, "{}EXISTS (subquery {number} of ", if *negated { "NOT " } else { "" })?;
                        self.joined(operands, ", ")?;
                        self.f.write_char(')')
                    }
                    SubqueryForm::Exists => {
                        write!(self.f, "{}EXISTS (subquery {number})", if *negated { "NOT " } else { "" })
                    }
                    SubqueryForm::Scalar | SubqueryForm::Grouped { .. } => write!(self.f, "(subquery {number})"),
                }
            }
            _ => self.f.write_str("(subquery)"),
        }
    }

    fn case(&mut self, operand: Option<&Expr>, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) -> fmt::Result {
        self.f.write_str("CASE")?;
        if let Some(operand) = operand {
            self.f.write_char(' ')?;
            self.operand(operand)?;
        }
        for (when, then) in branches {
            self.f.write_str(" WHEN ")?;
            self.expr(when)?;
            self.f.write_str(" THEN ")?;
            self.expr(then)?;
        }
        if let Some(otherwise) = otherwise {
            self.f.write_str(" ELSE ")?;
            self.expr(otherwise)?;
        }
        self.f.write_str(" END")
    }

    /// `x + INTERVAL '1 months -2 days'`, or `-` if nothing is added.
    fn shift(&mut self, arguments: &[Expr]) -> fmt::Result {
        let [moment, interval @ ..] = arguments else { return Ok(()) };
        let length = |part: &Expr| match part {
            Expr::Literal(Value::Integer(length)) => i128::from(*length),
            _ => 0,
        };
        let sign = if interval.iter().all(|part| length(part) <= 0) { -1 } else { 1 };
        self.operand(moment)?;
        write!(self.f, " {} INTERVAL '", if sign < 0 { '-' } else { '+' })?;
        let parts = interval.iter().map(length).zip(["months", "days", "microseconds"]);
        for (position, (length, unit)) in parts.filter(|(length, _)| *length != 0).enumerate() {
            write!(self.f, "{}{} {unit}", if position > 0 { " " } else { "" }, length * sign)?;
        }
        self.f.write_char('\'')
    }

    /// In parentheses, if it is made of several parts.
    fn operand(&mut self, expr: &Expr) -> fmt::Result {
        let is_atom = matches!(
            expr,
            Expr::Literal(_)
                | Expr::Parameter(_)
                | Expr::Column(_)
                | Expr::Row(_)
                | Expr::Function { .. }
                | Expr::Cast { .. }
                | Expr::Case { .. }
                | Expr::Scalar(_)
                | Expr::Planned { form: SubqueryForm::Scalar | SubqueryForm::Grouped { .. }, .. }
        );
        if is_atom {
            return self.expr(expr);
        }
        self.f.write_char('(')?;
        self.expr(expr)?;
        self.f.write_char(')')
    }

    fn joined(&mut self, parts: &[Expr], word: &str) -> fmt::Result {
        for (position, part) in parts.iter().enumerate() {
            if position > 0 {
                self.f.write_str(word)?;
            }
            match part {
                Expr::And(_) | Expr::Or(_) => self.operand(part)?,
                _ => self.expr(part)?,
            }
        }
        Ok(())
    }

    fn list(&mut self, items: &[Expr]) -> fmt::Result {
        self.f.write_char('(')?;
        for (position, item) in items.iter().take(ITEMS_MAX).enumerate() {
            if position > 0 {
                self.f.write_str(", ")?;
            }
            self.expr(item)?;
        }
        if items.len() > ITEMS_MAX {
            write!(self.f, ", … {} more", items.len() - ITEMS_MAX)?;
        }
        self.f.write_char(')')
    }
}

fn not(negated: bool) -> &'static str {
    if negated { " NOT" } else { "" }
}

/// Writes a value as SQL writes it, cut if it is long.
fn write_literal(value: &Value<'_>, f: &mut impl Write) -> fmt::Result {
    match value {
        Value::Text(text) => {
            let cut: String = text.chars().take(CHARACTERS_MAX).collect();
            let more = if cut.len() < text.len() { "…" } else { "" };
            write!(f, "'{}{more}'", cut.replace('\'', "''"))
        }
        Value::Date(_) => write!(f, "DATE '{value}'"),
        Value::Timestamp(_) => write!(f, "TIMESTAMP '{value}'"),
        Value::Boolean(boolean) => f.write_str(if *boolean { "TRUE" } else { "FALSE" }),
        Value::Blob(bytes) if bytes.len() > CHARACTERS_MAX => write!(f, "a blob of {} bytes", bytes.len()),
        other => write!(f, "{other}"),
    }
}
