//! Random expressions and conditions over the columns in scope.

use manicule::Value;

use crate::query;
use crate::random::Random;
use crate::schema::{Column, Kind, Table, literal};

/// A relation that expressions may read.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) alias: String,
    pub(crate) columns: Vec<Column>,
}

/// Makes the parts of one statement.
pub(crate) struct Generator<'g> {
    pub(crate) random: &'g mut Random,
    pub(crate) tables: &'g [Table],
    /// What is in scope: the relations of outer queries first.
    pub(crate) scope: Vec<Relation>,
    /// Where the relations of the innermost query begin.
    pub(crate) own_scope: usize,
    pub(crate) parameters: Vec<Value<'static>>,
    /// Whether constants may be parameters.
    pub(crate) takes_parameters: bool,
    /// How many subqueries and tables there may still be.
    pub(crate) budget: usize,
    pub(crate) aliases: usize,
    /// Whether subqueries may be put before the statement, and those that were.
    pub(crate) takes_with: bool,
    pub(crate) with: Vec<String>,
}

/// What a condition is about.
#[derive(Clone, Debug)]
struct Subject {
    sql: String,
    kind: Kind,
    /// Whether a constant of another kind becomes one of this: beside a table's column, with both.
    converts: bool,
}

impl<'g> Generator<'g> {
    pub(crate) fn new(random: &'g mut Random, tables: &'g [Table]) -> Self {
        let takes_parameters = random.percent(40);
        Self {
            random,
            tables,
            scope: Vec::new(),
            own_scope: 0,
            parameters: Vec::new(),
            takes_parameters,
            budget: 4,
            aliases: 0,
            takes_with: false,
            with: Vec::new(),
        }
    }

    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("r{}", self.aliases)
    }

    /// A column of that kind, `None` if there is none in scope.
    pub(crate) fn column(&mut self, kind: Kind) -> Option<String> {
        let mut columns = Vec::new();
        for relation in &self.scope {
            let of_kind = relation.columns.iter().filter(|column| column.kind == kind);
            columns.extend(of_kind.map(|column| format!("{}.{}", relation.alias, column.name)));
        }
        if columns.is_empty() { None } else { Some(self.random.one(&columns).clone()) }
    }

    /// Any column; the innermost relations more often.
    fn any_column(&mut self) -> Option<Subject> {
        let from = if self.random.percent(70) { self.scope.len().saturating_sub(2) } else { 0 };
        let columns: Vec<Subject> = self.scope[from..]
            .iter()
            .flat_map(|relation| {
                relation.columns.iter().map(|column| Subject {
                    sql: format!("{}.{}", relation.alias, column.name),
                    kind: column.kind,
                    converts: column.is_stored,
                })
            })
            .collect();
        if columns.is_empty() { None } else { Some(self.random.one(&columns).clone()) }
    }

    /// A constant of the kind, or a parameter.
    pub(crate) fn constant(&mut self, kind: Kind) -> String {
        if self.random.percent(4) {
            return "NULL".into();
        }
        let text = literal(self.random, kind);
        if !self.takes_parameters || self.random.percent(60) {
            return text;
        }
        let value = match kind {
            Kind::Integer => text.parse().map(Value::Integer).ok(),
            Kind::Real => text.parse().map(Value::Real).ok(),
            Kind::Text | Kind::Date => Some(Value::from(text.trim_matches('\'').replace("''", "'"))),
            Kind::Boolean => None,
        };
        let Some(value) = value else { return text };
        self.parameters.push(value);
        format!("?{}", self.parameters.len())
    }

    /// An expression of the kind.
    pub(crate) fn expr(&mut self, kind: Kind, depth: usize) -> String {
        if depth > 0 && self.random.percent(45) {
            return match kind {
                Kind::Integer => self.integer(depth - 1),
                Kind::Real => self.real(depth - 1),
                Kind::Text => self.text(depth - 1),
                Kind::Boolean => self.column(kind).unwrap_or_else(|| self.constant(kind)),
                Kind::Date => self.column(kind).unwrap_or_else(|| "NULL".into()),
            };
        }
        if self.random.percent(75)
            && let Some(column) = self.column(kind)
        {
            return column;
        }
        if kind == Kind::Date { "NULL".into() } else { self.constant(kind) }
    }

    fn integer(&mut self, depth: usize) -> String {
        let kind = Kind::Integer;
        match self.random.below(16) {
            0..=2 => {
                let operator = *self.random.one(&["+", "-", "*", "+", "-"]);
                let made = format!("{} {operator} {}", self.expr(kind, depth), self.expr(kind, depth));
                self.parenthesised(made)
            }
            3 => {
                let operator = *self.random.one(&["/", "%", "&", "|"]);
                format!("({} {operator} {})", self.expr(kind, depth), self.expr(kind, depth))
            }
            4 => format!("abs({})", self.expr(kind, depth)),
            5 => format!("length({})", self.expr(Kind::Text, depth)),
            6 => format!("coalesce({}, {})", self.expr(kind, depth), self.expr(kind, depth)),
            7 => format!("nullif({}, {})", self.expr(kind, depth), self.expr(kind, depth)),
            8 => format!("CAST({} AS INTEGER)", self.expr(Kind::Real, depth)),
            9 => format!("instr({}, {})", self.expr(Kind::Text, depth), self.expr(Kind::Text, depth)),
            10 => format!("(- {})", self.expr(kind, depth)),
            11 => {
                format!("{}({}, {})", self.random.one(&["min", "max"]), self.expr(kind, depth), self.expr(kind, depth))
            }
            12 => self.scalar_query(kind).unwrap_or_else(|| self.expr(kind, 0)),
            13 => format!("sign({})", self.expr(kind, depth)),
            14 => format!("unicode({})", self.expr(Kind::Text, depth)),
            _ => self.case(kind, depth),
        }
    }

    fn real(&mut self, depth: usize) -> String {
        let kind = Kind::Real;
        match self.random.below(8) {
            0 | 1 => {
                let operator = *self.random.one(&["+", "-", "*", "/"]);
                let other = *self.random.one(&[Kind::Real, Kind::Integer]);
                format!("({} {operator} {})", self.expr(kind, depth), self.expr(other, depth))
            }
            2 => format!("abs({})", self.expr(kind, depth)),
            3 => format!("CAST({} AS REAL)", self.expr(Kind::Integer, depth)),
            4 => format!("coalesce({}, {})", self.expr(kind, depth), self.expr(kind, depth)),
            5 => format!("round({}, {})", self.expr(kind, depth), self.random.below(3)),
            6 => self.scalar_query(kind).unwrap_or_else(|| self.expr(kind, 0)),
            _ => self.case(kind, depth),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        let kind = Kind::Text;
        match self.random.below(14) {
            0 | 1 => format!("({} || {})", self.expr(kind, depth), self.expr(kind, depth)),
            2 => format!("upper({})", self.expr(kind, depth)),
            3 => format!("lower({})", self.expr(kind, depth)),
            4 => {
                let (start, length) = (self.random.below(5) as i64 - 2, self.random.below(4));
                format!("substr({}, {start}, {length})", self.expr(kind, depth))
            }
            5 => {
                let (text, from) = (self.expr(kind, depth), self.expr(kind, depth));
                format!("replace({text}, {from}, {})", literal(self.random, kind))
            }
            6 => format!("CAST({} AS TEXT)", self.expr(Kind::Integer, depth)),
            7 => format!("coalesce({}, {})", self.expr(kind, depth), self.expr(kind, depth)),
            9 => format!("quote({})", self.expr(kind, depth)),
            10 => format!("typeof({})", self.expr(Kind::Integer, depth)),
            11 => {
                let cut = *self.random.one(&["ltrim", "rtrim", "trim"]);
                format!("{cut}({}, {})", self.expr(kind, depth), self.expr(kind, depth))
            }
            12 => {
                let form = *self.random.one(&["%Y-%m", "%d.%m.%Y", "%j", "%w"]);
                format!("strftime('{form}', {})", self.expr(Kind::Date, 0))
            }
            8 => self.scalar_query(kind).unwrap_or_else(|| format!("trim({})", self.expr(kind, depth))),
            _ => self.case(kind, depth),
        }
    }

    fn case(&mut self, kind: Kind, depth: usize) -> String {
        let otherwise =
            if self.random.percent(60) { format!(" ELSE {}", self.expr(kind, depth)) } else { String::new() };
        format!("CASE WHEN {} THEN {}{otherwise} END", self.condition(depth), self.expr(kind, depth))
    }

    fn scalar_query(&mut self, kind: Kind) -> Option<String> {
        (self.budget > 0).then(|| format!("({})", query::scalar(self, kind)))
    }

    /// A condition.
    pub(crate) fn condition(&mut self, depth: usize) -> String {
        if depth > 0 {
            match self.random.below(10) {
                0..=4 => {
                    let operator = *self.random.one(&["AND", "AND", "AND", "OR", "OR"]);
                    let made = format!("{} {operator} {}", self.condition(depth - 1), self.condition(depth - 1));
                    return self.parenthesised(made);
                }
                5 => {
                    let made = format!("NOT {}", self.condition(depth - 1));
                    return self.parenthesised(made);
                }
                _ => {}
            }
        }
        let Some(about) = self.subject() else { return (*self.random.one(&["1", "0", "NULL"])).into() };
        let (subject, kind) = (about.sql.clone(), about.kind);
        match self.random.below(20) {
            0..=7 => {
                let operator = *self.random.one(&["=", "=", "=", "<", "<=", ">", ">=", "<>", "IS", "IS NOT"]);
                let other = self.other(&about);
                let mirrored = self.random.percent(20);
                if mirrored { format!("{other} {operator} {subject}") } else { format!("{subject} {operator} {other}") }
            }
            8 | 9 => format!("{subject} {}BETWEEN {} AND {}", self.not(), self.other(&about), self.other(&about)),
            10..=12 => {
                let list: Vec<String> = (0..1 + self.random.below(5)).map(|_| self.other(&about)).collect();
                format!("{subject} {}IN ({})", self.not(), list.join(", "))
            }
            13 | 14 if self.budget > 0 => format!("{subject} {}IN ({})", self.not(), query::column(self, kind)),
            15 if self.budget > 0 => format!("{}EXISTS ({})", self.not(), query::exists(self)),
            16 => {
                let text = self.expr(Kind::Text, 0);
                let pattern = *self.random.one(&["'a%'", "'A%'", "'%b'", "'a_'", "'%'", "'b!%'", "'5%'", "'k%'", "''"]);
                format!("{text} {}LIKE {pattern}", self.not())
            }
            17 => format!("{subject} IS NOT NULL"),
            18 => format!("{subject} IS NULL"),
            _ => match kind {
                Kind::Integer | Kind::Boolean => subject,
                _ => format!("{subject} = {}", self.other(&about)),
            },
        }
    }

    /// Now and then without parentheses, so that precedence tells what belongs together.
    fn parenthesised(&mut self, made: String) -> String {
        if self.random.percent(25) { made } else { format!("({made})") }
    }

    fn not(&mut self) -> &'static str {
        if self.random.percent(25) { "NOT " } else { "" }
    }

    /// What a condition is about: mostly a column, so that an index may answer.
    fn subject(&mut self) -> Option<Subject> {
        let column = self.any_column()?;
        if self.random.percent(85) || column.kind == Kind::Date || column.kind == Kind::Boolean {
            return Some(column);
        }
        Some(Subject { sql: self.expr(column.kind, 2), kind: column.kind, converts: false })
    }

    /// What a subject is compared with: now and then a value of another kind.
    fn other(&mut self, about: &Subject) -> String {
        let kind = about.kind;
        match (kind, self.random.below(20)) {
            (Kind::Integer, 0) => self.constant(Kind::Real),
            (Kind::Integer | Kind::Real, 1) if about.converts => self.constant(Kind::Text),
            (Kind::Text, 1) if about.converts => self.constant(Kind::Integer),
            (Kind::Real, 0) => self.constant(Kind::Integer),
            (Kind::Integer, 2) => self.column(Kind::Real).unwrap_or_else(|| self.constant(kind)),
            (Kind::Real, 2) => self.column(Kind::Integer).unwrap_or_else(|| self.constant(kind)),
            (Kind::Date | Kind::Boolean, 0..=4) => self.column(kind).unwrap_or_else(|| self.constant(kind)),
            (Kind::Date | Kind::Boolean, _) | (_, 3..=12) => self.constant(kind),
            _ => self.expr(kind, 1),
        }
    }
}
