//! What a transaction sees: a timestamp that vacuum respects, and the names as of it.

use std::collections::btree_map;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::vec;

use gluesql_core::data::{Key, Value};
use gluesql_core::error::{Error, Result};
use manicule_index::Direction;
use manicule_index::set::{Key as IndexKey, KeySpan, ReadError, Reader, Snapshot};
use ref_cast::RefCast;

use crate::catalog::{Catalog, Index};
use crate::key::Probe;
use crate::row_key::RowKey;
use crate::rows::{Change, Row, TableRows};
use crate::transaction::Open;

/// How many rows a scan takes from the table at first; later it takes more at a time.
const FIRST_ROWS: usize = 64;
const ROWS_MAX: usize = 4096;

/// A snapshot and its catalog.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot<u64, u64>>,
    pub(crate) catalog: Arc<Catalog>,
}

impl View {
    pub(crate) fn timestamp(&self) -> u64 {
        self.snapshot.timestamp()
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("timestamp", &self.timestamp()).finish_non_exhaustive()
    }
}

/// All rows of a table in order of key, a few thousand at a time.
pub(crate) struct TableScan<'a> {
    committed: Peekable<Committed>,
    own: Peekable<btree_map::Iter<'a, RowKey, Change>>,
}

impl<'a> TableScan<'a> {
    pub(crate) fn new(view: View, rows: Arc<TableRows>, own: &'a BTreeMap<RowKey, Change>) -> Self {
        let committed = Committed { view, rows, after: None, limit: FIRST_ROWS, taken: Vec::new().into_iter() };
        Self { committed: committed.peekable(), own: own.iter().peekable() }
    }
}

impl Iterator for TableScan<'_> {
    type Item = (Key, Row);

    fn next(&mut self) -> Option<(Key, Row)> {
        loop {
            let is_own_next = match (self.committed.peek(), self.own.peek()) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some((committed, _)), Some((own, _))) => *own <= RowKey::ref_cast(committed),
            };
            if !is_own_next {
                return self.committed.next();
            }
            let (RowKey(key), change) = self.own.next()?;
            self.committed.next_if(|(committed, _)| committed == key);
            if let Some(values) = &change.values {
                return Some((key.clone(), Arc::clone(values)));
            }
        }
    }
}

/// The rows that a snapshot sees.
struct Committed {
    view: View,
    rows: Arc<TableRows>,
    after: Option<Key>,
    limit: usize,
    taken: vec::IntoIter<(Key, u64, Row)>,
}

impl Iterator for Committed {
    type Item = (Key, Row);

    fn next(&mut self) -> Option<(Key, Row)> {
        if self.taken.len() == 0 {
            let taken = self.rows.scan(self.after.as_ref(), self.view.timestamp(), self.limit);
            self.after = taken.last().map(|(key, ..)| key.clone()).or(self.after.take());
            self.limit = (self.limit * 4).min(ROWS_MAX);
            self.taken = taken.into_iter();
        }
        self.taken.next().map(|(key, _, values)| (key, values))
    }
}

/// The rows that an index has for some questions, in order of key, a few thousand at a time.
pub(crate) struct IndexScan<'a> {
    view: View,
    open: Option<&'a Open>,
    index: Arc<Index>,
    rows: Arc<TableRows>,
    probes: VecDeque<Probe>,
    direction: Direction,
    limit: usize,
    taken: vec::IntoIter<(Key, Row)>,
}

impl<'a> IndexScan<'a> {
    pub(crate) fn new(
        view: View,
        open: Option<&'a Open>,
        (index, rows): (Arc<Index>, Arc<TableRows>),
        mut probes: Vec<Probe>,
        direction: Direction,
    ) -> Self {
        if direction == Direction::Descending {
            probes.reverse();
        }
        // With changes of its own a reader looks at all of the span for each part of it.
        let has_changes = open.is_some_and(|open| open.changes(rows.id()).is_some());
        let limit = if has_changes { usize::MAX } else { FIRST_ROWS };
        Self { view, open, index, rows, probes: probes.into(), direction, limit, taken: Vec::new().into_iter() }
    }

    fn take(&mut self, probe: Probe) -> Result<()> {
        let snapshot = Arc::clone(&self.view.snapshot);
        let reader = match self.open {
            Some(open) => open.entries.reader(&snapshot, &*self.index),
            None => snapshot.reader(&*self.index),
        };
        let (row_ids, rest) = match probe {
            Probe::Key(key) => (reader.rows(self.index.id, &key).map_err(unreadable)?, None),
            Probe::Span(span) => self.part_of(&span, &reader).map_err(unreadable)?,
        };
        drop(reader);
        if let Some(rest) = rest {
            self.probes.push_front(Probe::Span(rest));
        }
        if self.limit < ROWS_MAX {
            self.limit *= 4;
        }
        self.taken = self.read(&row_ids).into_iter();
        Ok(())
    }

    /// The rows, as the transaction sees them.
    fn read(&self, row_ids: &[u64]) -> Vec<(Key, Row)> {
        let timestamp = self.view.timestamp();
        let Some(changes) = self.open.and_then(|open| open.changes(self.rows.id())) else {
            return self.rows.get_many(row_ids, timestamp);
        };
        let row = |row_id: &u64| match changes.by_row_id(*row_id) {
            Some((RowKey(key), change)) => Some((key.clone(), change.values.clone()?)),
            None => self.rows.get_many(&[*row_id], timestamp).pop(),
        };
        row_ids.iter().filter_map(row).collect()
    }

    /// Rows from the beginning of a span, and what is left of it.
    fn part_of(
        &self,
        span: &KeySpan,
        reader: &Reader<'_, u64, u64, Index>,
    ) -> std::result::Result<(Vec<u64>, Option<KeySpan>), ReadError> {
        let mut row_ids = Vec::new();
        let mut last: Option<IndexKey> = None;
        let flow = reader.range(self.index.id, span, self.direction, |key, row_id| {
            if last.as_ref().is_some_and(|last| key != *last) {
                return ControlFlow::Break(());
            }
            row_ids.push(row_id);
            if row_ids.len() == self.limit {
                last = Some(IndexKey::from(key));
            }
            ControlFlow::Continue(())
        })?;
        let rest = last.filter(|_| flow.is_break()).and_then(|last| rest_of(span, &last, self.direction));
        Ok((row_ids, rest))
    }
}

/// What is left of a span of bytes after a key.
fn rest_of(span: &KeySpan, last: &IndexKey, direction: Direction) -> Option<KeySpan> {
    let (KeySpan::Bytes { start, end }, IndexKey::Bytes(last, _)) = (span, last) else { return None };
    Some(match direction {
        Direction::Ascending => KeySpan::Bytes { start: last.clone().next(), end: end.clone() },
        Direction::Descending => KeySpan::Bytes { start: start.clone(), end: Some(last.clone()) },
    })
}

impl Iterator for IndexScan<'_> {
    type Item = Result<(Key, Vec<Value>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, values)) = self.taken.next() {
                return Some(Ok((key, values.to_vec())));
            }
            let probe = self.probes.pop_front()?;
            if let Err(error) = self.take(probe) {
                self.probes.clear();
                return Some(Err(error));
            }
        }
    }
}

/// An index of a catalog is there as long as a snapshot may have the catalog.
fn unreadable(error: ReadError) -> Error {
    Error::StorageMsg(format!("an index cannot be read: {error}"))
}
