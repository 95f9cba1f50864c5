//! EXPLAIN as an indented tree.

use std::fmt::{self, Write};

use super::describe::{grouped, row_count};
use super::{Description, Explanation};

pub(super) fn write(explanation: &Explanation<'_>) -> String {
    let mut text = String::new();
    write_explanation(explanation, &mut text).expect("writing to a string does not fail");
    text.truncate(text.trim_end().len());
    text
}

fn write_explanation(explanation: &Explanation<'_>, f: &mut String) -> fmt::Result {
    write_step(&explanation.root, 0, f)?;
    for subquery in &explanation.subqueries {
        write_step(subquery, 0, f)?;
    }
    for unused in &explanation.not_used {
        writeln!(f, "Not used: {} ({}) on {}: {}", unused.index, unused.kind, unused.table, unused.reason)?;
    }
    if !explanation.rewrites.is_empty() {
        writeln!(f, "Rewritten by: {}", explanation.rewrites.join(", "))?;
    }
    if let Some(analysis) = explanation.analysis {
        writeln!(f, "Execution time: {:.3} ms", analysis.time.as_secs_f64() * 1e3)?;
    }
    Ok(())
}

fn write_step(step: &Description, depth: usize, f: &mut String) -> fmt::Result {
    let indent = 2 * depth;
    write!(f, "{:indent$}{}", "", step.title)?;
    if let Some(rows) = step.rows {
        write!(f, "  (est {}", row_count(rows))?;
        if let Some(counter) = &step.counter {
            write!(f, ", actual {}", row_count(counter.rows as f64))?;
            if counter.loops != 1 {
                write!(f, " in {} loops", grouped(counter.loops))?;
            }
            write!(f, ", {:.3} ms", counter.time.as_secs_f64() * 1e3)?;
        }
        f.write_char(')')?;
    }
    f.write_char('\n')?;
    for (label, _, fact) in step.facts.iter().filter(|(label, ..)| !label.is_empty()) {
        writeln!(f, "{:indent$}  {label}: {fact}", "")?;
    }
    step.inputs.iter().try_for_each(|input| write_step(input, depth + 1, f))
}
