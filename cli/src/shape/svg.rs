//! The picture as SVG: one file that needs nothing else, with what each cell stands for as its tooltip.
//!
//! A level of the tree is a strip as wide as the others, so that a node stands above its children. Cells and bars carry
//! their counts as `data-` attributes: programs can read the file, and the tests do.

use std::fmt::{Arguments, Write};

use super::{Cell, Histogram, Level, Picture};
use crate::text::{counted, grouped};

const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 28.0;
/// Where strips and bars begin; their labels stand before.
const LEFT: f64 = 200.0;
const STRIP_WIDTH: f64 = WIDTH - MARGIN - LEFT;
/// A longer bar leaves no room for its count.
const BAR_WIDTH_MAX: f64 = STRIP_WIDTH - 130.0;
/// A cell is not narrower than four units.
const CELLS_MAX: usize = (STRIP_WIDTH / 4.0) as usize;
/// Up to so many cells are kept apart by a gap.
const SEPARATE_CELLS_MAX: usize = 64;
const INK: &str = "#1f2933";
const FAINT: &str = "#66727f";
/// The colours of an empty node, of one half full, and of a full one.
const COLOURS: [[f64; 3]; 3] = [[255.0, 237.0, 190.0], [65.0, 165.0, 180.0], [20.0, 45.0, 105.0]];

/// The picture under that title; `facts` stand below it.
pub(crate) fn to_svg(picture: &Picture, title: &str, facts: &[String]) -> String {
    let mut drawing = Drawing { body: String::new(), y: MARGIN };
    drawing.y += 16.0;
    drawing.words([MARGIN, drawing.y], "font-size=\"22\" font-weight=\"600\"", title);
    drawing.y += 6.0;
    for fact in facts {
        drawing.y += 20.0;
        drawing.words([MARGIN, drawing.y], &format!("fill=\"{FAINT}\""), fact);
    }
    if !picture.levels.is_empty() {
        drawing.heading("nodes of the tree by how full they are, from the least key to the greatest");
        picture.levels.iter().for_each(|level| drawing.level(level));
        drawing.legend();
    }
    picture.histograms.iter().for_each(|histogram| drawing.histogram(histogram));
    let height = drawing.y + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
         height=\"{height:.0}\" font-family=\"system-ui, 'Helvetica Neue', Arial, sans-serif\" font-size=\"13\" \
         fill=\"{INK}\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}</svg>\n",
        escaped(title),
        drawing.body
    )
}

/// The elements so far, and how far down they reach.
struct Drawing {
    body: String,
    y: f64,
}

impl Drawing {
    fn heading(&mut self, heading: &str) {
        self.y += 44.0;
        self.words([MARGIN, self.y], "font-size=\"15\" font-weight=\"600\"", heading);
        self.y += 14.0;
    }

    fn level(&mut self, level: &Level) {
        let (cells, total) = (level.cells(CELLS_MAX), level.total());
        let height = if level.name == "leaves" { 56.0 } else { 32.0 };
        let middle = self.y + height / 2.0;
        let label = format!("text-anchor=\"end\" fill=\"{FAINT}\" font-size=\"12\"");
        self.words([LEFT - 12.0, middle - 3.0], "text-anchor=\"end\" font-weight=\"600\"", &level.name);
        self.words([LEFT - 12.0, middle + 12.0], &label, &filling(&total));
        self.push(format_args!("<g class=\"level\" data-level=\"{}\">", level.name));
        let width = STRIP_WIDTH / cells.len().max(1) as f64;
        let gap = if cells.len() <= SEPARATE_CELLS_MAX { 1.0 } else { 0.0 };
        for (place, cell) in cells.iter().enumerate() {
            self.cell(cell, [LEFT + place as f64 * width, width - gap, height]);
        }
        self.push(format_args!("</g>"));
        self.y += height + 6.0;
    }

    fn cell(&mut self, cell: &Cell, [x, width, height]: [f64; 3]) {
        let Cell { nodes, filled, capacity } = *cell;
        let (y, colour) = (self.y, colour(cell.share()));
        let tip = format!("{}: {} of {}", counted(nodes, "node"), grouped(filled), grouped(capacity));
        self.push(format_args!(
            "<rect x=\"{x:.2}\" y=\"{y}\" width=\"{width:.2}\" height=\"{height}\" fill=\"{colour}\" \
             shape-rendering=\"crispEdges\" data-nodes=\"{nodes}\" data-filled=\"{filled}\" \
             data-capacity=\"{capacity}\"><title>{tip}</title></rect>"
        ));
    }

