//! The shape of an index as a picture: strips that show how full the nodes of a tree are, from the least key to the
//! greatest, and histograms of what a hash or lists of row ids look like.
//!
//! Here is what is drawn; `text` and `svg` draw it. Nothing is left out: the nodes of a strip's cells are the nodes of its
//! level, and the bars of a histogram add up to what the statistics say.

mod svg;
mod text;

use manicule::IndexStatistics;
use manicule::index::{HashShape, LevelShape};

use crate::text::grouped;
pub(crate) use svg::to_svg;
pub(crate) use text::to_text;

/// What is drawn of an index.
#[derive(Debug)]
pub(crate) struct Picture {
    /// The levels of the tree, the root first.
    pub(crate) levels: Vec<Level>,
    pub(crate) histograms: Vec<Histogram>,
}

/// One level of a tree.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) name: String,
    shape: LevelShape,
}

/// Some nodes beside each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) nodes: u64,
    /// What they hold.
    pub(crate) filled: u64,
    /// What they have room for.
    pub(crate) capacity: u64,
}

/// Counts beside each other.
#[derive(Debug)]
pub(crate) struct Histogram {
    pub(crate) title: String,
    /// Labels and counts.
    pub(crate) bars: Vec<(String, u64)>,
}

impl Picture {
    /// What is drawn of an index of that shape.
    pub(crate) fn of(statistics: &IndexStatistics) -> Self {
        let mut levels = Vec::new();
        let mut histograms = Vec::new();
        if let Some(tree) = &statistics.tree {
            let root = tree.levels.len().saturating_sub(1);
            levels.extend(tree.levels.iter().cloned().enumerate().rev().map(|(level, shape)| {
                let name = match level {
                    0 => "leaves".to_owned(),
                    _ if level == root => "root".to_owned(),
                    _ => format!("level {level}"),
                };
                Level { name, shape }
            }));
            histograms.extend(tree.levels.first().map(leaf_histogram));
        }
        histograms.extend(statistics.hash.iter().flat_map(hash_histograms));
        if let Some(lists) = &statistics.lists {
            let bars = lists.keys_by_length.iter().enumerate().map(|(power, keys)| (lengths(power), *keys));
            let title = format!("keys by the length of their list; the longest has {}", grouped(lists.longest));
            histograms.push(Histogram { title, bars: bars.collect() });
        }
        Self { levels, histograms }
    }
}

impl Level {
    /// The whole level.
    pub(crate) fn total(&self) -> Cell {
        self.cell(0, self.shape.filled.len())
    }

    /// The level in at most `most` cells of nearly as many nodes each, in key order.
    pub(crate) fn cells(&self, most: usize) -> Vec<Cell> {
        let nodes = self.shape.filled.len();
        let count = nodes.min(most);
        (0..count).map(|cell| self.cell(cell * nodes / count, (cell + 1) * nodes / count)).collect()
    }

    fn cell(&self, from: usize, to: usize) -> Cell {
        let nodes = (to - from) as u64;
        let filled = self.shape.filled[from..to].iter().map(|filled| u64::from(*filled)).sum();
        Cell { nodes, filled, capacity: nodes * self.shape.node_capacity as u64 }
    }
}

impl Cell {
    /// How full it is, from 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        if self.capacity == 0 { 0.0 } else { self.filled as f64 / self.capacity as f64 }
    }
}

/// How many leaves have how many entries.
fn leaf_histogram(leaves: &LevelShape) -> Histogram {
    let mut counts = vec![0_u64; leaves.node_capacity + 1];
    for filled in &leaves.filled {
        counts[usize::from(*filled).min(leaves.node_capacity)] += 1;
    }
    let bars = counts.into_iter().enumerate().map(|(entries, leaves)| (entries.to_string(), leaves)).collect();
    Histogram { title: "leaves by their entries".to_owned(), bars }
}

/// How the entries lie in the table, and how far a lookup goes for them.
fn hash_histograms(hash: &HashShape) -> [Histogram; 2] {
    let bars = |counts: &[usize], label: &dyn Fn(usize) -> String| {
        counts.iter().enumerate().map(|(place, count)| (label(place), *count as u64)).collect()
    };
    let probes = |blocks: usize| match blocks {
        0 => "1 probe".to_owned(),
        _ => format!("{} probes", blocks + 1),
    };
    [
        Histogram {
            title: "entries by the probes that find them".to_owned(),
            bars: bars(&hash.entries_by_blocks, &probes),
        },
        Histogram {
            title: "groups of 16 slots by their entries".to_owned(),
            bars: bars(&hash.groups_by_entries, &|entries| entries.to_string()),
        },
    ]
}

/// The lengths of 2ⁿ to 2ⁿ⁺¹ − 1.
fn lengths(power: usize) -> String {
    let (least, most) = (1_u64 << power, (1_u64 << power) * 2 - 1);
    if least == most { grouped(least) } else { format!("{}–{}", grouped(least), grouped(most)) }
}

#[cfg(test)]
mod tests {
    use manicule::{Database, Session};

    use super::*;

    #[test]
    fn cells_hold_every_node_once() {
        let database = Database::in_memory();
        let mut session = Session::new(&database);
        session.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)").unwrap();
        let rows: Vec<String> = (0..3000).map(|a| format!("({a})")).collect();
        session.execute(&format!("INSERT INTO t VALUES {}", rows.join(","))).unwrap();
        let mut reader = database.reader();
        let view = reader.view();
        let index = view.catalog().index("t_pkey").unwrap().1.id;
        let picture = Picture::of(&view.index_statistics(index).unwrap());
        let leaves = picture.levels.last().unwrap();
        let total = leaves.total();
        assert_eq!(total.filled, 3000);
        for most in [1, 7, 64, 100_000] {
            let cells = leaves.cells(most);
            assert_eq!(cells.len() as u64, total.nodes.min(most as u64));
            assert_eq!(cells.iter().map(|cell| cell.nodes).sum::<u64>(), total.nodes);
            assert_eq!(cells.iter().map(|cell| cell.filled).sum::<u64>(), total.filled);
            assert_eq!(cells.iter().map(|cell| cell.capacity).sum::<u64>(), total.capacity);
        }
        for histogram in &picture.histograms {
            let sum: u64 = histogram.bars.iter().map(|(_, count)| count).sum();
            assert!([total.nodes, 3000].contains(&sum) || histogram.title.starts_with("groups"), "{histogram:?}");
        }
    }

    #[test]
    fn lengths_are_ranges() {
        assert_eq!([lengths(0), lengths(1), lengths(10)], ["1", "2–3", "1,024–2,047"]);
    }
}
