//! Tables, their indexes, and values for their columns.

use crate::random::Random;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Real,
    Text,
    Boolean,
    Date,
}

/// All kinds, the common ones more often.
pub(crate) const KINDS: [Kind; 8] =
    [Kind::Integer, Kind::Integer, Kind::Integer, Kind::Real, Kind::Text, Kind::Text, Kind::Boolean, Kind::Date];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Boolean => "BOOLEAN",
            Self::Date => "DATE",
        }
    }
}

/// A column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) not_null: bool,
    /// Whether a table has it, and not a subquery or `excluded`.
    pub(crate) is_stored: bool,
}

/// A table. Its first column is the primary key, if it has one.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) has_key: bool,
    /// The columns of unique indexes, for ON CONFLICT.
    pub(crate) unique: Vec<Vec<usize>>,
}

impl Table {
    pub(crate) fn random(random: &mut Random, number: usize) -> Self {
        let has_key = random.percent(75);
        let mut columns = Vec::new();
        for position in 0..2 + random.below(4) {
            let kind = match (position, has_key) {
                (0, true) => *random.one(&[Kind::Integer, Kind::Integer, Kind::Text]),
                _ => *random.one(&KINDS),
            };
            let not_null = (position == 0 && has_key) || random.percent(15);
            columns.push(Column {
                name: format!("{}{position}", ["a", "b", "c"][number]),
                kind,
                not_null,
                is_stored: true,
            });
        }
        let unique = if has_key { vec![vec![0]] } else { Vec::new() };
        Self { name: format!("t{number}"), columns, has_key, unique }
    }

    pub(crate) fn create(&self) -> String {
        let column = |(position, column): (usize, &Column)| {
            let key = if position == 0 && self.has_key { " PRIMARY KEY" } else { "" };
            let not_null = if column.not_null { " NOT NULL" } else { "" };
            format!("{} {}{key}{not_null}", column.name, column.kind.name())
        };
        let columns: Vec<String> = self.columns.iter().enumerate().map(column).collect();
        format!("CREATE TABLE {} ({})", self.name, columns.join(", "))
    }

    /// An index, as Manicule says it and as SQLite does. `unique` indexes are remembered by the caller once they are made.
    pub(crate) fn index(&self, random: &mut Random, number: usize) -> Index {
        let mut columns: Vec<usize> = Vec::new();
        for _ in 0..1 + random.below(3) {
            let column = random.below(self.columns.len());
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let unique = random.percent(15);
        let using = *random.one(&["", "", "USING TREE ", "USING TREE ", "USING HASH "]);
        let keys: Vec<String> = columns
            .iter()
            .map(|&column| {
                let direction = if using != "USING HASH " && random.percent(30) { " DESC" } else { "" };
                format!("{}{direction}", self.columns[column].name)
            })
            .collect();
        let head = format!("CREATE {}INDEX i{number} ON {}", if unique { "UNIQUE " } else { "" }, self.name);
        let keys = keys.join(", ");
        Index {
            ours: format!("{head} {using}({keys})"),
            theirs: format!("{head} ({keys})"),
            unique: unique.then_some(columns),
        }
    }

    /// An INSERT of one row of random values.
    pub(crate) fn insert(&self, random: &mut Random, id: usize) -> String {
        let values: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(position, column)| match column.kind {
                Kind::Integer if position == 0 && self.has_key => id.to_string(),
                Kind::Text if position == 0 && self.has_key => format!("'k{id}'"),
                kind => stored(random, kind, column.not_null),
            })
            .collect();
        format!("INSERT INTO {} VALUES ({})", self.name, values.join(", "))
    }
}

/// The two texts of one index.
pub(crate) struct Index {
    pub(crate) ours: String,
    pub(crate) theirs: String,
    pub(crate) unique: Option<Vec<usize>>,
}

/// A value that a column of the kind takes, as SQL.
pub(crate) fn stored(random: &mut Random, kind: Kind, not_null: bool) -> String {
    if !not_null && random.percent(20) { "NULL".into() } else { literal(random, kind) }
}

const TEXTS: [&str; 14] = ["", "a", "A", "ab", "Ab", "abc", "b", "B%", "b_c", "5", "-3", "2.5", "z''z", "k3"];

/// A constant of the kind, as SQL.
pub(crate) fn literal(random: &mut Random, kind: Kind) -> String {
    match kind {
        Kind::Integer if random.percent(3) => random.one(&["1000000007", "-4294967296", "99"]).to_string(),
        Kind::Integer => (random.below(16) as i64 - 4).to_string(),
        // Quarters: sums of them are exact, whatever the order.
        Kind::Real => format!("{:?}", (random.below(48) as f64 - 12.0) / 4.0),
        Kind::Text => format!("'{}'", random.one(&TEXTS)),
        Kind::Boolean => random.one(&["TRUE", "FALSE"]).to_string(),
        Kind::Date => format!("'2013-01-{:02}'", 1 + random.below(20)),
    }
}
