//! The changed rows of one table.

use std::collections::btree_map::{BTreeMap, Entry};
use std::iter::from_fn;

use smallvec::SmallVec;

use super::PendingRow;
use crate::ids::RowId;

/// In a list that long a row may be put between others; most transactions change fewer, and need no memory for them.
const FEW_MAX: usize = 8;

/// The changed rows of one table, in order of row id.
///
/// New rows come in order of their ids, and so do those that a scan changes. What comes in order goes to the end of a list,
/// however long; only what comes out of order needs a map.
#[derive(Debug, Default)]
pub(crate) struct TableWrites {
    /// In order of row id.
    list: SmallVec<[(RowId, PendingRow); 1]>,
    /// Rows that are not in the list.
    map: BTreeMap<RowId, PendingRow>,
}

impl TableWrites {
    /// How many rows are changed.
    pub(crate) fn len(&self) -> usize {
        self.list.len() + self.map.len()
    }

    /// Whether no row is changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.map.is_empty()
    }

    /// What becomes of a row, if it is changed.
    pub(crate) fn get(&self, row_id: &RowId) -> Option<&PendingRow> {
        match self.find(*row_id) {
            Ok(at) => Some(&self.list[at].1),
            Err(_) if self.map.is_empty() => None,
            Err(_) => self.map.get(row_id),
        }
    }

    /// Whether a row is changed.
    pub(crate) fn contains_key(&self, row_id: &RowId) -> bool {
        self.get(row_id).is_some()
    }

    /// All changed rows, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&RowId, &PendingRow)> {
        merge(self.list.iter().map(|(row_id, pending)| (row_id, pending)), self.map.iter())
    }

    /// What becomes of the changed rows, in their order, for who needs the rows no longer.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = (RowId, PendingRow)> {
        merge(self.list.into_iter(), self.map.into_iter())
    }

    /// What becomes of the changed rows, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &PendingRow> {
        self.list.iter().map(|(_, pending)| pending).chain(self.map.values())
    }

    /// Puts a change in the place of the one before, which it gives. Whether the row is new stays as it was.
    pub(crate) fn insert(&mut self, row_id: RowId, pending: PendingRow) -> Option<PendingRow> {
        match self.find(row_id) {
            Ok(at) => return Some(self.list[at].1.replace(pending)),
            Err(at) if (at == self.list.len() || self.list.len() < FEW_MAX) && !self.map.contains_key(&row_id) => {
                self.list.insert(at, (row_id, pending));
            }
            Err(_) => match self.map.entry(row_id) {
                Entry::Vacant(vacant) => drop(vacant.insert(pending)),
                Entry::Occupied(mut occupied) => return Some(occupied.get_mut().replace(pending)),
            },
        }
        None
    }

    /// Takes a change back; the last one of the list at little cost.
    pub(crate) fn remove(&mut self, row_id: RowId) -> Option<PendingRow> {
        match self.find(row_id) {
            Ok(at) => Some(self.list.remove(at).1),
            Err(_) => self.map.remove(&row_id),
        }
    }

    /// Where a row is in the list, or would go. The row that came last is found at once.
    fn find(&self, row_id: RowId) -> Result<usize, usize> {
        match self.list.last() {
            Some((last, _)) if *last < row_id => Err(self.list.len()),
            Some((last, _)) if *last == row_id => Ok(self.list.len() - 1),
            _ => self.list.binary_search_by_key(&row_id, |(other, _)| *other),
        }
    }
}

/// Two sequences in order of row id as one.
fn merge<I: Ord + Copy, T>(
    list: impl Iterator<Item = (I, T)>,
    map: impl Iterator<Item = (I, T)>,
) -> impl Iterator<Item = (I, T)> {
    let (mut list, mut map) = (list.peekable(), map.peekable());
    from_fn(move || match (list.peek(), map.peek()) {
        (Some((listed, _)), Some((mapped, _))) if mapped < listed => map.next(),
        (Some(_), _) => list.next(),
        (None, _) => map.next(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::IsNew;
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
            prop_assert!(writes.into_rows().map(|(row_id, pending)| (row_id, content(&pending))).eq(listed));
        }
    }
}
