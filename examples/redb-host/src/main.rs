//! Rows in redb, secondary indexes in Manicule: the indexes are made of the rows when the store is opened, and every
//! commit goes to both.
//!
//! redb has the timestamps: a read transaction is what a snapshot sees. So the index set's own are a plain count of
//! commits since the opening.
//!
//! `cargo run -p redb-host`

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use manicule_index::set::{
    At, IndexDefinition, IndexId, IndexSet, Key, KeyBytes, KeyForm, KeyRef, KeySpan, PrepareError, Snapshot, Structure,
    Visibility,
};
use manicule_index::{ColumnOrder, Direction, KeyEncoder};
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition};

type AnyError = Box<dyn Error>;

/// Name, country, population.
type Columns = (&'static str, &'static str, u64);

const CITIES: TableDefinition<'_, u64, Columns> = TableDefinition::new("city");

#[derive(Clone, Debug, PartialEq)]
struct City {
    name: String,
    country: String,
    population: u64,
}

impl City {
    fn new((name, country, population): (&str, &str, u64)) -> Self {
        Self { name: name.into(), country: country.into(), population }
    }

    fn name_key(&self) -> Key {
        Key::bytes(self.name.as_bytes())
    }

    /// Country, then population: a compound key.
    fn country_key(&self) -> Key {
        let mut bytes = country_prefix(&self.country);
        KeyEncoder::new(&mut bytes).push_u64(self.population, ColumnOrder::ASCENDING);
        Key::bytes(bytes)
    }
}

fn country_prefix(country: &str) -> KeyBytes {
    let mut bytes = KeyBytes::new();
    KeyEncoder::new(&mut bytes).push_bytes(country.as_bytes(), ColumnOrder::ASCENDING);
    bytes
}

/// The host: a store of cities and its indexes.
struct Store {
    redb: Database,
    indexes: IndexSet<u64, u64>,
    by_name: IndexId,
    by_country: IndexId,
    /// What new readers see. It is exchanged at the end of a commit, so that no reader sees rows before their entries.
    visible: Mutex<Visible>,
    /// One commit at a time, until readers see it: redb lets the next writer begin before.
    commit: Mutex<()>,
}

#[derive(Clone)]
struct Visible {
    commits: u64,
    rows: Arc<ReadOnlyTable<u64, Columns>>,
}

/// The rows at one moment: all that an index set asks about.
struct Rows<'r> {
    table: &'r ReadOnlyTable<u64, Columns>,
    by_name: IndexId,
}

impl Visibility<u64, u64> for Rows<'_> {
    fn has_key(&self, row: u64, _at: At<u64>, index: IndexId, key: KeyRef<'_>) -> bool {
        // A row that cannot be read has no key: whoever then reads it is told why.
        let Ok(Some(stored)) = self.table.get(row) else { return false };
        let city = City::new(stored.value());
        key == if index == self.by_name { city.name_key() } else { city.country_key() }
    }
}

/// A reader's fixed view: the rows, and the entries that go with them.
struct View<'s> {
    store: &'s Store,
    rows: Arc<ReadOnlyTable<u64, Columns>>,
    snapshot: Snapshot<u64, u64>,
}

impl Store {
    /// Opens the store and makes the indexes of its rows.
    fn open(path: &Path) -> Result<Self, AnyError> {
        let redb = Database::create(path)?;
        let creation = redb.begin_write()?;
        creation.open_table(CITIES)?;
        creation.commit()?;
        let rows = Arc::new(redb.begin_read()?.open_table(CITIES)?);

        let indexes = IndexSet::new();
        let names = IndexDefinition { unique: true, keys: KeyForm::Bytes, structure: Structure::Hash };
        let countries = IndexDefinition { unique: false, keys: KeyForm::Bytes, structure: Structure::Tree };
        let (names, countries) = (indexes.create_index(names), indexes.create_index(countries));
        for entry in rows.iter()? {
            let (row, city) = entry?;
            let city = City::new(city.value());
            names.feed([(city.name_key(), row.value())])?;
            countries.feed([(city.country_key(), row.value())])?;
        }
        let by_name = names.id();
        let all = Rows { table: &rows, by_name };
        names.finish(0, &all)?;
        let by_country = countries.finish(0, &all)?;
        Ok(Self {
            redb,
            indexes,
            by_name,
            by_country,
            visible: Mutex::new(Visible { commits: 0, rows }),
            commit: Mutex::new(()),
        })
    }

