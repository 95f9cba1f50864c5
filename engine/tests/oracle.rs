//! Every access path of the engine against a model that is cloned at each commit.
//!
//! The model is a map from row id to values. Random transactions change both, some of them two or three at a time, of
//! which the model says who commits and who is refused; snapshots taken at random are compared later, after many commits,
//! over the full scan and every index: points, ranges both ways, misses. `ORACLE_OPERATIONS` sets how many rows are
//! changed.

#[cfg(test)]
mod oracle {
    mod draft;
    mod world;

    use manicule_engine::{Error, Row, Snapshot, Transaction};

    use draft::Draft;
    use world::{Model, ModelRow, Random, World};

    /// How many snapshots are kept.
    const SNAPSHOTS_MAX: usize = 6;

    struct Run {
        world: World,
        random: Random,
        /// What is committed.
        model: Model,
        /// Snapshots and what they see.
        kept: Vec<(Snapshot, Model)>,
        operations: u64,
        refused: [u64; 2],
    }

    impl Run {
        /// Half of the ids, counting up: the primary key begins to guess, and what comes next moves them about.
        fn count_up(&mut self) {
            let mut transaction = self.world.database.begin();
            for row in (0..world::IDS / 2).map(ModelRow::counted) {
                let row_id = transaction.insert(self.world.table, Row::new(&row.values())).expect("the id is new");
                self.model.insert(row_id, row);
            }
            transaction.commit().expect("there is no other");
            self.world.check(&self.world.database.snapshot().view(), &self.model, &mut self.random);
        }

        /// Some transactions that begin together and commit one after the other.
        fn round(&mut self) {
            let writers = if self.random.below(3) == 0 { 2 + self.random.below(2) } else { 1 };
            let base = self.model.clone();
            let mut drafts: Vec<(Transaction, Draft)> =
                (0..writers).map(|_| (self.world.database.begin(), Draft::new(&base))).collect();
            for (transaction, draft) in &mut drafts {
                for _ in 0..self.random.below(6) {
                    let older = self.kept.first().map(|(_, model)| model);
                    self.operations += draft.statement(&self.world, transaction, older, &mut self.random);
                }
                self.world.check(&transaction.view(), &draft.model, &mut self.random);
            }
            let mut overtaken = Draft::new(&base);
            for (transaction, draft) in drafts {
                if self.random.below(6) > 0 {
                    self.commit(transaction, draft, &mut overtaken);
                }
            }
            self.world.check(&self.world.database.snapshot().view(), &self.model, &mut self.random);
        }

        /// Commits, and sees whether what happens is what the model says.
        fn commit(&mut self, transaction: Transaction, draft: Draft, overtaken: &mut Draft) {
            let merged = draft.on_top_of(&self.model);
            let is_overtaken = !draft.touched.is_disjoint(&overtaken.touched);
            match transaction.commit() {
                Ok(_) => {
                    assert!(!is_overtaken, "two transactions changed one row");
                    assert!(world::is_unique(&merged), "a key is there twice");
                    overtaken.touched.extend(draft.touched);
                    self.model = merged;
                }
                Err(Error::Conflict { .. }) => {
                    assert!(is_overtaken, "a conflict that is none");
                    self.refused[0] += 1;
                }
                Err(Error::UniqueViolation { .. }) => {
                    assert!(!is_overtaken && !world::is_unique(&merged), "a duplicate that is none");
                    self.refused[1] += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }

        /// Takes a snapshot, or looks at one that was taken before.
        fn look_back(&mut self) {
            if self.random.below(4) == 0 {
                self.kept.push((self.world.database.snapshot(), self.model.clone()));
            }
            if self.kept.len() > SNAPSHOTS_MAX {
                let position = self.random.below(self.kept.len() as u64) as usize;
                let (snapshot, then) = self.kept.remove(position);
                self.world.check(&snapshot.view(), &then, &mut self.random);
            }
        }
    }

    /// Gives how many transactions were refused.
    fn run(seed: u64, operations: u64) -> [u64; 2] {
        let mut run = Run {
            world: World::new(),
            random: Random(seed),
            model: Model::new(),
            kept: Vec::new(),
            operations: 0,
            refused: [0; 2],
        };
        if seed.is_multiple_of(2) {
            run.count_up();
        }
        while run.operations < operations {
            run.round();
            run.look_back();
        }
        for (snapshot, then) in std::mem::take(&mut run.kept) {
            run.world.check(&snapshot.view(), &then, &mut run.random);
        }
        let Run { world, model, mut random, operations, refused, .. } = run;
        println!("seed {seed}: {operations} operations, {refused:?} conflicts and duplicates");
        world.database.vacuum();
        assert_eq!(world.database.version_count(), model.len() as u64, "versions that nobody needs are gone");
        world.check_emptied(&model);
        world.check(&world.database.snapshot().view(), &model, &mut random);
        refused
    }

    #[test]
    fn every_access_path_agrees_with_the_model_at_every_snapshot() {
        let operations = std::env::var("ORACLE_OPERATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(2400);
        let refused = (1..=4).map(|seed| run(seed, operations / 4));
        let [conflicts, duplicates] = refused.fold([0; 2], |all, one| [all[0] + one[0], all[1] + one[1]]);
        assert!(conflicts > 10 && duplicates > 0, "writers meet");
    }
}
