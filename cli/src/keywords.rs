//! The words of the SQL dialect, for completion, colours and quoting.

/// The keywords that the shell completes and colours, in alphabetical order.
pub(crate) const KEYWORDS: &[&str] = &[
    "ADD",
    "ALL",
    "ALTER",
    "ANALYZE",
    "AND",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BLOB",
    "BOOLEAN",
    "BTREE",
    "BY",
    "CASE",
    "CAST",
    "CHECK",
    "COLUMN",
    "COMMIT",
    "CREATE",
    "CROSS",
    "DATE",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "ESCAPE",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FIRST",
    "FROM",
    "GROUP",
    "HASH",
    "HAVING",
    "IF",
    "ILIKE",
    "IN",
    "INDEX",
    "INNER",
    "INSERT",
    "INTEGER",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "LAST",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "PRIMARY",
    "REAL",
    "RELEASE",
    "RENAME",
    "RETURNING",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "TABLE",
    "TEXT",
    "THEN",
    "TIMESTAMP",
    "TO",
    "TRANSACTION",
    "TREE",
    "TRUE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "USING",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WITH",
];

/// The keywords that cannot be a name without quotes.
const RESERVED: &[&str] = &[
    "ALL", "ALTER", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "CHECK", "CREATE", "CROSS", "DEFAULT",
    "DELETE", "DESC", "DISTINCT", "DROP", "ELSE", "END", "EXISTS", "FALSE", "FROM", "GROUP", "HAVING", "IN", "INNER",
    "INSERT", "INTO", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER", "OUTER",
    "PRIMARY", "SELECT", "SET", "TABLE", "THEN", "TO", "TRUE", "UNION", "UNIQUE", "UPDATE", "USING", "VALUES", "WHEN",
    "WHERE", "WITH",
];

/// Whether the shell shows the word as a keyword.
pub(crate) fn is_keyword(word: &str) -> bool {
    contains(KEYWORDS, word)
}

/// Whether the word must be quoted to be a name.
pub(crate) fn is_reserved(word: &str) -> bool {
    contains(RESERVED, word)
}

fn contains(words: &[&str], word: &str) -> bool {
    words.binary_search_by(|candidate| (*candidate).cmp(word.to_ascii_uppercase().as_str())).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_order_so_that_they_can_be_searched() {
        assert!(KEYWORDS.is_sorted() && RESERVED.is_sorted());
        assert!(is_keyword("select") && !is_keyword("flights"));
        assert!(RESERVED.iter().all(|word| is_keyword(word)));
    }
}
