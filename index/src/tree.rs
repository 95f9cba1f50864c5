#![allow(missing_docs, unused, clippy::all)]
use crate::{Guard, IndexKey};
use std::borrow::Borrow;
use std::marker::PhantomData;
use std::ops::RangeBounds;
#[derive(Debug)]
pub struct TreeIndex<K, V>(PhantomData<(K, V)>);
impl<K, V> Default for TreeIndex<K, V> {
    fn default() -> Self {
        todo!()
    }
}
impl<K: IndexKey + Send + Sync + 'static, V: Send + Sync + 'static> TreeIndex<K, V> {
    pub fn new() -> Self {
        todo!()
    }
    pub fn get<'g, Q: IndexKey + ?Sized>(&'g self, key: &Q, guard: &'g Guard) -> Option<&'g V>
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn insert<'g>(&'g self, key: K, value: V, guard: &'g Guard) -> Option<&'g V> {
        todo!()
    }
    pub fn remove<'g, Q: IndexKey + ?Sized>(&'g self, key: &Q, guard: &'g Guard) -> Option<(&'g K, &'g V)>
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn range<'g, Q: IndexKey + ?Sized, R: RangeBounds<Q>>(
        &'g self,
        r: R,
        guard: &'g Guard,
    ) -> std::vec::IntoIter<(&'g K, &'g V)>
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn range_rev<'g, Q: IndexKey + ?Sized, R: RangeBounds<Q>>(
        &'g self,
        r: R,
        guard: &'g Guard,
    ) -> std::vec::IntoIter<(&'g K, &'g V)>
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn estimate_range<'g, Q: IndexKey + ?Sized, R: RangeBounds<Q>>(&'g self, r: R, guard: &'g Guard) -> usize
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn memory_usage(&self) -> usize {
        todo!()
    }
}
#[derive(Debug)]
pub struct WordTreeIndex<K, V>(PhantomData<(K, V)>);
impl<K, V> Default for WordTreeIndex<K, V> {
    fn default() -> Self {
        todo!()
    }
}
impl<K: IndexKey, V> WordTreeIndex<K, V> {
    pub fn new() -> Self {
        todo!()
    }
    pub fn get(&self, key: &K, guard: &Guard) -> Option<V> {
        todo!()
    }
    pub fn insert(&self, key: K, value: V, guard: &Guard) -> Option<V> {
        todo!()
    }
    pub fn remove(&self, key: &K, guard: &Guard) -> Option<V> {
        todo!()
    }
    pub fn range<'g, R: RangeBounds<K>>(&'g self, r: R, guard: &'g Guard) -> std::vec::IntoIter<(K, V)> {
        todo!()
    }
    pub fn range_rev<'g, R: RangeBounds<K>>(&'g self, r: R, guard: &'g Guard) -> std::vec::IntoIter<(K, V)> {
        todo!()
    }
    pub fn estimate_range<'g, R: RangeBounds<K>>(&'g self, r: R, guard: &'g Guard) -> usize {
        todo!()
    }
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    pub fn memory_usage(&self) -> usize {
        todo!()
    }
}
