//! A transaction's own copy of the model, and the statements that change both.

use std::collections::BTreeSet;

use manicule_engine::{Error, Row, RowId, Transaction};

use super::world::{Model, ModelRow, Random, World, is_unique};

/// What a transaction sees, and which rows it has changed.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) model: Model,
    /// Rows that were changed, also if they are now as they were.
    pub(super) touched: BTreeSet<RowId>,
}

impl Draft {
    pub(super) fn new(model: &Model) -> Self {
        Self { model: model.clone(), touched: BTreeSet::new() }
    }

    /// What is committed when this is, on top of what others committed meanwhile.
    pub(super) fn on_top_of(&self, committed: &Model) -> Model {
        let mut merged = committed.clone();
        for row_id in &self.touched {
            match self.model.get(row_id) {
                Some(row) => merged.insert(*row_id, row.clone()),
                None => merged.remove(row_id),
            };
        }
        merged
    }

    /// One random statement on both; it is undone if it makes a duplicate, and sometimes for no reason. Gives how many
    /// rows it changed.
    pub(super) fn statement(
        &mut self,
        world: &World,
        transaction: &mut Transaction,
        older: Option<&Model>,
        random: &mut Random,
    ) -> u64 {
        let savepoint = transaction.savepoint();
        let before = self.clone();
        let mut change = Change { draft: self, world, transaction, operations: 0 };
        change.random(older, random);
        let operations = change.operations;
        let is_undone = match transaction.check_unique(savepoint) {
            Ok(()) => {
                assert!(is_unique(&self.model), "a duplicate went unnoticed");
                random.below(6) == 0
            }
            Err(Error::UniqueViolation { .. }) => {
                assert!(!is_unique(&self.model), "a duplicate that is none");
                true
            }
            Err(error) => panic!("{error}"),
        };
        if is_undone {
            transaction.rollback_to(savepoint);
            *self = before;
        }
        operations
    }
}

/// A statement under way.
struct Change<'c> {
    draft: &'c mut Draft,
    world: &'c World,
    transaction: &'c mut Transaction,
    operations: u64,
}

impl Change<'_> {
    fn random(&mut self, older: Option<&Model>, random: &mut Random) {
        let (Some((one, row)), Some((other, other_row))) = (self.any(random), self.any(random)) else {
            return self.insert(ModelRow::random(random));
        };
        match random.below(9) {
            0 | 1 => self.insert(ModelRow::random(random)),
            2 => self.update(one, ModelRow::random(random)),
            // The unique keys stay.
            8 => self.update(one, ModelRow { id: row.id, code: row.code, ..ModelRow::random(random) }),
            3 => self.delete(one),
            // The unique keys change places.
            4 if one != other => {
                self.update(one, ModelRow { id: other_row.id, code: other_row.code.clone(), ..row.clone() });
                self.update(other, ModelRow { id: row.id, code: row.code, ..other_row });
            }
            // The key goes and comes again with another row.
            5 => {
                self.delete(one);
                self.insert(ModelRow { id: row.id, code: row.code, ..ModelRow::random(random) });
            }
            // There and back.
            6 => {
                self.update(one, ModelRow::random(random));
                self.update(one, row);
            }
            // As it was when the oldest snapshot was taken, which sees that version still.
            _ => match older.and_then(|older| older.get(&one)) {
                Some(then) => self.update(one, then.clone()),
                None => self.delete(one),
            },
        }
    }

    fn any(&self, random: &mut Random) -> Option<(RowId, ModelRow)> {
        let position = random.below(self.draft.model.len().max(1) as u64) as usize;
        self.draft.model.iter().nth(position).map(|(row_id, row)| (*row_id, row.clone()))
    }

    fn insert(&mut self, row: ModelRow) {
        let row_id =
            self.transaction.insert(self.world.table, Row::new(&row.values())).expect("it has the table's form");
        self.note(row_id);
        self.draft.model.insert(row_id, row);
    }

    fn update(&mut self, row_id: RowId, row: ModelRow) {
        self.transaction.update(self.world.table, row_id, Row::new(&row.values())).expect("the row is there");
        self.note(row_id);
        self.draft.model.insert(row_id, row);
    }

    fn delete(&mut self, row_id: RowId) {
        self.transaction.delete(self.world.table, row_id).expect("the row is there");
        self.note(row_id);
        self.draft.model.remove(&row_id);
    }

    fn note(&mut self, row_id: RowId) {
        self.operations += 1;
        self.draft.touched.insert(row_id);
    }
}
