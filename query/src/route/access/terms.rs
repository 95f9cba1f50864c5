//! What conditions say about single columns of one table, in the forms that an index can answer.

use std::borrow::Cow;
use std::ops::Bound;

use manicule_engine::{ColumnType, Value};

use super::hull::hull;
use crate::expr::{BinaryOperator, Expr, SubqueryForm};
use crate::route::region::{Conjunct, TableRef};
use crate::slots::{SlotSet, slots_read};

/// What one condition says of one column.
#[derive(Debug)]
pub(super) struct Term<'c> {
    /// The condition's place in its list.
    pub(super) conjunct: usize,
    pub(super) column: usize,
    pub(super) form: Form<'c>,
}

/// The forms that an index can answer.
#[derive(Debug)]
pub(super) enum Form<'c> {
    Equals(&'c Expr),
    In(&'c [Expr]),
    IsNull,
    IsNotNull,
    Lower(Limit<'c>),
    Upper(Limit<'c>),
    /// The values of one column of an uncorrelated subquery, by the position of its plan.
    Among {
        subplan: usize,
        position: usize,
    },
    /// Texts of these ranges, each from the first on and before the second, and some of them only.
    Within(Vec<(String, Option<String>)>),
}

/// A bound of a column, or of a row of columns that begins with it.
#[derive(Clone, Debug)]
pub(super) struct Limit<'c> {
    pub(super) bound: Bound<Cow<'c, Expr>>,
    /// The columns after it, and what each is compared with where those before are equal.
    pub(super) rest: Vec<(usize, &'c Expr)>,
    /// Whether that is all that the condition says.
    pub(super) is_all: bool,
}

impl<'c> Limit<'c> {
    /// The bound of a comparison with an order.
    fn of(operator: BinaryOperator, value: &'c Expr) -> Self {
        let bound = match operator {
            BinaryOperator::Greater | BinaryOperator::Less => Bound::Excluded(Cow::Borrowed(value)),
            _ => Bound::Included(Cow::Borrowed(value)),
        };
        Self { bound, rest: Vec::new(), is_all: true }
    }
}

/// All that the conditions say.
#[derive(Debug, Default)]
pub(super) struct Terms<'c> {
    pub(super) terms: Vec<Term<'c>>,
}

impl<'c> Terms<'c> {
    /// Reads the conditions. A value counts as known if it reads no slot of `unknown` and is not another for each row.
    pub(super) fn of(table: &TableRef, conjuncts: &[&'c Conjunct], unknown: &SlotSet) -> Self {
        let mut terms = Self::default();
        for (position, conjunct) in conjuncts.iter().enumerate() {
            terms.read(table, position, &conjunct.expr, unknown);
        }
        terms
    }

    /// Whether any condition speaks of the column.
    pub(super) fn mentions(&self, column: usize) -> bool {
        self.on(column).next().is_some()
    }

    /// What is said of a column.
    pub(super) fn on(&self, column: usize) -> impl Iterator<Item = &Term<'c>> {
        self.terms.iter().filter(move |term| term.column == column)
    }

    fn read(&mut self, table: &TableRef, conjunct: usize, expr: &'c Expr, unknown: &SlotSet) {
        let column_of = |expr: &Expr| match expr {
            Expr::Column(column) if column.slot == table.slot => Some(column.column),
            _ => None,
        };
        let is_known = |expr: &Expr| !slots_read(expr).intersects(unknown) && !expr.is_volatile();
        match expr {
            Expr::Binary { operator, left, right } if matches!(**left, Expr::Row(_)) => {
                let (left, right) = (left.values(), right.values());
                let pairs = |columns: &'c [Expr], values: &'c [Expr]| -> Vec<(usize, &'c Expr)> {
                    let known =
                        |(column, value)| column_of(column).filter(|_| is_known(value)).map(|column| (column, value));
                    columns.iter().zip(values).map_while(known).collect()
                };
                self.row_comparison((conjunct, left.len()), *operator, pairs(left, right));
                if let Some(operator) = operator.mirrored() {
                    self.row_comparison((conjunct, left.len()), operator, pairs(right, left));
                }
            }
            Expr::Binary { operator, left, right } => {
                if let (Some(column), true) = (column_of(left), is_known(right)) {
                    self.comparison(conjunct, column, *operator, right);
                } else if let (Some(column), true, Some(operator)) =
                    (column_of(right), is_known(left), operator.mirrored())
                {
                    self.comparison(conjunct, column, operator, left);
                }
            }
            Expr::IsNull { operand, negated } => {
                if let Some(column) = column_of(operand) {
                    let form = if *negated { Form::IsNotNull } else { Form::IsNull };
                    self.terms.push(Term { conjunct, column, form });
                }
            }
            Expr::InList { operand, list, negated: false } => {
                if let (Some(column), true) = (column_of(operand), list.iter().all(is_known)) {
                    self.terms.push(Term { conjunct, column, form: Form::In(list) });
                }
            }
            Expr::Planned { form: SubqueryForm::In, operands, negated: false, subplan } => {
                for (position, operand) in operands.iter().enumerate() {
                    if let Some(column) = column_of(operand) {
                        self.terms.push(Term { conjunct, column, form: Form::Among { subplan: *subplan, position } });
                    }
                }
            }
            Expr::Like { operand, pattern, escape: None, negated: false } => {
                let (Some(column), Expr::Literal(Value::Text(pattern))) = (column_of(operand), pattern.as_ref()) else {
                    return;
                };
                let is_text = table.schema.columns[column].column_type == ColumnType::Text;
                let ranges = prefix_ranges(pattern);
                if is_text && !ranges.is_empty() {
                    self.terms.push(Term { conjunct, column, form: Form::Within(ranges) });
                }
            }
            Expr::Or(alternatives) => {
                let read = |alternative: &'c Expr| {
                    let mut terms = Self::default();
                    let all = if let Expr::And(all) = alternative { all } else { std::slice::from_ref(alternative) };
                    all.iter().for_each(|expr| terms.read(table, conjunct, expr, unknown));
                    terms
                };
                let alternatives: Vec<Self> = alternatives.iter().map(read).collect();
                let hull = hull(&alternatives).into_iter();
                self.terms.extend(hull.map(|(column, form)| Term { conjunct, column, form }));
            }
            _ => {}
        }
    }

    /// A comparison of a row of so many values, of which the first are columns beside known values.
    fn row_comparison(
        &mut self,
        (conjunct, width): (usize, usize),
        operator: BinaryOperator,
        mut pairs: Vec<(usize, &'c Expr)>,
    ) {
        if pairs.is_empty() || !operator.is_ordering() {
            return;
        }
        let is_all = pairs.len() == width;
        let (column, value) = pairs.remove(0);
        let bound = if is_all { Limit::of(operator, value).bound } else { Bound::Included(Cow::Borrowed(value)) };
        let limit = Limit { bound, rest: pairs, is_all };
        let is_lower = matches!(operator, BinaryOperator::Greater | BinaryOperator::GreaterOrEqual);
        let form = if is_lower { Form::Lower(limit) } else { Form::Upper(limit) };
        self.terms.push(Term { conjunct, column, form });
    }

    fn comparison(&mut self, conjunct: usize, column: usize, operator: BinaryOperator, value: &'c Expr) {
        let form = match operator {
            BinaryOperator::Equal => Form::Equals(value),
            BinaryOperator::Is => match value {
                Expr::Literal(Value::Null) => Form::IsNull,
                Expr::Literal(_) => Form::Equals(value),
                _ => return,
            },
            BinaryOperator::IsNot if matches!(value, Expr::Literal(Value::Null)) => Form::IsNotNull,
            BinaryOperator::Greater | BinaryOperator::GreaterOrEqual => Form::Lower(Limit::of(operator, value)),
            BinaryOperator::Less | BinaryOperator::LessOrEqual => Form::Upper(Limit::of(operator, value)),
            _ => return,
        };
        self.terms.push(Term { conjunct, column, form });
    }
}

/// The most letters of a pattern's prefix that are looked up in either case: each doubles the ranges.
const LETTERS_MAX: usize = 3;

/// The ranges of texts in which all matches of a pattern lie: one for each way to write the letters of its prefix, as LIKE
/// takes them in either case. None if the pattern begins with a wildcard.
fn prefix_ranges(pattern: &str) -> Vec<(String, Option<String>)> {
    let mut prefixes = vec![String::new()];
    let mut letters = 0;
    for character in pattern.chars().take_while(|character| !matches!(character, '%' | '_')) {
        letters += usize::from(character.is_ascii_alphabetic());
        if letters > LETTERS_MAX {
            break;
        }
        let other_case = [character.to_ascii_uppercase(), character.to_ascii_lowercase()];
        let cases = if character.is_ascii_alphabetic() { &other_case[..] } else { &other_case[..1] };
        let longer = |prefix: &String| cases.iter().map(|case| format!("{prefix}{case}")).collect::<Vec<_>>();
        prefixes = prefixes.iter().flat_map(longer).collect();
    }
    prefixes.retain(|prefix| !prefix.is_empty());
    prefixes.sort_unstable();
    prefixes.into_iter().map(|prefix| (prefix.clone(), successor(&prefix))).collect()
}

/// The least text that is greater than every text that begins with `prefix`, if there is one.
fn successor(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let next = match last {
            char::MAX => continue,
            '\u{d7ff}' => '\u{e000}',
            other => char::from_u32(u32::from(other) + 1).expect("only surrogates and the end are no characters"),
        };
        characters.push(next);
        return Some(characters.into_iter().collect());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{prefix_ranges, successor};

    #[test]
    fn a_prefix_is_looked_up_in_either_case() {
        let range = |low: &str, high: &str| (low.to_owned(), Some(high.to_owned()));
        assert_eq!(prefix_ranges("%a"), []);
        assert_eq!(prefix_ranges("1_"), [range("1", "2")]);
        assert_eq!(prefix_ranges("é1%"), [range("é1", "é2")]);
        assert_eq!(prefix_ranges("z%"), [range("Z", "["), range("z", "{")]);
        assert_eq!(prefix_ranges("a-b").len(), 4);
        assert_eq!(prefix_ranges("abcdefgh%").len(), 8);
    }

    #[test]
    fn a_successor_is_the_least_greater_text() {
        assert_eq!(successor("ab").as_deref(), Some("ac"));
        assert_eq!(successor("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(successor("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{10ffff}"), None);
    }
}
