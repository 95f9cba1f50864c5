//! Random histories of concurrent transactions through every access path, checked for the level that they ran at.
//!
//! Four threads append to lists, or write registers, and read them. Two judges look at what they saw: the crate
//! `adya`, which knows the history alone and looks for cycles of dependencies, and a check of our own, which knows the
//! timestamps and so exactly what each read has to give. `ADYA_TRANSACTIONS` sets how many transactions a history has.

#[cfg(test)]
mod histories {
    mod judge;
    mod world;

    use adya::{Valid, Workload};
    use manicule_engine::{Database, Isolation, OpenOptions, store::MemoryStore};

    use judge::{check_timestamps, judge};
    use world::{Committed, Record, run};

    fn transactions() -> u64 {
        std::env::var("ADYA_TRANSACTIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(3000)
    }

    fn in_memory() -> Database {
        Database::in_memory()
    }

    /// With a log, so that commits are in flight for a while and are written in groups.
    fn with_store() -> Database {
        Database::open_store(Box::new(MemoryStore::default()), &OpenOptions::default()).expect("the store is empty")
    }

    /// Runs a history and has it judged at its own level.
    fn check(database: &Database, workload: Workload, isolation: Isolation) -> Vec<Record> {
        let started = std::time::Instant::now();
        let records = run(database, workload, isolation, transactions());
        let ran = started.elapsed();
        let committed = records.iter().filter(|record| record.committed.is_some()).count();
        let wrote = |record: &&Record| matches!(record.committed, Some(Committed { timestamp: Some(_) }));
        let wrote = records.iter().filter(wrote).count();
        println!(
            "{workload:?} {isolation:?}: {} transactions, {committed} committed, {wrote} of them wrote",
            records.len()
        );
        assert!(wrote * 20 > records.len(), "some of the transactions get through");
        check_timestamps(&records, workload, isolation);
        let model = match isolation {
            Isolation::Snapshot => "strong-snapshot-isolation",
            Isolation::Serializable => "strict-serializable",
        };
        let report = judge(&records, workload, model);
        assert_eq!(report.valid, Valid::True, "{:?} {:#?}", report.anomaly_types, report.anomalies);
        println!("ran in {ran:?}, judged in {:?}", started.elapsed() - ran);
        records
    }

    #[test]
    fn lists_at_snapshot_are_of_one_moment_and_show_the_write_skew_that_the_level_allows() {
        // Threads that hardly met show none, and prove nothing.
        let skewed = |_| {
            let records = check(&in_memory(), Workload::ListAppend, Isolation::Snapshot);
            let report = judge(&records, Workload::ListAppend, "serializable");
            (report.valid == Valid::False).then_some(report)
        };
        let report = (0..5).find_map(skewed).expect("a write skew in one of five histories");
        assert!(report.anomaly_types.iter().all(|kind| kind.starts_with("G2")), "{:?}", report.anomaly_types);
    }

    #[test]
    fn lists_at_serializable_have_a_serial_order() {
        check(&in_memory(), Workload::ListAppend, Isolation::Serializable);
    }

    #[test]
    fn registers_at_snapshot_are_of_one_moment() {
        check(&with_store(), Workload::RwRegister, Isolation::Snapshot);
    }

    #[test]
    fn registers_at_serializable_have_a_serial_order() {
        check(&with_store(), Workload::RwRegister, Isolation::Serializable);
    }

    /// The judge is young, so it has to find what is there to be found.
    #[test]
    fn judge_rejects_databases_that_break_their_promise() {
        use adya::sim::{Isolation as Broken, SimOpts, run};
        for (isolation, model) in [
            (Broken::LostUpdate, "snapshot-isolation"),
            (Broken::ReadCommitted, "snapshot-isolation"),
            (Broken::ReadUncommitted, "read-committed"),
            (Broken::SnapshotIsolation, "serializable"),
        ] {
            let history =
                adya::History::from_json(&run(&SimOpts { isolation, ..SimOpts::default() })).expect("it is a history");
            let report = adya::check(&history, Workload::ListAppend, &judge::options(model));
            assert_eq!(report.valid, Valid::False, "{isolation:?} is not {model}");
        }
    }
}