    fn visible(&self) -> MutexGuard<'_, Visible> {
        self.visible.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> Result<View<'_>, AnyError> {
        // The snapshot is there before the lock is let go of, so that no vacuum comes in between.
        let visible = self.visible();
        let snapshot = self.indexes.snapshot(visible.commits)?;
        Ok(View { store: self, rows: Arc::clone(&visible.rows), snapshot })
    }

    /// Puts cities in the place of those that have their row ids, or removes them; all or none.
    fn commit(&self, changes: &[(u64, Option<City>)]) -> Result<(), AnyError> {
        let _turn = self.commit.lock().unwrap_or_else(PoisonError::into_inner);
        let write = self.redb.begin_write()?;
        let mut entries = self.indexes.begin();
        {
            let mut table = write.open_table(CITIES)?;
            for (row, new) in changes {
                let old = match new {
                    Some(city) => table.insert(row, (&*city.name, &*city.country, city.population))?,
                    None => table.remove(row)?,
                };
                if let Some(old) = old.map(|stored| City::new(stored.value())) {
                    entries.remove(self.by_name, old.name_key(), *row);
                    entries.remove(self.by_country, old.country_key(), *row);
                }
                if let Some(new) = new {
                    entries.insert(self.by_name, new.name_key(), *row);
                    entries.insert(self.by_country, new.country_key(), *row);
                }
            }
        }
        let before = self.visible().clone();
        // If this is refused, both transactions are dropped, and nothing has happened to either.
        let prepared = entries.prepare(&Rows { table: &before.rows, by_name: self.by_name })?;
        write.commit()?;
        let commits = before.commits + 1;
        prepared.commit(commits);
        let rows = Arc::new(self.redb.begin_read()?.open_table(CITIES)?);
        *self.visible() = Visible { commits, rows: Arc::clone(&rows) };
        self.indexes.vacuum(commits, &Rows { table: &rows, by_name: self.by_name });
        Ok(())
    }
}

impl View<'_> {
    fn rows(&self) -> Rows<'_> {
        Rows { table: &self.rows, by_name: self.store.by_name }
    }

    fn city(&self, row: u64) -> Result<Option<City>, AnyError> {
        Ok(self.rows.get(row)?.map(|stored| City::new(stored.value())))
    }

    fn named(&self, name: &str) -> Result<Option<City>, AnyError> {
        let rows = self.rows();
        let found = self.snapshot.reader(&rows).rows(self.store.by_name, &Key::bytes(name.as_bytes()))?;
        found.first().map_or(Ok(None), |row| self.city(*row))
    }

    /// The cities of a country, largest first.
    fn of_country(&self, country: &str) -> Result<Vec<City>, AnyError> {
        let (rows, span) = (self.rows(), KeySpan::prefix(&country_prefix(country)));
        let mut found = Vec::new();
        let reader = self.snapshot.reader(&rows);
        let _ = reader.range(self.store.by_country, &span, Direction::Descending, |_key, row| {
            found.push(row);
            ControlFlow::<()>::Continue(())
        })?;
        let cities: Result<Vec<_>, _> = found.into_iter().map(|row| self.city(row)).collect();
        Ok(cities?.into_iter().flatten().collect())
    }
}

fn city(name: &str, country: &str, population: u64) -> Option<City> {
    Some(City::new((name, country, population)))
}

fn main() -> Result<(), AnyError> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("cities.redb");
    let store = Store::open(&path)?;
    store.commit(&[
        (1, city("Lima", "Peru", 10_092)),
        (2, city("Cusco", "Peru", 428)),
        (3, city("Oslo", "Norway", 709)),
    ])?;
    let before = store.view()?;
    store.commit(&[(2, city("Qosqo", "Peru", 428)), (3, None), (4, city("Arequipa", "Peru", 1_008))])?;

    // Each view is one state of rows and indexes.
    assert_eq!(before.named("Cusco")?, city("Cusco", "Peru", 428));
    assert_eq!(before.of_country("Norway")?.len(), 1);
    drop(before);

    // A second Lima is refused, and redb has nothing of it either.
    let refused = store.commit(&[(5, city("Lima", "USA", 38))]);
    let error = refused.err().ok_or("a second Lima was not refused")?;
    assert!(matches!(error.downcast_ref(), Some(PrepareError::<u64, u64>::UniqueViolation(_))));
    println!("refused: {error}");
    assert_eq!(store.view()?.city(5)?, None);

    // Opened again, the indexes are made of the rows.
    drop(store);
    let store = Store::open(&path)?;
    let view = store.view()?;
    assert_eq!((view.named("Cusco")?, view.named("Oslo")?), (None, None));
    let peru = view.of_country("Peru")?;
    for City { name, population, .. } in &peru {
        println!("{name}: {population} thousand");
    }
    let names: Vec<&str> = peru.iter().map(|city| &*city.name).collect();
    assert_eq!(names, ["Lima", "Arequipa", "Qosqo"]);
    Ok(())
}
