//! How often we are ahead, and every row in which we are not.

use std::fmt::Write as _;

use super::{row, sheets};
use crate::record::{Record, best_rival, distinct, is_rate, short};

/// One row of a table in which both we and a concurrent rival have a figure.
pub(super) struct Match<'r> {
    pub(super) ours: &'r Record,
    pub(super) rival: &'r Record,
}

impl<'r> Match<'r> {
    /// Ours and the best rival of one row.
    pub(super) fn of(row: &[&'r Record]) -> Option<Self> {
        let ours = row.iter().find(|record| record.peer == "manicule")?;
        let rival = best_rival(row).filter(|rival| rival.median > 0.0)?;
        Some(Self { ours, rival })
    }

    /// How many times worse we are; below 1 we are better.
    pub(super) fn factor(&self) -> f64 {
        let ratio = self.ours.median / self.rival.median;
        if is_rate(&self.ours.unit) { 1.0 / ratio } else { ratio }
    }

    /// Whether the rounds of the two do not tell them apart.
    pub(super) fn is_within_the_spread(&self) -> bool {
        self.ours.min <= self.rival.max && self.rival.min <= self.ours.max
    }
}

fn matches(records: &[Record]) -> Vec<Match<'_>> {
    let mut matches = Vec::new();
    for sheet in sheets(records) {
        let workloads = distinct(&sheet, |record| &record.workload);
        matches.extend(workloads.into_iter().filter_map(|workload| Match::of(&row(&sheet, workload))));
    }
    matches
}

/// How many rows of each suite we win and lose.
pub(super) fn summary(records: &[Record]) -> String {
    let matches = matches(records);
    let all: Vec<&Record> = matches.iter().map(|found| found.ours).collect();
    let mut out = String::from(
        "## Against the best of the others\n\n\
         Of each row of the tables below, ours beside whichever concurrent peer is best at just that; not told apart are rows whose \
         rounds overlap.\n\n| suite | rows | ahead | not told apart | behind |\n|---|--:|--:|--:|--:|\n",
    );
    for suite in distinct(&all, |record| &record.suite) {
        let here: Vec<&Match<'_>> = matches.iter().filter(|found| found.ours.suite == suite).collect();
        let alike = here.iter().filter(|found| found.is_within_the_spread()).count();
        let ahead = here.iter().filter(|found| !found.is_within_the_spread() && found.factor() < 1.0).count();
        let behind = here.len() - alike - ahead;
        writeln!(out, "| {suite} | {} | {ahead} | {alike} | {behind} |", here.len())
            .expect("writing to a String never fails");
    }
    out
}

/// Every row in which a concurrent rival is ahead, the worst first.
pub(super) fn list(records: &[Record]) -> String {
    let mut lost: Vec<Match<'_>> = matches(records).into_iter().filter(|found| found.factor() > 1.0).collect();
    lost.sort_by(|one, other| other.factor().total_cmp(&one.factor()));
    let mut out = String::from("## Where we lose\n\n");
    if lost.is_empty() {
        out.push_str("In no row of this run.\n");
        return out;
    }
    out.push_str("| suite | key | entries | threads | | ours | best other | | worse by |\n");
    out.push_str("|---|---|--:|--:|---|--:|--:|---|---|\n");
    for found in lost {
        let Match { ours, rival } = &found;
        let doubt = if found.is_within_the_spread() { ", within the spread" } else { "" };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} {} | {} | `{}` | {:.2}×{doubt} |",
            ours.suite,
            ours.key,
            super::grouped(ours.n),
            ours.threads,
            ours.workload,
            short(ours.median),
            ours.unit,
            short(rival.median),
            rival.peer,
            found.factor()
        )
        .expect("writing to a String never fails");
    }
    out
}
