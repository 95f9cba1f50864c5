//! Every test of GlueSQL's public suite, in memory and on a path.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gluesql_core::prelude::Glue;
use gluesql_test_suite::*;
use manicule_gluesql::ManiculeStorage;

macro_rules! whole_suite {
    ($tester:ident) => {
        generate_store_tests!(test, $tester);
        generate_index_tests!(test, $tester);
        generate_transaction_tests!(test, $tester);
        generate_alter_table_tests!(test, $tester);
        generate_custom_function_tests!(test, $tester);
        generate_alter_table_index_tests!(test, $tester);
        generate_transaction_alter_table_tests!(test, $tester);
        generate_transaction_index_tests!(test, $tester);
        generate_metadata_table_tests!(test, $tester);
        generate_metadata_index_tests!(test, $tester);
    };
}

mod in_memory {
    use super::*;

    struct InMemory {
        glue: Glue<ManiculeStorage>,
    }

    impl Tester<ManiculeStorage> for InMemory {
        fn new(_namespace: &str) -> Self {
            Self { glue: Glue::new(ManiculeStorage::new()) }
        }

        fn get_glue(&mut self) -> &mut Glue<ManiculeStorage> {
            &mut self.glue
        }
    }

    whole_suite!(InMemory);
}

mod on_a_path {
    use super::*;

    struct OnAPath {
        glue: Glue<ManiculeStorage>,
        directory: tempfile::TempDir,
    }

    impl Tester<ManiculeStorage> for OnAPath {
        fn new(_namespace: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let storage = ManiculeStorage::open(directory.path().join("storage")).unwrap();
            Self { glue: Glue::new(storage), directory }
        }

        fn get_glue(&mut self) -> &mut Glue<ManiculeStorage> {
            &mut self.glue
        }
    }

    /// What a test leaves is there, as it was, when the storage is opened again.
    impl Drop for OnAPath {
        fn drop(&mut self) {
            if std::thread::panicking() {
                return;
            }
            let before = super::contents(&self.glue.storage);
            self.glue.storage = ManiculeStorage::new();
            let again = ManiculeStorage::open(self.directory.path().join("storage")).unwrap();
            assert_eq!(super::contents(&again), before);
        }
    }

    whole_suite!(OnAPath);
}

/// The tables, the committed rows of each in order of key, and the rows of each index in its order.
fn contents(storage: &ManiculeStorage) -> Vec<String> {
    use gluesql_core::store::{Index, Store};

    let committed = storage.clone();
    let mut contents = Vec::new();
    for schema in committed.fetch_all_schemas().unwrap() {
        contents.push(schema.to_ddl());
        let rows = committed.scan_data(&schema.table_name).unwrap();
        contents.extend(rows.map(|row| format!("{:?}", row.unwrap())));
        for index in &schema.indexes {
            let rows = committed.scan_indexed_data(&schema.table_name, &index.name, None, None).unwrap();
            contents.extend(rows.map(|row| format!("{}: {:?}", index.name, row.unwrap())));
        }
    }
    contents
}
