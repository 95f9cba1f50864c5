//! Records of a CSV file, with the lines they begin at.
//!
//! `csv-core` takes the bytes apart. Around it stands what a shell needs to say about a file: the line of each record, a cap
//! on the size of a field, so that one lost quote does not fill the memory, and the line where a quote was opened
//! that nothing closes. `csv-core` ends the last record silently there; feeding it a last line break tells the two
//! cases apart, because inside of quotes a line break ends no record. Nor does it say which fields stood in quotes, which
//! tells the empty text from no value; so the bytes of the record are kept.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{CsvError, Error, Result};

/// The largest field, in bytes.
const FIELD_BYTES_MAX: usize = 16 << 20;
/// The largest record, in bytes.
const RECORD_BYTES_MAX: usize = 64 << 20;
/// The most fields of a record.
const FIELDS_MAX: usize = 1 << 20;
const BUFFER_BYTES: usize = 64 << 10;
/// How much of the file is looked at to find out the delimiter.
const SNIFFED_BYTES: usize = 64 << 10;

/// Where a CSV file comes from; it is read more than once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'s> {
    /// A file on disk.
    File(&'s Path),
    /// Bytes in memory, with the name that errors give them.
    Bytes(&'s Path, &'s [u8]),
}

/// Reads records.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    input: Input<R>,
    core: csv_core::Reader,
    path: std::path::PathBuf,
    /// The fields of the record, one after the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    field_count: usize,
    /// The record as it stands in the file.
    raw: Vec<u8>,
    delimiter: u8,
    /// Which fields stand in quotes; nothing if none does.
    quoted: Vec<bool>,
    /// Whether an empty line is a record, as it is where there is one column.
    has_empty_records: bool,
    /// The line of the record.
    line: u64,
    /// Line breaks that did not go through `core`.
    lines_skipped: u64,
}

/// A record that is text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'r> {
    text: &'r str,
    ends: &'r [usize],
}

impl<'r> Text<'r> {
    /// The fields in their order.
    pub(crate) fn fields(self) -> impl Iterator<Item = &'r str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let field = &self.text[start..*end];
            start = *end;
            field
        })
    }
}

/// A buffered input that knows how far it is.
#[derive(Debug)]
struct Input<R> {
    source: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    bytes_read: u64,
    is_at_end: bool,
}

