//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::output::Mode;

/// The SQL shell of Manicule, a database that says which index answered.
///
/// With neither -c nor -f, statements come from the terminal, or from standard input if it is not one. Results go to
/// standard output, everything else to standard error. The exit status is 0, 1 after a statement that failed, and 2 for a
/// wrong command line.
#[derive(Debug, Parser)]
#[command(name = "manicule", version, max_term_width = 100)]
pub(crate) struct Args {
    /// The directory of the database, made if it is not there; leave it out for a database in memory
    pub(crate) database: Option<PathBuf>,

    /// Begin with the demo: airlines, airports, planes, and the flights from New York City in January 2013
    #[arg(long)]
    pub(crate) demo: bool,

    /// Run these statements and stop; may be given many times, and mixed with -f
    #[arg(short = 'c', long = "command", value_name = "SQL", allow_hyphen_values = true)]
    commands: Vec<String>,

    /// Run this file and stop; `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How results are written [default: table]
    #[arg(long, value_enum, value_name = "MODE", default_value = "table", hide_default_value = true)]
    pub(crate) mode: Mode,

    /// Refuse what would make rows, indexes and pending changes take more than this, such as 512MB or 2GiB, and let no
    /// statement hold more for itself
    #[arg(long, value_name = "SIZE", value_parser = bytes_of)]
    pub(crate) memory_limit: Option<usize>,

    /// What -c and -f name, in the order they were given in.
    #[arg(skip)]
    pub(crate) sources: Vec<Source>,
}

/// Where statements come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The text of a -c.
    Text(String),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Args {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or that help or the version was asked for: the error writes itself and knows the exit
    /// status.
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches_from(words)?;
        let mut args = Self::from_arg_matches(&matches)?;
        let place = |name: &str| matches.indices_of(name).into_iter().flatten().collect::<Vec<_>>();
        let texts = args.commands.drain(..).map(Source::Text);
        let files = args.files.drain(..).map(|path| match path.to_str() {
            Some("-") => Source::Stdin,
            _ => Source::File(path),
        });
        let mut sources: Vec<(usize, Source)> = place("commands").into_iter().zip(texts).collect();
        sources.extend(place("files").into_iter().zip(files));
        sources.sort_by_key(|(place, _)| *place);
        args.sources = sources.into_iter().map(|(_, source)| source).collect();
        Ok(args)
    }
}

/// The bytes of a size: a number and a unit, of powers of 1,000 or, with an `i`, of 1,024; without a unit, bytes.
fn bytes_of(size: &str) -> Result<usize, String> {
    let digits = size.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = size.split_at(digits);
    let unit_bytes: Option<usize> = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" => Some(1000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        _ => None,
    };
    let bytes = number.parse().ok().zip(unit_bytes).and_then(|(number, unit): (usize, _)| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "a size is a number with KB, MB, GB, KiB, MiB or GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Args, clap::Error> {
        Args::read(std::iter::once("manicule").chain(words.iter().copied()).map(OsString::from))
    }

    #[test]
    fn the_definition_holds() {
        Args::command().debug_assert();
    }

    #[test]
    fn sources_keep_their_order() {
        let args = read(&["-c", "a", "-f", "b", "--mode", "csv", "-c", "c", "-f", "-"]).unwrap();
        let expected = [Source::Text("a".into()), Source::File("b".into()), Source::Text("c".into()), Source::Stdin];
        assert_eq!(args.sources, expected);
        assert_eq!(args.mode, Mode::Csv);
    }

    #[test]
    fn sizes_have_units() {
        let sizes =
            [("1", 1), ("512MB", 512_000_000), ("2 gib", 2 << 30), ("3KiB", 3072), ("10b", 10), ("1gb", 1_000_000_000)];
        for (size, bytes) in sizes {
            assert_eq!(read(&["--memory-limit", size]).unwrap().memory_limit, Some(bytes), "{size}");
        }
        for size in ["", "MB", "0", "-1", "1.5GB", "1TB", "1 0", "99999999999GiB", "99999999999999999999999"] {
            assert_eq!(read(&["--memory-limit", size]).unwrap_err().exit_code(), 2, "{size}");
        }
    }

    #[test]
    fn a_wrong_command_line_is_status_2() {
        for words in [&["--mode", "xml"][..], &["--nonsense"], &["-c"], &["a", "b"]] {
            assert_eq!(read(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
        assert_eq!(read(&["--help"]).unwrap_err().exit_code(), 0);
    }
}