    /// What the colours stand for.
    fn legend(&mut self) {
        const STEPS: usize = 24;
        let (y, width) = (self.y + 4.0, 6.0);
        let label = format!("fill=\"{FAINT}\" font-size=\"12\"");
        self.words([LEFT, y + 10.0], &label, "empty");
        let start = LEFT + 44.0;
        for step in 0..STEPS {
            let (x, colour) = (start + step as f64 * width, colour(step as f64 / (STEPS - 1) as f64));
            self.push(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"12\" fill=\"{colour}\" shape-rendering=\"crispEdges\"/>"
            ));
        }
        self.words([start + STEPS as f64 * width + 8.0, y + 10.0], &label, "full");
        self.y += 18.0;
    }

    fn histogram(&mut self, histogram: &Histogram) {
        self.heading(&histogram.title);
        let most = histogram.bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
        let sum: u64 = histogram.bars.iter().map(|(_, count)| count).sum();
        self.push(format_args!("<g class=\"histogram\" data-title=\"{}\">", escaped(&histogram.title)));
        for (label, count) in &histogram.bars {
            let width = *count as f64 / most as f64 * BAR_WIDTH_MAX;
            // What is there is seen.
            let width = if *count > 0 { width.max(1.0) } else { 0.0 };
            let share = *count as f64 / sum.max(1) as f64 * 100.0;
            let y = self.y;
            self.words([LEFT - 12.0, y + 12.0], "text-anchor=\"end\"", label);
            self.push(format_args!(
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"14\" fill=\"#2f6f9f\" \
                 data-count=\"{count}\"><title>{}: {}</title></rect>",
                escaped(label),
                grouped(*count)
            ));
            let count = format!("{}  ({share:.1} %)", grouped(*count));
            self.words([LEFT + width + 8.0, y + 12.0], &format!("fill=\"{FAINT}\" font-size=\"12\""), &count);
            self.y += 19.0;
        }
        self.push(format_args!("</g>"));
        self.y -= 5.0;
    }

    fn words(&mut self, [x, y]: [f64; 2], attributes: &str, words: &str) {
        self.push(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{}</text>", escaped(words)));
    }

    fn push(&mut self, element: Arguments<'_>) {
        writeln!(self.body, "{element}").expect("writing to a string does not fail");
    }
}

/// What stands below the name of a level.
fn filling(total: &Cell) -> String {
    format!("{}, {:.0} % full", counted(total.nodes, "node"), total.share() * 100.0)
}

/// The colour of a node that is full to that share.
fn colour(share: f64) -> String {
    let place = share.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f64;
    let lower = (place as usize).min(COLOURS.len() - 2);
    let part = place - lower as f64;
    let channel = |channel: usize| {
        let (from, to) = (COLOURS[lower][channel], COLOURS[lower + 1][channel]);
        (from + (to - from) * part).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0), channel(1), channel(2))
}

