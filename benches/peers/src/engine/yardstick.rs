//! What a read would cost if nobody ever wrote: the rows in a standard hash map, by the key.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use ahash::RandomState;

use super::{KEY_ROWS, values};
use crate::key::draw;
use crate::measure::{Plan, per_operation};
use crate::record::Sheet;

pub(super) fn run(plan: &Plan, sheet: &mut Sheet) {
    if !plan.wants("read by secondary key") {
        return;
    }
    let mut rows: HashMap<i64, Vec<Box<[i64]>>, RandomState> = HashMap::default();
    for id in 0..plan.n {
        let [a, b, c] = values(id, plan.n);
        rows.entry(a).or_default().push(Box::new([id as i64, a, b, c]));
    }
    let reads = plan.operations;
    let begun = Instant::now();
    let mut sum = 0_i64;
    for step in 0..reads {
        let key = (draw(step, plan.n) / KEY_ROWS) as i64;
        sum = rows.get(&key).into_iter().flatten().fold(sum, |sum, row| sum.wrapping_add(row[3]));
    }
    black_box(sum);
    sheet.add("read by secondary key", "~HashMap of rows", "ns", per_operation(begun.elapsed(), reads));
}
