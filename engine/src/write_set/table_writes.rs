//! The changed rows of one table.

use std::collections::btree_map::{self, BTreeMap, Entry};

use smallvec::SmallVec;

use super::{IsNew, PendingRow};
use crate::ids::RowId;

/// So many rows are searched one by one; most transactions change fewer, and need no memory for them.
const FEW_MAX: usize = 8;

/// The changed rows of one table, in order of row id.
#[derive(Debug, Default)]
pub(crate) struct TableWrites {
    /// All of them, in order, while they are few.
    few: SmallVec<[(RowId, PendingRow); 1]>,
    /// All of them once they are not.
    many: BTreeMap<RowId, PendingRow>,
}

impl TableWrites {
    /// How many rows are changed.
    pub(crate) fn len(&self) -> usize {
        self.few.len() + self.many.len()
    }

    /// Whether no row is changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_empty()
    }

    /// What becomes of a row, if it is changed.
    pub(crate) fn get(&self, row_id: &RowId) -> Option<&PendingRow> {
        match self.find(*row_id) {
            Ok(at) => Some(&self.few[at].1),
            Err(_) if self.many.is_empty() => None,
            Err(_) => self.many.get(row_id),
        }
    }

    /// Whether a row is changed.
    pub(crate) fn contains_key(&self, row_id: &RowId) -> bool {
        self.get(row_id).is_some()
    }

    /// All changed rows, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&RowId, &PendingRow)> {
        self.few.iter().map(|(row_id, pending)| (row_id, pending)).chain(&self.many)
    }

    /// What becomes of the changed rows, in their order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &PendingRow> {
        self.few.iter().map(|(_, pending)| pending).chain(self.many.values())
    }

    /// Whether all of them are new.
    pub(crate) fn are_all_new(&self) -> bool {
        self.values().all(|pending| pending.is_new == IsNew::Yes)
    }

    /// Puts a change in the place of the one before, which it gives. Whether the row is new stays as it was.
    pub(crate) fn insert(&mut self, row_id: RowId, pending: PendingRow) -> Option<PendingRow> {
        match self.find(row_id) {
            Ok(at) => return Some(self.few[at].1.replace(pending)),
            Err(at) if self.many.is_empty() && self.few.len() < FEW_MAX => self.few.insert(at, (row_id, pending)),
            Err(_) => {
                self.many.extend(self.few.drain(..));
                match self.many.entry(row_id) {
                    Entry::Vacant(vacant) => drop(vacant.insert(pending)),
                    Entry::Occupied(mut occupied) => return Some(occupied.get_mut().replace(pending)),
                }
            }
        }
        None
    }

    /// Takes a change back.
    pub(crate) fn remove(&mut self, row_id: RowId) -> Option<PendingRow> {
        match self.find(row_id) {
            Ok(at) => Some(self.few.remove(at).1),
            Err(_) => self.many.remove(&row_id),
        }
    }

    /// Where a row is among few, or would go. Rows that are inserted one after the other go to the end.
    fn find(&self, row_id: RowId) -> Result<usize, usize> {
        let at = self.few.iter().rposition(|(other, _)| *other <= row_id);
        match at {
            Some(at) if self.few[at].0 == row_id => Ok(at),
            Some(at) => Err(at + 1),
            None => Err(0),
        }
    }
}

impl IntoIterator for TableWrites {
    type Item = (RowId, PendingRow);
    type IntoIter =
        std::iter::Chain<smallvec::IntoIter<[(RowId, PendingRow); 1]>, btree_map::IntoIter<RowId, PendingRow>>;

    fn into_iter(self) -> Self::IntoIter {
        self.few.into_iter().chain(self.many)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::row::Row;
    use crate::value::Value;

    fn content(pending: &PendingRow) -> Option<Value<'static>> {
        pending.row.as_ref().map(|row| row.get(0).into_owned())
    }

    proptest! {
        #[test]
        fn writes_agree_with_a_map(ops in prop::collection::vec((0..4_u8, 0..24_u64, 0..100_i64), 0..120)) {
            let mut writes = TableWrites::default();
            let mut model: BTreeMap<RowId, Option<Value<'static>>> = BTreeMap::new();
            for (op, id, number) in ops {
                let row_id = RowId(id);
                let (before, expected) = match op {
                    0 => (writes.remove(row_id), model.remove(&row_id)),
                    _ => {
                        let value = (op > 1).then(|| Value::from(number));
                        let row = value.clone().map(|value| Row::new(&[value]));
                        (writes.insert(row_id, PendingRow { row, is_new: IsNew::No }), model.insert(row_id, value))
                    }
                };
                prop_assert_eq!(before.as_ref().map(content), expected);
                prop_assert_eq!(writes.get(&row_id).map(content), model.get(&row_id).cloned());
                prop_assert_eq!((writes.len(), writes.is_empty()), (model.len(), model.is_empty()));
            }
            let listed: Vec<_> = writes.iter().map(|(row_id, pending)| (*row_id, content(pending))).collect();
            prop_assert!(listed.iter().cloned().eq(model));
            prop_assert!(writes.into_iter().map(|(row_id, pending)| (row_id, content(&pending))).eq(listed));
        }
    }
}