/// Text and attributes as XML takes them: a name in the database may be anything.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no way to say most of these.
            _ if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use manicule::{Database, IndexStatistics, Session};

    use super::*;

    /// The sum of an attribute over the elements below, and how many there are.
    fn sum(parent: roxmltree::Node<'_, '_>, attribute: &str) -> (usize, u64) {
        let values = parent.descendants().filter_map(|node| node.attribute(attribute));
        let values: Vec<u64> = values.map(|value| value.parse().unwrap()).collect();
        (values.len(), values.iter().sum())
    }

    /// Reads the picture again and compares every count with the statistics.
    fn check(statistics: &IndexStatistics) {
        let svg = to_svg(&Picture::of(statistics), "name", &[]);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let groups = |class: &'static str| document.descendants().filter(move |g| g.attribute("class") == Some(class));
        let levels = statistics.tree.iter().flat_map(|tree| tree.levels.iter().rev());
        let mut level_groups = groups("level");
        for level in levels {
            let group = level_groups.next().unwrap();
            let nodes = level.filled.len();
            let filled: u64 = level.filled.iter().map(|filled| u64::from(*filled)).sum();
            assert_eq!(sum(group, "data-nodes"), (nodes.min(CELLS_MAX), nodes as u64));
            assert_eq!(sum(group, "data-filled").1, filled);
            assert_eq!(sum(group, "data-capacity").1, (nodes * level.node_capacity) as u64);
        }
        assert_eq!(level_groups.next(), None);
        let mut expected = Vec::new();
        let count = |counts: &[usize]| (counts.len(), counts.iter().map(|count| *count as u64).sum());
        if let Some(tree) = &statistics.tree {
            let leaves = tree.levels.first();
            expected.extend(leaves.map(|leaves| (leaves.node_capacity + 1, leaves.filled.len() as u64)));
        }
        if let Some(hash) = &statistics.hash {
            expected.extend([count(&hash.entries_by_blocks), count(&hash.groups_by_entries)]);
        }
        if let Some(lists) = &statistics.lists {
            expected.push((lists.keys_by_length.len(), lists.keys_by_length.iter().sum()));
        }
        assert_eq!(groups("histogram").map(|group| sum(group, "data-count")).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_counts_of_the_picture_are_the_statistics() {
        let database = Database::in_memory();
        let mut session = Session::new(&database);
        session
            .execute(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT UNIQUE, grp INTEGER, name TEXT);
                 CREATE INDEX grp_hash ON t USING HASH (grp);
                 CREATE INDEX grp_tree ON t USING TREE (grp);
                 CREATE INDEX name_tree ON t USING TREE (name);",
            )
            .unwrap();
        let row = |id: u32| format!("({id}, 'w{}', {}, 'n{}')", id * 7919 % 10_007, id % 300, id / 2);
        for size in [0, 1, 5000] {
            let values: Vec<String> = (size / 5..size).map(row).collect();
            if !values.is_empty() {
                session.execute(&format!("INSERT INTO t VALUES {}", values.join(","))).unwrap();
            }
            let mut reader = database.reader();
            let view = reader.view();
            for name in ["t_pkey", "t_word_key", "grp_hash", "grp_tree", "name_tree"] {
                let index = view.catalog().index(name).unwrap_or_else(|| panic!("no index {name}")).1.id;
                let statistics = view.index_statistics(index).unwrap();
                assert_eq!(statistics.entries, view.row_count(view.catalog().table("t").unwrap().id), "{name}");
                check(&statistics);
            }
        }
    }

    /// The picture that people draw: a million keys, some ranges of which were thinned out. With `HOSTILE_FULL=1`, because
    /// filling the table takes minutes without optimisation; else a hundredth of it.
    #[test]
    fn the_counts_of_a_million_keys_are_the_statistics() {
        let tens = if std::env::var("HOSTILE_FULL").is_ok_and(|full| full != "0") { 6 } else { 4 };
        let database = Database::in_memory();
        let mut session = Session::new(&database);
        session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (0)").unwrap();
        let size = 10_i64.pow(tens);
        for power in 0..tens {
            let part = 10_i64.pow(power);
            for digit in 1..10 {
                session
                    .execute(&format!("INSERT INTO t SELECT id + {} FROM t WHERE id < {part}", digit * part))
                    .unwrap();
            }
        }
        let middle = size / 2;
        session.execute(&format!("DELETE FROM t WHERE id > {middle} AND id < {middle} + {middle} / 5")).unwrap();
        database.vacuum();
        let rows = size - middle / 5 + 1;
        let mut reader = database.reader();
        let view = reader.view();
        let index = view.catalog().index("t_pkey").unwrap().1.id;
        let statistics = view.index_statistics(index).unwrap();
        assert_eq!(statistics.entries, rows as u64);
        let leaves: u64 =
            statistics.tree.as_ref().unwrap().levels[0].filled.iter().map(|filled| u64::from(*filled)).sum();
        assert_eq!(leaves, rows as u64);
        check(&statistics);
    }

    #[test]
    fn colours_run_from_empty_to_full() {
        assert_eq!([0.0, 0.5, 1.0, 2.0].map(colour), ["#ffedbe", "#41a5b4", "#142d69", "#142d69"]);
    }

    #[test]
    fn names_cannot_leave_their_place() {
        assert_eq!(escaped("<a href=\"x\">&\u{1b}"), "&lt;a href=&quot;x&quot;&gt;&amp;\u{fffd}");
    }
}
