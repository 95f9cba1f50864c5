//! Values as Rust types: what a program reads a column as.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::row::Row;
use crate::value::Value;

/// A Rust type that a value can be read as.
///
/// | SQL | Rust |
/// |---|---|
/// | INTEGER | `i64`, and the other integer types where the number fits |
/// | REAL | `f64` |
/// | TEXT | `&str`, `Cow<str>`, `String` |
/// | BOOLEAN | `bool` |
/// | BLOB | `&[u8]`, `Cow<[u8]>`, `Vec<u8>` |
/// | all of them, and NULL | [`Value`] |
/// | one of them, or NULL | `Option` of it |
///
/// A value is of one type: an integer is not read as `f64`, nor a number as text. DATE and TIMESTAMP have no type in the
/// standard library; [`time`](crate::time) takes them apart.
pub trait FromValue<'v>: Sized {
    /// The name of the type in an error.
    const NAME: &'static str;

    /// The value as this type; `None` if it is of another one, or does not fit. A value with bytes of its own cannot be
    /// read as a reference to them: [`Value::as_borrowed`] can.
    fn from_value(value: Value<'v>) -> Option<Self>;
}

impl Value<'_> {
    /// The value as a Rust type; `None` if it is of another one, or does not fit.
    ///
    /// ```
    /// use manicule_engine::Value;
    ///
    /// assert_eq!(Value::from(7).read::<u8>(), Some(7));
    /// assert_eq!(Value::from(700).read::<u8>(), None);
    /// assert_eq!(Value::Null.read::<Option<String>>(), Some(None));
    /// ```
    pub fn read<'s, T: FromValue<'s>>(&'s self) -> Option<T> {
        T::from_value(self.as_borrowed())
    }
}

impl Row {
    /// The value of a column as a Rust type, in constant time; of a column that the row does not reach as NULL.
    ///
    /// ```
    /// use manicule_engine::{Error, Row, Value};
    ///
    /// struct City<'r> {
    ///     name: &'r str,
    ///     people: u32,
    ///     mayor: Option<String>,
    /// }
    ///
    /// let row = Row::new(&[Value::from("Oslo"), Value::from(717_710), Value::Null]);
    /// let city = City { name: row.read(0)?, people: row.read(1)?, mayor: row.read(2)? };
    /// assert_eq!((city.name, city.people, city.mayor), ("Oslo", 717_710, None));
    ///
    /// let error = row.read::<bool>(1).unwrap_err();
    /// assert_eq!(error.to_string(), "column 1 of the row holds INTEGER 717710, which cannot be read as bool");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`].
    pub fn read<'r, T: FromValue<'r>>(&'r self, column: usize) -> Result<T> {
        let value = self.get(column);
        T::from_value(value).ok_or_else(|| Error::WrongType {
            column,
            expected: T::NAME,
            found: self.get(column).into_owned(),
        })
    }
}

impl<'v> FromValue<'v> for Value<'v> {
    const NAME: &'static str = "Value";

    fn from_value(value: Value<'v>) -> Option<Self> {
        Some(value)
    }
}

impl<'v, T: FromValue<'v>> FromValue<'v> for Option<T> {
    const NAME: &'static str = T::NAME;

    fn from_value(value: Value<'v>) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// Types that are read of one kind of value.
macro_rules! from_value {
    ($($type:ty as $name:literal: $pattern:pat => $value:expr;)*) => {$(
        impl<'v> FromValue<'v> for $type {
            const NAME: &'static str = $name;

            fn from_value(value: Value<'v>) -> Option<Self> {
                match value {
                    $pattern => $value,
                    _ => None,
                }
            }
        }
    )*};
}

from_value! {
    i64 as "i64": Value::Integer(integer) => Some(integer);
    i32 as "i32": Value::Integer(integer) => integer.try_into().ok();
    i16 as "i16": Value::Integer(integer) => integer.try_into().ok();
    i8 as "i8": Value::Integer(integer) => integer.try_into().ok();
    u64 as "u64": Value::Integer(integer) => integer.try_into().ok();
    u32 as "u32": Value::Integer(integer) => integer.try_into().ok();
    u16 as "u16": Value::Integer(integer) => integer.try_into().ok();
    u8 as "u8": Value::Integer(integer) => integer.try_into().ok();
    usize as "usize": Value::Integer(integer) => integer.try_into().ok();
    f64 as "f64": Value::Real(real) => Some(real);
    bool as "bool": Value::Boolean(boolean) => Some(boolean);
    String as "String": Value::Text(text) => Some(text.into_owned());
    Cow<'v, str> as "Cow<str>": Value::Text(text) => Some(text);
    &'v str as "&str": Value::Text(Cow::Borrowed(text)) => Some(text);
    Vec<u8> as "Vec<u8>": Value::Blob(bytes) => Some(bytes.into_owned());
    Cow<'v, [u8]> as "Cow<[u8]>": Value::Blob(bytes) => Some(bytes);
    &'v [u8] as "&[u8]": Value::Blob(Cow::Borrowed(bytes)) => Some(bytes);
}
