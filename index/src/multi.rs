#![allow(missing_docs, unused, clippy::all)]
use crate::{Guard, IndexKey};
use std::borrow::Borrow;
use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::RangeBounds;
#[derive(Debug, Clone)]
pub struct Registry;
#[derive(Debug)]
pub struct MultiIndex<K, V>(PhantomData<(K, V)>);
#[derive(Debug)]
pub struct Batch;
#[derive(Debug)]
pub struct BatchOn<'b, K, V>(PhantomData<(&'b K, V)>);
#[derive(Debug)]
pub struct BorrowedSnapshot;
#[derive(Debug)]
pub struct MultiView<'v, K, V>(PhantomData<(&'v K, V)>);
#[derive(Debug)]
pub struct PostingList<V>(PhantomData<V>);
impl<V> PostingList<V> {
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn iter(&self) -> std::slice::Iter<'_, V> {
        todo!()
    }
}
impl Registry {
    pub fn new() -> Self {
        todo!()
    }
    pub fn create_hash<K, V>(&self) -> MultiIndex<K, V> {
        todo!()
    }
    pub fn create_ordered<K, V>(&self) -> MultiIndex<K, V> {
        todo!()
    }
    pub fn remove<K, V>(&self, i: &MultiIndex<K, V>) {
        todo!()
    }
    pub fn begin(&self) -> Batch {
        todo!()
    }
    pub fn load(&self) -> BorrowedSnapshot {
        todo!()
    }
}
impl<K, V> MultiIndex<K, V> {
    pub fn memory_usage(&self) -> usize {
        todo!()
    }
}
impl Batch {
    pub fn on<'b, K, V>(&'b mut self, i: &'b MultiIndex<K, V>) -> BatchOn<'b, K, V> {
        todo!()
    }
    pub fn commit(self) -> u64 {
        todo!()
    }
}
impl<'b, K, V> BatchOn<'b, K, V> {
    pub fn insert(&mut self, k: K, v: V) {
        todo!()
    }
    pub fn remove<Q: ?Sized>(&mut self, k: &Q, v: &V)
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn contains_value<Q: ?Sized>(&self, k: &Q, v: &V) -> bool
    where
        K: Borrow<Q>,
    {
        todo!()
    }
}
impl BorrowedSnapshot {
    pub fn on<'v, K, V>(&'v self, i: &'v MultiIndex<K, V>) -> MultiView<'v, K, V> {
        todo!()
    }
}
impl<'v, K, V> MultiView<'v, K, V> {
    pub fn get<Q: ?Sized>(&self, k: &Q) -> Option<&'v PostingList<V>>
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn count<Q: ?Sized>(&self, k: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn len_keys(&self) -> usize {
        todo!()
    }
    pub fn len_values(&self) -> usize {
        todo!()
    }
    pub fn range<Q: ?Sized, R: RangeBounds<Q>>(&self, r: R) -> std::vec::IntoIter<(&'v K, &'v PostingList<V>)>
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn range_rev<Q: ?Sized, R: RangeBounds<Q>>(&self, r: R) -> std::vec::IntoIter<(&'v K, &'v PostingList<V>)>
    where
        K: Borrow<Q>,
    {
        todo!()
    }
    pub fn estimate_range_keys<Q: ?Sized, R: RangeBounds<Q>>(&self, r: R) -> usize
    where
        K: Borrow<Q>,
    {
        todo!()
    }
}
