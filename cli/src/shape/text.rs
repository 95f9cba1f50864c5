//! The picture in characters, for the terminal.

use super::{Histogram, Level, Picture};
use crate::text::{grouped, width};

/// How many characters a strip or a bar may take.
const COLUMNS: usize = 56;
const EIGHTHS_UP: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const EIGHTHS_ACROSS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// The whole picture as lines.
pub(crate) fn to_text(picture: &Picture) -> Vec<String> {
    let mut lines = Vec::new();
    if !picture.levels.is_empty() {
        lines.push(String::new());
        let heading = ["level", "nodes", "full"];
        lines.push(format!(
            "{:>9}  {:>9}  {:>4}  from the least key to the greatest",
            heading[0], heading[1], heading[2]
        ));
        lines.extend(picture.levels.iter().map(strip));
    }
    for histogram in &picture.histograms {
        lines.push(String::new());
        lines.push(format!("{:>9}  {}", "", histogram.title));
        lines.extend(bars(histogram));
    }
    lines
}

/// A level as one line: each character is a run of nodes, as high as they are full.
fn strip(level: &Level) -> String {
    let total = level.total();
    let characters: String = level.cells(COLUMNS).iter().map(|cell| eighth(cell.share())).collect();
    format!("{:>9}  {:>9}  {:>3.0}%  {characters}", level.name, grouped(total.nodes), total.share() * 100.0)
}

fn eighth(share: f64) -> char {
    // Only what is wholly empty looks so.
    let eighths = (share * 8.0).round() as usize;
    EIGHTHS_UP[if share > 0.0 { eighths.clamp(1, 8) } else { 0 }]
}

fn bars(histogram: &Histogram) -> Vec<String> {
    let most = histogram.bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let widest = histogram.bars.iter().map(|(label, _)| width(label)).max().unwrap_or(0).max(9);
    let line = |(label, count): &(String, u64)| {
        let eighths = (*count as f64 / most as f64 * (COLUMNS * 8) as f64).round() as usize;
        // What is there is seen.
        let eighths = if *count > 0 { eighths.max(1) } else { 0 };
        let bar = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS_ACROSS[eighths % 8]);
        format!("{label:>widest$}  {:>9}  {bar}", grouped(*count)).trim_end().to_owned()
    };
    histogram.bars.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_empty_are_told_apart_from_nearly() {
        assert_eq!([0.0, 0.001, 0.5, 0.93, 1.0].map(eighth), ['·', '▁', '▄', '▇', '█']);
    }

    #[test]
    fn bars_are_as_long_as_their_counts() {
        let histogram = Histogram {
            title: String::new(),
            bars: [("1", 56_000), ("2", 28_500), ("3", 1), ("4", 0)]
                .map(|(label, count)| (label.to_owned(), count))
                .into(),
        };
        let lines = bars(&histogram);
        assert_eq!(lines[0], format!("        1     56,000  {}", "█".repeat(56)));
        assert_eq!(lines[1], format!("        2     28,500  {}▌", "█".repeat(28)));
        assert_eq!(lines[2], "        3          1  ▏");
        assert_eq!(lines[3], "        4          0");
    }
}
