//! `.advise`: the index that would help a statement, with what it would cost with and without.

use manicule::{Advice, Estimate};

use super::usage;
use crate::error::Result;
use crate::shell::{Flow, Shell};
use crate::text::{counted, grouped};

pub(super) fn advise(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    if arguments.is_empty() {
        return Err(usage(".advise"));
    }
    let advice = shell.backend.advise(arguments)?;
    shell.write_text(&lines(&advice).join("\n"))?;
    Ok(Flow::Continue)
}

fn lines(advice: &Advice) -> Vec<String> {
    let width = grouped(cost(&advice.now)).len().max(grouped(cost(&advice.then)).len());
    let line = |when: &str, estimate: &Estimate| {
        let via = if estimate.via.is_empty() { "without a table" } else { estimate.via.as_str() };
        format!("{when:>9}  cost {:>width$}  {via}", grouped(cost(estimate)))
    };
    let mut lines = Vec::new();
    if advice.statements.is_empty() {
        lines.push("Nothing to gain: no index makes this twice as cheap.".to_owned());
        lines.push(line("now", &advice.now));
    } else {
        lines.extend(advice.statements.iter().map(|statement| format!("{statement};")));
        lines.push(line("now", &advice.now));
        lines.push(line(if advice.statements.len() == 1 { "with it" } else { "with them" }, &advice.then));
        lines.push("A cost of 1 is a row read in a full scan. Both plans are the router's, made on a copy.".to_owned());
    }
    lines.extend(advice.samples.iter().map(|(table, copied, all)| {
        format!("Of {table} {} of {} were looked at, and the costs are theirs.", grouped(*copied), counted(*all, "row"))
    }));
    lines
}

fn cost(estimate: &Estimate) -> u64 {
    estimate.cost.round().max(0.0) as u64
}
