//! Files that are cut, flipped, overwritten and lost: either all is there, or the damage is named.

use std::fs;
use std::path::Path;
use std::time::Duration;

use manicule_engine::{Database, Durability, Error, OpenOptions};

use super::support::{Contents, Image, ImageFile, contents, create_items, insert_items, open, options};

/// Two databases: with fjall, one whose rows are in its log, and one whose rows are in sorted files too.
pub(super) fn image(write_buffer_bytes: u64, directory: &Path) -> (Image, Contents) {
    let options = OpenOptions { write_buffer_bytes, ..options() };
    let database = Database::open_with(directory, &options).unwrap();
    let table = create_items(&database).unwrap();
    for commit in 0..12 {
        insert_items(&database, table, commit * 40..commit * 40 + 40).unwrap();
    }
    let contents = contents(&database);
    database.close().unwrap();
    // The store shortens its log when it opens it.
    Database::open(directory).unwrap().close().unwrap();
    (Image::read(directory), contents)
}

/// Puts a damaged image in the directory and opens it; tells whether the damage was named.
pub(super) fn open_damaged(image: &Image, expected: &Contents, damage: &str) -> Option<Error> {
    let directory = tempfile::tempdir().unwrap();
    image.write(directory.path());
    match Database::open(directory.path()) {
        Ok(database) => {
            assert!(contents(&database) == *expected, "{damage}: rows were lost or changed without a word");
            None
        }
        Err(error) => {
            let is_named = matches!(error, Error::Corrupt { .. } | Error::NewerFormat { .. } | Error::Refused { .. });
            assert!(is_named, "{damage}: {error}");
            Some(error)
        }
    }
}

/// Damages each file in each way, at `places` places, and counts the cases and those that were named.
fn check_matrix(image: &Image, expected: &Contents, places: usize) -> (usize, usize) {
    let (mut cases, mut named) = (0, 0);
    for position in 0..image.files.len() {
        let name = image.files[position].name.display().to_string();
        if name.ends_with("LOCK") || name.ends_with("lock") {
            continue;
        }
        let mut check = |damage: &str, change: &dyn Fn(&mut Vec<ImageFile>)| {
            let mut damaged = Image { files: image.files.clone() };
            change(&mut damaged.files);
            cases += 1;
            named += usize::from(open_damaged(&damaged, expected, &format!("{name} {damage}")).is_some());
        };
        check("lost", &|files| drop(files.remove(position)));
        let len = image.files[position].bytes.len();
        let wholes =
            [vec![], vec![0], vec![0; len], vec![0xff; len], [&image.files[position].bytes[..], &[0x5a; 777]].concat()];
        for whole in &wholes {
            check(&format!("replaced by {} bytes", whole.len()), &|files| {
                files[position].len = whole.len() as u64;
                files[position].bytes.clone_from(whole);
            });
        }
        for place in 0..places.min(len) {
            // Both ends, and places between that are not all alike.
            let at = if place == 0 { len - 1 } else { (place * len / places + place * 7) % len };
            check(&format!("cut at {at}"), &|files| {
                files[position].bytes.truncate(at);
                files[position].len = at as u64;
            });
            check(&format!("with a flipped bit at {at}"), &|files| files[position].bytes[at] ^= 1 << (place % 8));
            check(&format!("with zeros from {at}"), &|files| {
                files[position].bytes[at..len.min(at + 512)].fill(0);
            });
            // What may be the length of a record is the greatest that there is.
            check(&format!("with the greatest number at {at}"), &|files| {
                files[position].bytes[at..len.min(at + 4)].fill(0xff);
            });
        }
    }
    (cases, named)
}

#[test]
fn damage_of_any_file_is_named_or_harmless() {
    let places = std::env::var("DAMAGE_PLACES").ok().and_then(|places| places.parse().ok()).unwrap_or(3);
    for write_buffer_bytes in [64 << 20, 8 << 10] {
        let directory = tempfile::tempdir().unwrap();
        let (image, expected) = image(write_buffer_bytes, directory.path());
        assert_eq!(open_damaged(&image, &expected, "untouched").map(|error| error.to_string()), None);
        let (cases, named) = check_matrix(&image, &expected, places);
        println!("{} files, {cases} cases, {named} of them named", image.files.len());
        assert!(named > cases / 2, "damage is mostly noticed");
    }
}

#[test]
fn store_of_yesterday_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path()).unwrap();
    let table = create_items(&database).unwrap();
    database.close().unwrap();
    let yesterday = Image::read(&directory.path().join("store"));
    drop(database);
    let database = Database::open(directory.path()).unwrap();
    insert_items(&database, table, 0..10).unwrap();
    database.close().unwrap();
    fs::remove_dir_all(directory.path().join("store")).unwrap();
    yesterday.write(&directory.path().join("store"));
    let error = Database::open(directory.path()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { what } if what.contains("on disk once")), "{error}");
}

/// The mark beside the store says what is on disk, at once, and no more: what was not synced may go with the power, and is
/// no damage then.
#[test]
fn store_of_yesterday_is_refused_as_soon_as_today_is_on_disk() {
    let sync_interval = Duration::from_secs(3600);
    let buffered = OpenOptions { durability: Durability::Buffered, sync_interval, ..options() };
    for (options, waits, is_refused) in
        [(options(), false, true), (buffered.clone(), false, false), (buffered, true, true)]
    {
        let directory = tempfile::tempdir().unwrap();
        let database = open(directory.path()).unwrap();
        let table = create_items(&database).unwrap();
        database.close().unwrap();
        let yesterday = Image::read(directory.path());
        drop(database);
        let database = Database::open_with(directory.path(), &options).unwrap();
        insert_items(&database, table, 0..10).unwrap();
        if waits {
            database.wait_durable(database.snapshot().timestamp()).unwrap();
        }
        // As the disk would be, had the power failed now and taken the rows.
        let found = tempfile::tempdir().unwrap();
        yesterday.write(found.path());
        fs::copy(directory.path().join("DURABLE"), found.path().join("DURABLE")).unwrap();
        match open(found.path()) {
            Err(Error::Corrupt { what }) => assert!(is_refused && what.contains("on disk once"), "{what}"),
            opened => assert!(!is_refused, "{:?}, waited for {waits}: {:?}", options.durability, opened.map(drop)),
        }
    }
}

#[test]
fn mark_with_any_bit_changed_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let path = directory.path().join("DURABLE");
    let mark = fs::read(&path).unwrap();
    for at in 0..mark.len() {
        let mut changed = mark.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&path, changed).unwrap();
        let opened = open(directory.path()).map(drop);
        assert!(matches!(&opened, Err(Error::Corrupt { what }) if what.ends_with("DURABLE")), "byte {at}: {opened:?}");
    }
    fs::write(&path, mark).unwrap();
    open(directory.path()).unwrap();
}
