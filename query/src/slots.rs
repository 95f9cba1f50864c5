//! A set of slots, and which slots an expression or a plan reads and fills.

use smallvec::SmallVec;

use crate::expr::Expr;
use crate::plan::{LogicalPlan, Query};

/// A set of slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotSet {
    words: SmallVec<[u64; 2]>,
}

impl SlotSet {
    pub(crate) fn of(slot: usize) -> Self {
        let mut set = Self::default();
        set.insert(slot);
        set
    }

    pub(crate) fn insert(&mut self, slot: usize) {
        let word = slot / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (slot % 64);
    }

    pub(crate) fn contains(&self, slot: usize) -> bool {
        self.words.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        other.iter().for_each(|slot| self.insert(slot));
    }

    pub(crate) fn remove_all(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, removed)| *word &= !removed);
    }

    pub(crate) fn intersects(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(left, right)| left & right != 0)
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|slot| other.contains(slot))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(index, &word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index * 64 + bit))
    }
}

/// The slots that an expression reads, those of its subqueries' outer rows included.
pub(crate) fn slots_read(expr: &Expr) -> SlotSet {
    let mut slots = SlotSet::default();
    add_slots_read(expr, &mut slots);
    slots
}

fn add_slots_read(expr: &Expr, slots: &mut SlotSet) {
    if let Expr::Column(column) = expr {
        slots.insert(column.slot);
    }
    if let Some(query) = expr.subquery() {
        slots.extend(&outer_slots(query));
    }
    expr.for_each_child(&mut |child| add_slots_read(child, slots));
}

/// The slots of outer queries that a query reads.
pub(crate) fn outer_slots(query: &Query) -> SlotSet {
    let (mut read, mut filled) = (SlotSet::default(), SlotSet::default());
    query.plan.for_each_node(&mut |node| {
        node.for_each_expr(&mut |expr| add_slots_read(expr, &mut read));
        if let Some(slot) = node.own_slot() {
            filled.insert(slot);
        }
    });
    read.remove_all(&filled);
    read
}

/// The slots whose rows a plan hands to the node above it.
pub(crate) fn slots_given(plan: &LogicalPlan) -> SlotSet {
    match plan {
        LogicalPlan::Unit => SlotSet::default(),
        LogicalPlan::Scan { slot, .. }
        | LogicalPlan::Values { slot, .. }
        | LogicalPlan::Project { slot, .. }
        | LogicalPlan::Aggregate { slot, .. }
        | LogicalPlan::SetOperation { slot, .. } => SlotSet::of(*slot),
        LogicalPlan::Filter { input, .. }
        | LogicalPlan::Distinct { input, .. }
        | LogicalPlan::Sort { input, .. }
        | LogicalPlan::Limit { input, .. } => slots_given(input),
        LogicalPlan::Join { left, right, .. } => {
            let mut slots = slots_given(left);
            slots.extend(&slots_given(right));
            slots
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SlotSet;

    #[test]
    fn sets_of_any_width() {
        let mut set = SlotSet::of(3);
        set.insert(200);
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 200]);
        assert!(SlotSet::of(200).is_subset(&set) && !set.is_subset(&SlotSet::of(200)));
        assert!(set.intersects(&SlotSet::of(3)) && !set.intersects(&SlotSet::of(4)));
        set.remove_all(&SlotSet::of(200));
        assert!(set.contains(3) && !set.contains(200) && !set.is_empty());
    }
}
