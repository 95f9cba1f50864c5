//! The keys: the same for every peer, made before any clock runs.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Mutex;

/// A kind of key that the suites run with.
pub(crate) trait Key: Clone + Debug + Eq + Ord + Hash + Send + Sync + 'static {
    /// What the records call it.
    const NAME: &'static str;
    /// Whether it fits a machine word, for which some structures have a variant of their own.
    const IS_WORD: bool;

    /// The key as bytes that order as it does.
    type Bytes<'k>: AsRef<[u8]>
    where
        Self: 'k;

    /// A key for this number; it orders as the number does.
    fn from_number(number: u64) -> Self;

    fn to_bytes(&self) -> Self::Bytes<'_>;
}

impl Key for u64 {
    const NAME: &'static str = "u64";
    const IS_WORD: bool = true;
    type Bytes<'k> = [u8; 8];

    fn from_number(number: u64) -> Self {
        number
    }

    fn to_bytes(&self) -> [u8; 8] {
        self.to_be_bytes()
    }
}

/// Twenty bytes with a common prefix: `user` and sixteen hexadecimal digits.
impl Key for String {
    const NAME: &'static str = "string20";
    const IS_WORD: bool = false;
    type Bytes<'k> = &'k [u8];

    fn from_number(number: u64) -> Self {
        let mut key = Self::with_capacity(20);
        key.push_str("user");
        for shift in (0..16).rev() {
            let digit = (number >> (4 * shift)) as u32 & 15;
            key.push(char::from_digit(digit, 16).expect("a digit below 16"));
        }
        key
    }

    fn to_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Sebastiano Vigna's SplitMix64: a bijection, so that different numbers never collide.
pub(crate) fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A number below `limit` for the `step`-th draw.
pub(crate) fn draw(step: usize, limit: usize) -> usize {
    let wide = u128::from(scramble(step as u64 ^ 0x5ca1_ab1e_0000_0000)) * limit as u128;
    (wide >> 64) as usize
}

/// Draws of numbers below `limit` by Zipf's law with exponent 1.08: the first number comes most often.
pub(crate) fn skewed_draws(count: usize, limit: usize) -> Vec<u64> {
    let mut heaped: Vec<f64> = (1..=limit).map(|rank| (rank as f64).powf(-1.08)).collect();
    for rank in 1..limit {
        heaped[rank] += heaped[rank - 1];
    }
    let whole = heaped[limit - 1];
    let one = |step: usize| {
        let point = draw(step, 1 << 52) as f64 / (1_u64 << 52) as f64 * whole;
        heaped.partition_point(|below| *below < point).min(limit - 1) as u64
    };
    (0..count).map(one).collect()
}

/// The keys of one run of a suite.
#[derive(Debug)]
pub(crate) struct KeySet<K> {
    /// The keys that are put in, in random order; the value of the i-th is i.
    pub(crate) present: Vec<K>,
    /// Keys that are there, drawn at random, copied so that reading them is sequential.
    pub(crate) probes: Vec<K>,
    /// Keys that are not there, as many.
    pub(crate) absent: Vec<K>,
}

impl<K: Key> KeySet<K> {
    pub(crate) fn new(n: usize, operations: usize) -> Self {
        let present: Vec<K> = (0..n).map(|i| K::from_number(scramble(i as u64))).collect();
        let probes = (0..operations).map(|step| present[draw(step, n)].clone()).collect();
        let absent = (n..n + operations).map(|i| K::from_number(scramble(i as u64))).collect();
        Self { present, probes, absent }
    }
}

/// Copies of `keys`, one portion a thread, to be moved into a peer while the clock runs.
pub(crate) struct Portions<K>(Vec<Mutex<Vec<K>>>);

impl<K: Clone> Portions<K> {
    /// Cuts `keys` into one piece a thread.
    pub(crate) fn cut(keys: &[K], threads: usize) -> Self {
        let length = keys.len().div_ceil(threads);
        let piece = |t: usize| keys[(t * length).min(keys.len())..((t + 1) * length).min(keys.len())].to_vec();
        Self((0..threads).map(|t| Mutex::new(piece(t))).collect())
    }

    /// Takes this thread's portion.
    pub(crate) fn take(&self, thread: usize) -> Vec<K> {
        std::mem::take(&mut self.0[thread].lock().expect("no thread panics while it takes a portion"))
    }
}
