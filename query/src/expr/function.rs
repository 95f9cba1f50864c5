//! The scalar functions of reals, of texts and of time: what they are called, and of which type their values are.

use manicule_engine::ColumnType;

/// A function of reals. NULL where the result is no real number, as with `LN(-1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MathFunction {
    /// `EXP(x)`.
    Exp,
    /// `LN(x)`.
    Ln,
    /// `LOG(x)` to the base of 10, `LOG(base, x)`.
    Log,
    /// `LOG10(x)`.
    Log10,
    /// `LOG2(x)`.
    Log2,
    /// `PI()`.
    Pi,
    /// `SIN(x)`.
    Sin,
    /// `COS(x)`.
    Cos,
    /// `TAN(x)`.
    Tan,
    /// `ASIN(x)`.
    Asin,
    /// `ACOS(x)`.
    Acos,
    /// `ATAN(x)`.
    Atan,
    /// `ATAN2(y, x)`.
    Atan2,
    /// `DEGREES(x)`.
    Degrees,
    /// `RADIANS(x)`.
    Radians,
    /// `TRUNC(x)`: towards zero; an integer stays one.
    Trunc,
}

impl MathFunction {
    /// The function's name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exp => "EXP",
            Self::Ln => "LN",
            Self::Log => "LOG",
            Self::Log10 => "LOG10",
            Self::Log2 => "LOG2",
            Self::Pi => "PI",
            Self::Sin => "SIN",
            Self::Cos => "COS",
            Self::Tan => "TAN",
            Self::Asin => "ASIN",
            Self::Acos => "ACOS",
            Self::Atan => "ATAN",
            Self::Atan2 => "ATAN2",
            Self::Degrees => "DEGREES",
            Self::Radians => "RADIANS",
            Self::Trunc => "TRUNC",
        }
    }
}

/// A function of texts and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFunction {
    /// `CONCAT(a, b, …)`: all but the NULLs, one after the other.
    Concat,
    /// `CONCAT_WS(separator, a, b, …)`: all but the NULLs.
    ConcatWithSeparator,
    /// `LEFT(x, n)`: the first `n` characters, or all but the last `-n`.
    Left,
    /// `RIGHT(x, n)`: the last `n` characters, or all but the first `-n`.
    Right,
    /// `LPAD(x, n [, fill])`: cut or filled to `n` characters.
    PadLeft,
    /// `RPAD(x, n [, fill])`.
    PadRight,
    /// `REVERSE(x)`.
    Reverse,
    /// `REPEAT(x, n)`.
    Repeat,
    /// `OCTET_LENGTH(x)`: bytes.
    OctetLength,
    /// `UNICODE(x)`: the number of the first character, NULL if there is none.
    Unicode,
    /// `ASCII(x)`: the number of the first character, 0 if there is none.
    Ascii,
    /// `CHAR(a, b, …)`: the characters of these numbers, U+FFFD for a number that has none.
    Char,
    /// `CHR(x)`: the character of this number.
    Chr,
    /// `QUOTE(x)`: the value as SQL writes it.
    Quote,
    /// `PRINTF(format, …)`, `FORMAT`.
    Printf,
    /// `SPLIT_PART(x, separator, n)`: counted from 1, from the end if `n` is negative.
    SplitPart,
    /// `STARTS_WITH(x, prefix)`.
    StartsWith,
    /// `UNHEX(x)`: NULL if `x` is not made of pairs of hexadecimal digits.
    Unhex,
    /// `ZEROBLOB(n)`.
    ZeroBlob,
}

impl TextFunction {
    /// The function's name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Concat => "CONCAT",
            Self::ConcatWithSeparator => "CONCAT_WS",
            Self::Left => "LEFT",
            Self::Right => "RIGHT",
            Self::PadLeft => "LPAD",
            Self::PadRight => "RPAD",
            Self::Reverse => "REVERSE",
            Self::Repeat => "REPEAT",
            Self::OctetLength => "OCTET_LENGTH",
            Self::Unicode => "UNICODE",
            Self::Ascii => "ASCII",
            Self::Char => "CHAR",
            Self::Chr => "CHR",
            Self::Quote => "QUOTE",
            Self::Printf => "PRINTF",
            Self::SplitPart => "SPLIT_PART",
            Self::StartsWith => "STARTS_WITH",
            Self::Unhex => "UNHEX",
            Self::ZeroBlob => "ZEROBLOB",
        }
    }

    /// The type of its values other than NULL.
    pub fn column_type(self) -> ColumnType {
        match self {
            Self::OctetLength | Self::Unicode | Self::Ascii => ColumnType::Integer,
            Self::StartsWith => ColumnType::Boolean,
            Self::Unhex | Self::ZeroBlob => ColumnType::Blob,
            Self::Concat
            | Self::ConcatWithSeparator
            | Self::Left
            | Self::Right
            | Self::PadLeft
            | Self::PadRight
            | Self::Reverse
            | Self::Repeat
            | Self::Char
            | Self::Chr
            | Self::Quote
            | Self::Printf
            | Self::SplitPart => ColumnType::Text,
        }
    }
}

/// A function of days and moments, which also takes texts that say one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFunction {
    /// `CURRENT_DATE`: the day, in UTC, on which the statement runs.
    CurrentDate,
    /// `CURRENT_TIMESTAMP`, `NOW()`: the moment, in UTC, at which the statement runs.
    CurrentTimestamp,
    /// `DATE(x)`.
    Date,
    /// `EXTRACT(part FROM x)`, `DATE_PART(part, x)`.
    Part,
    /// `DATE_TRUNC(unit, x)`: the beginning of the unit in which `x` lies.
    Trunc,
    /// `STRFTIME(format, x)`.
    Format,
    /// `x + INTERVAL '…'`; its other arguments are constants, the interval's months, days and microseconds.
    Shift,
}

impl TimeFunction {
    /// The function's name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::CurrentDate => "CURRENT_DATE",
            Self::CurrentTimestamp => "CURRENT_TIMESTAMP",
            Self::Date => "DATE",
            Self::Part => "DATE_PART",
            Self::Trunc => "DATE_TRUNC",
            Self::Format => "STRFTIME",
            Self::Shift => "+ INTERVAL",
        }
    }

    /// Whether it is of the moment at which the statement runs.
    pub fn tells_now(self) -> bool {
        matches!(self, Self::CurrentDate | Self::CurrentTimestamp)
    }
}