impl<R: Read> Input<R> {
    fn new(source: R) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { source, buffer, start: 0, end: 0, bytes_read: 0, is_at_end: false }
    }

    /// The bytes at hand; none at the end of the input.
    fn fill(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end && !self.is_at_end {
            (self.start, self.end) = (0, 0);
            self.read_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Reads until the buffer is full or the input ends.
    fn fill_whole(&mut self) -> io::Result<&[u8]> {
        while self.end < self.buffer.len() && !self.is_at_end {
            self.read_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn read_more(&mut self) -> io::Result<()> {
        match self.source.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.is_at_end = true,
            Ok(count) => {
                self.end += count;
                self.bytes_read += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
    }
}

impl<'s> Reader<Box<dyn Read + 's>> {
    /// Opens the source, passes over a byte order mark and finds out the delimiter.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened, or one in UTF-16.
    pub(crate) fn open(source: &Source<'s>) -> Result<Self> {
        match *source {
            Source::File(path) => {
                let file = File::open(path).map_err(|error| Error::file(path, error))?;
                Self::new(path, Box::new(file))
            }
            Source::Bytes(path, bytes) => Self::new(path, Box::new(bytes)),
        }
    }
}

impl<R: Read> Reader<R> {
    fn new(path: &Path, source: R) -> Result<Self> {
        let mut input = Input::new(source);
        let start = input.fill_whole().map_err(|error| Error::file(path, error))?;
        let mark_bytes = match start {
            [0xef, 0xbb, 0xbf, ..] => 3,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                let problem = "the file is in UTF-16; save it as UTF-8".to_owned();
                return Err(CsvError { path: path.to_owned(), line: 1, column: None, problem }.into());
            }
            _ => 0,
        };
        let delimiter = sniff(&start[mark_bytes..start.len().min(SNIFFED_BYTES)]);
        input.consume(mark_bytes);
        Ok(Self {
            input,
            core: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            path: path.to_owned(),
            bytes: vec![0; 4096],
            ends: vec![0; 64],
            field_count: 0,
            raw: Vec::new(),
            delimiter,
            quoted: Vec::new(),
            has_empty_records: false,
            line: 1,
            lines_skipped: 0,
        })
    }

    /// Takes an empty line for a record of one empty field from here on.
    pub(crate) fn take_empty_records(&mut self) {
        self.has_empty_records = true;
    }

    /// Goes to the next record; whether there is one. Empty lines are passed over, unless they are records.
    ///
    /// # Errors
    ///
    /// A field over the cap, a quote that nothing closes, an input that cannot be read.
    pub(crate) fn next_record(&mut self) -> Result<bool> {
        self.raw.clear();
        self.quoted.clear();
        while self.skip_line_break()? {
            if self.has_empty_records {
                self.line = self.core.line() + self.lines_skipped - 1;
                (self.ends[0], self.field_count) = (0, 1);
                return Ok(true);
            }
        }
        self.line = self.core.line() + self.lines_skipped;
        let (mut byte_count, mut end_count) = (0, 0);
        let mut has_bytes = false;
        loop {
            let input = self.input.fill().map_err(|error| Error::file(&self.path, error))?;
            let is_at_end = input.is_empty();
            if is_at_end && !has_bytes {
                return Ok(false);
            }
            // At the end of the file a line break stands in for the one that may be missing.
            let input = if is_at_end { b"\n" } else { input };
            let (result, read, written, ended) =
                self.core.read_record(input, &mut self.bytes[byte_count..], &mut self.ends[end_count..]);
            has_bytes |= read > 0;
            let last = read.checked_sub(1).map(|last| input[last]);
            (byte_count, end_count) = (byte_count + written, end_count + ended);
            self.raw.extend_from_slice(&input[..read]);
            if !is_at_end {
                self.input.consume(read);
            }
            match result {
                csv_core::ReadRecordResult::Record => {
                    self.field_count = end_count;
                    self.check_fields()?;
                    note_quoted(&self.raw, self.delimiter, &mut self.quoted);
                    self.after_record(last)?;
                    return Ok(true);
                }
                csv_core::ReadRecordResult::OutputFull => self.grow_bytes(byte_count, end_count)?,
                csv_core::ReadRecordResult::OutputEndsFull => self.grow_ends()?,
                csv_core::ReadRecordResult::InputEmpty if is_at_end => {
                    return Err(self.unclosed_quote(byte_count, end_count));
                }
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// The fields of the record.
    pub(crate) fn field_count(&self) -> usize {
        self.field_count
    }

    /// The record as text, if it is UTF-8 without a zero byte. Looked at as a whole, which costs much less than field by
    /// field.
    pub(crate) fn text(&self) -> Option<Text<'_>> {
        let ends = &self.ends[..self.field_count];
        let bytes = &self.bytes[..ends.last().copied().unwrap_or(0)];
        let text = std::str::from_utf8(bytes).ok().filter(|_| !bytes.contains(&0))?;
        // A character may not begin in one field and end in the next.
        ends.iter().all(|end| text.is_char_boundary(*end)).then_some(Text { text, ends })
    }

    /// A field of the record.
    pub(crate) fn field(&self, column: usize) -> &[u8] {
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        &self.bytes[start..self.ends[column]]
    }

    /// Whether a field of the record stands in quotes.
    pub(crate) fn is_quoted(&self, column: usize) -> bool {
        self.quoted.get(column).copied().unwrap_or(false)
    }

    /// The line that the record begins at, counted from one.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The name of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How much of the file has been read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.input.bytes_read
    }

    /// Counts the line break that ended a record, where `core` has not: it counts `\n` alone.
    fn after_record(&mut self, last: Option<u8>) -> Result<()> {
        if last == Some(b'\r') {
            self.lines_skipped += 1;
            self.skip_line_feed()?;
        }
        Ok(())
    }

    /// Passes over a line break, if there is one next.
    fn skip_line_break(&mut self) -> Result<bool> {
        let input = self.input.fill().map_err(|error| Error::file(&self.path, error))?;
        let Some(&byte @ (b'\r' | b'\n')) = input.first() else { return Ok(false) };
        self.input.consume(1);
        self.lines_skipped += 1;
        if byte == b'\r' {
            self.skip_line_feed()?;
        }
        Ok(true)
    }

    /// Passes over the second half of `\r\n`.
    fn skip_line_feed(&mut self) -> Result<()> {
        let input = self.input.fill().map_err(|error| Error::file(&self.path, error))?;
        if input.first() == Some(&b'\n') {
            self.input.consume(1);
        }
        Ok(())
    }

    fn grow_bytes(&mut self, byte_count: usize, end_count: usize) -> Result<()> {
        let field_start = end_count.checked_sub(1).map_or(0, |last| self.ends[last]);
        if byte_count - field_start > FIELD_BYTES_MAX {
            return Err(self.too_large(field_start));
        }
        if self.bytes.len() >= RECORD_BYTES_MAX {
            return Err(self.wrong(self.line, format!("a record of more than {} MiB", RECORD_BYTES_MAX >> 20)));
        }
        self.bytes.resize(self.bytes.len() * 2, 0);
        Ok(())
    }

    /// Refuses a field that is over the cap, but was not over the memory that was there.
    fn check_fields(&self) -> Result<()> {
        let mut start = 0;
        for end in &self.ends[..self.field_count] {
            if end - start > FIELD_BYTES_MAX {
                return Err(self.too_large(start));
            }
            start = *end;
        }
        Ok(())
    }

    fn too_large(&self, field_start: usize) -> Error {
        let line = self.line + line_breaks(&self.bytes[..field_start]);
        self.wrong(line, format!("a field of more than {} MiB begins here", FIELD_BYTES_MAX >> 20))
    }

    fn grow_ends(&mut self) -> Result<()> {
        if self.ends.len() >= FIELDS_MAX {
            return Err(self.wrong(self.line, format!("more than {FIELDS_MAX} fields")));
        }
        self.ends.resize(self.ends.len() * 2, 0);
        Ok(())
    }

    fn unclosed_quote(&self, byte_count: usize, end_count: usize) -> Error {
        let field_start = end_count.checked_sub(1).map_or(0, |last| self.ends[last]).min(byte_count);
        if byte_count - field_start > FIELD_BYTES_MAX {
            return self.too_large(field_start);
        }
        let line = self.line + line_breaks(&self.bytes[..field_start]);
        self.wrong(line, "the quote that opens here is never closed".to_owned())
    }

    fn wrong(&self, line: u64, problem: String) -> Error {
        CsvError { path: self.path.clone(), line, column: None, problem }.into()
    }
}

/// Where in a field a byte stands, as `csv-core` sees it.
#[derive(Clone, Copy)]
enum Place {
    Begin,
    Plain,
    InQuotes,
    /// After a quote within quotes: it was the last one, unless another follows.
    AfterQuote,
}

/// Notes for each field of a record whether it stands in quotes, which `csv-core` does not tell.
fn note_quoted(raw: &[u8], delimiter: u8, quoted: &mut Vec<bool>) {
    if !raw.contains(&b'"') {
        return;
    }
    let mut place = Place::Begin;
    for &byte in raw {
        if matches!(place, Place::Begin) {
            quoted.push(byte == b'"');
        }
        place = match place {
            Place::Begin if byte == b'"' => Place::InQuotes,
            Place::InQuotes if byte == b'"' => Place::AfterQuote,
            Place::AfterQuote if byte == b'"' => Place::InQuotes,
            Place::InQuotes => Place::InQuotes,
            Place::Begin | Place::Plain | Place::AfterQuote if byte == delimiter => Place::Begin,
            Place::Begin | Place::Plain | Place::AfterQuote => Place::Plain,
        };
    }
}

fn line_breaks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// The delimiter that the first line has most of, outside of quotes; a comma if it has none.
fn sniff(start: &[u8]) -> u8 {
    const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut is_quoted = false;
    for &byte in start {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted => break,
            _ if is_quoted => {}
            _ => {
                if let Some(position) = DELIMITERS.iter().position(|&delimiter| delimiter == byte) {
                    counts[position] += 1;
                }
            }
        }
    }
    let most = (0..DELIMITERS.len()).rev().max_by_key(|&position| counts[position]).unwrap_or(0);
    DELIMITERS[most]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &[u8]) -> std::result::Result<Vec<(u64, Vec<String>)>, String> {
        let mut reader = Reader::open(&Source::Bytes(Path::new("t.csv"), text)).map_err(|error| error.to_string())?;
        let mut records = Vec::new();
        while reader.next_record().map_err(|error| error.to_string())? {
            let fields = (0..reader.field_count()).map(|column| String::from_utf8_lossy(reader.field(column)).into());
            records.push((reader.line(), fields.collect()));
        }
        Ok(records)
    }

    fn check(text: &str, expected: &[(u64, &[&str])]) {
        let found = records(text.as_bytes()).unwrap();
        let expected: Vec<(u64, Vec<String>)> = expected
            .iter()
            .map(|(line, fields)| (*line, fields.iter().map(|field| (*field).to_owned()).collect()))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn every_kind_of_line_break_and_a_missing_last_one() {
        for break_ in ["\n", "\r\n", "\r"] {
            check(&["a,b", "1,2", "", "3,4"].join(break_), &[(1, &["a", "b"]), (2, &["1", "2"]), (4, &["3", "4"])]);
            check(&["a,b", "1,2", ""].join(break_), &[(1, &["a", "b"]), (2, &["1", "2"])]);
        }
        check("", &[]);
        check("\n\n", &[]);
        check("a\n,\n", &[(1, &["a"]), (2, &["", ""])]);
    }

    #[test]
    fn quotes_hold_delimiters_breaks_and_quotes() {
        check(
            "\u{feff}a,b\n\"x,\n\"\"y\"\"\",2\n3,\"\"",
            &[(1, &["a", "b"]), (2, &["x,\n\"y\"", "2"]), (4, &["3", ""])],
        );
    }

    #[test]
    fn the_delimiter_is_found() {
        check("a;b,c;d\n1;2;3\n", &[(1, &["a", "b,c", "d"]), (2, &["1", "2", "3"])]);
        check("a\tb\n1\t2\n", &[(1, &["a", "b"]), (2, &["1", "2"])]);
        check("\"a,b,c\"|d\n1|2\n", &[(1, &["a,b,c", "d"]), (2, &["1", "2"])]);
    }

    #[test]
    fn an_open_quote_is_named_by_its_line() {
        assert_eq!(
            records(b"a,b\n1,2\n\"x\ny\",\"open\n5,6\n").unwrap_err(),
            "t.csv:4: the quote that opens here is never closed"
        );
        assert_eq!(records(b"a\n\"").unwrap_err(), "t.csv:2: the quote that opens here is never closed");
    }

    #[test]
    fn a_field_over_the_cap_is_refused_without_reading_it_all() {
        let mut text = b"a,b\n1,\"".to_vec();
        text.resize(40 << 20, b'x');
        assert_eq!(records(&text).unwrap_err(), "t.csv:2: a field of more than 16 MiB begins here");
        text.truncate(FIELD_BYTES_MAX + 1 + "a,b\n1,\"".len());
        text.push(b'"');
        assert_eq!(records(&text).unwrap_err(), "t.csv:2: a field of more than 16 MiB begins here");
        text.remove(text.len() - 2);
        assert_eq!(records(&text).map(|records| records.len()), Ok(2));
    }

    #[test]
    fn fields_in_quotes_are_told_from_others() {
        let quoted = |text: &str| {
            let mut reader = Reader::open(&Source::Bytes(Path::new("t.csv"), text.as_bytes())).unwrap();
            assert!(reader.next_record().unwrap());
            (0..reader.field_count()).map(|column| reader.is_quoted(column)).collect::<Vec<_>>()
        };
        assert_eq!(quoted("a,,\n\"\""), [false; 3]);
        assert_eq!(quoted("\"\",,\"NA\",NA,\"\""), [true, false, true, false, true]);
        assert_eq!(quoted("\"a,\"\"\r\n\",b\"c,\"x\"y\"z,\"\"\r"), [true, false, true, true]);
    }

    #[test]
    fn an_empty_line_is_a_record_where_one_is_asked_for() {
        for break_ in ["\n", "\r\n", "\r"] {
            let text = ["", "a", "", "b", "", ""].join(break_);
            let mut reader = Reader::open(&Source::Bytes(Path::new("t.csv"), text.as_bytes())).unwrap();
            assert!(reader.next_record().unwrap());
            reader.take_empty_records();
            let mut records = Vec::new();
            while reader.next_record().unwrap() {
                records.push((reader.line(), reader.field(0).to_vec()));
            }
            assert_eq!(records, [(3, b"".to_vec()), (4, b"b".to_vec()), (5, b"".to_vec())], "{text:?}");
        }
    }

    #[test]
    fn a_character_cut_in_two_by_a_delimiter_is_no_text() {
        let text = |bytes: &[u8]| {
            let mut reader = Reader::open(&Source::Bytes(Path::new("t.csv"), bytes)).unwrap();
            assert!(reader.next_record().unwrap());
            reader.text().map(|text| text.fields().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(text("é,,\"a\nb\",z".as_bytes()), Some(["é", "", "a\nb", "z"].map(str::to_owned).into()));
        assert_eq!(text(b"a\xc3,\xa9b"), None);
        assert_eq!(text(b"a\xff,b"), None);
        assert_eq!(text(b"a\0,b"), None);
    }

    #[test]
    fn utf_16_is_named() {
        assert!(records(b"\xff\xfea\0").unwrap_err().contains("UTF-16"));
    }
}
