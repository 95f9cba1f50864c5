//! Identities: small numbers that stand for names once a statement is bound.

use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($type:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $type);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A table, for the lifetime of the database; never reused.
    TableId(u32);
    /// An index, for the lifetime of the database; never reused.
    IndexId(u32);
    /// A row within its table.
    RowId(u64);
    /// The logical time of a commit: 0 is the empty database, each commit takes the next.
    Timestamp(u64);
}

/// Row ids go into the structures of an index as they are.
impl manicule_index::Word for RowId {
    #[inline]
    fn to_word(self) -> u64 {
        self.0
    }
    #[inline]
    fn from_word(word: u64) -> Self {
        Self(word)
    }
}
