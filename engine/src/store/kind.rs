//! Which library keeps the files of a database in a directory.

use std::fmt;

/// A library that keeps the files of a database in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreKind {
    /// fjall, a log-structured merge tree. With the feature `fjall`, which is on by default.
    Fjall,
    /// redb, a B-tree in one file. With the feature `redb`.
    Redb,
}

impl Default for StoreKind {
    /// fjall, unless redb is all that is in this build.
    fn default() -> Self {
        match Self::Fjall.is_built() || !Self::Redb.is_built() {
            true => Self::Fjall,
            false => Self::Redb,
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl StoreKind {
    /// Its name, which is that of its feature too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fjall => "fjall",
            Self::Redb => "redb",
        }
    }

    /// The library of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Fjall, Self::Redb].into_iter().find(|kind| kind.name() == name)
    }

    /// Whether its feature is enabled.
    pub fn is_built(self) -> bool {
        match self {
            Self::Fjall => cfg!(feature = "fjall"),
            Self::Redb => cfg!(feature = "redb"),
        }
    }
}
