//! A list by id whose ids are never used again: what is there, and a word for each page of ids.
//!
//! Each change of the schema copies the lists of the state before. A copy shares the pages, and a page with nothing in it is
//! gone, so tables that come and go leave next to nothing behind.

use std::array;
use std::sync::Arc;

const PAGE_LEN: usize = 64;

type Page<T> = Arc<[Option<T>; PAGE_LEN]>;

/// Things by their ids.
#[derive(Clone, Debug)]
pub(crate) struct Places<T> {
    pages: Vec<Option<Page<T>>>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T: Clone> Places<T> {
    /// What has an id.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        let id = id as usize;
        self.pages.get(id / PAGE_LEN)?.as_ref()?[id % PAGE_LEN].as_ref()
    }

    /// All that is there, in order of id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten().flat_map(|page| page.iter().flatten())
    }

    /// Puts something in the place of an id.
    pub(crate) fn insert(&mut self, id: u32, what: T) {
        let id = id as usize;
        if self.pages.len() <= id / PAGE_LEN {
            self.pages.resize(id / PAGE_LEN + 1, None);
        }
        let page = self.pages[id / PAGE_LEN].get_or_insert_with(|| Arc::new(array::from_fn(|_| None)));
        Arc::make_mut(page)[id % PAGE_LEN] = Some(what);
    }

    /// Takes out what has an id.
    pub(crate) fn remove(&mut self, id: u32) -> Option<T> {
        let id = id as usize;
        let page = self.pages.get_mut(id / PAGE_LEN)?;
        let places = Arc::make_mut(page.as_mut()?);
        let removed = places[id % PAGE_LEN].take();
        if places.iter().all(Option::is_none) {
            *page = None;
        }
        removed
    }
}
