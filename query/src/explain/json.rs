//! EXPLAIN in PostgreSQL's JSON shape, which its plan viewers read.

use std::fmt::{self, Write};

use super::{Description, Explanation};

pub(super) fn write(explanation: &Explanation<'_>) -> String {
    let mut text = String::new();
    write_explanation(explanation, &mut text).expect("writing to a string does not fail");
    text
}

fn write_explanation(explanation: &Explanation<'_>, f: &mut String) -> fmt::Result {
    f.write_str("[{\"Plan\":")?;
    write_step(&explanation.root, &explanation.subqueries, f)?;
    f.write_str(",\"Indexes Not Used\":[")?;
    for (position, unused) in explanation.not_used.iter().enumerate() {
        f.write_str(if position == 0 { "{\"Index Name\":" } else { ",{\"Index Name\":" })?;
        write_string(&unused.index, f)?;
        f.write_str(",\"Relation Name\":")?;
        write_string(&unused.table, f)?;
        f.write_str(",\"Reason\":")?;
        write_string(&unused.reason, f)?;
        f.write_char('}')?;
    }
    f.write_char(']')?;
    if let Some(analysis) = explanation.analysis {
        write!(f, ",\"Execution Time\":{:.3}", analysis.time.as_secs_f64() * 1e3)?;
    }
    f.write_str("}]")
}

fn write_step(step: &Description, further: &[Description], f: &mut String) -> fmt::Result {
    f.write_str("{\"Node Type\":")?;
    write_string(step.node_type, f)?;
    f.write_str(",\"Description\":")?;
    write_string(&step.title, f)?;
    f.write_str(",\"Parent Relationship\":")?;
    write_string(step.relationship, f)?;
    if let Some(rows) = step.rows {
        write!(f, ",\"Plan Rows\":{}", rows.round().max(0.0) as u64)?;
    }
    if let Some(counter) = &step.counter {
        // PostgreSQL gives rows and time of the average loop.
        let loops = counter.loops.max(1);
        let time = counter.time.as_secs_f64() * 1e3 / loops as f64;
        write!(f, ",\"Actual Rows\":{},\"Actual Loops\":{}", counter.rows / loops, counter.loops)?;
        write!(f, ",\"Actual Startup Time\":0.000,\"Actual Total Time\":{time:.3}")?;
    }
    for (_, key, fact) in &step.facts {
        f.write_char(',')?;
        write_string(key, f)?;
        f.write_char(':')?;
        write_string(fact, f)?;
    }
    if !step.inputs.is_empty() || !further.is_empty() {
        f.write_str(",\"Plans\":[")?;
        for (position, input) in step.inputs.iter().chain(further).enumerate() {
            f.write_str(if position == 0 { "" } else { "," })?;
            write_step(input, &[], f)?;
        }
        f.write_char(']')?;
    }
    f.write_char('}')
}

fn write_string(text: &str, f: &mut String) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            control if control < ' ' => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::write_string;

    #[test]
    fn strings_are_escaped() {
        let mut text = String::new();
        write_string("a\"b\\c\n\u{1}é", &mut text).unwrap();
        assert_eq!(text, r#""a\"b\\c\n\u0001é""#);
    }
}
