//! The commands that begin with a dot, and psql's that begin with a backslash.

mod advise;
mod catalog;
mod file;
mod index;
mod setting;

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::shell::{Flow, Shell};
use crate::text;

/// A command.
struct Command {
    /// Its name, with the dot.
    name: &'static str,
    /// psql's name for it.
    alias: &'static str,
    /// What may follow the name.
    arguments: &'static str,
    /// What it does, in one line.
    help: &'static str,
    run: fn(&mut Shell, &str) -> Result<Flow>,
}

const COMMANDS: [Command; 20] = [
    Command {
        name: ".advise",
        alias: "",
        arguments: "STATEMENT",
        help: "the index that would help, with its cost and the cost now",
        run: advise::advise,
    },
    Command {
        name: ".backup",
        alias: "",
        arguments: "DIRECTORY",
        help: "write a copy of the database to a new directory",
        run: file::backup,
    },
    Command {
        name: ".export",
        alias: "",
        arguments: "FILE TABLE|SELECT",
        help: "write rows to a .csv, .json, .jsonl, .md or .txt file",
        run: file::export,
    },
    Command {
        name: ".footer",
        alias: "",
        arguments: "on|off",
        help: "the line after each statement: how many rows, and how they were found",
        run: setting::footer,
    },
    Command { name: ".help", alias: "\\?", arguments: "[COMMAND]", help: "this list", run: help },
    Command {
        name: ".import",
        alias: "",
        arguments: "FILE TABLE",
        help: "read a CSV file with a header; makes the table if it is not there",
        run: file::import,
    },
    Command {
        name: ".index",
        alias: "",
        arguments: "NAME [--svg FILE]",
        help: "all about one index and its shape; --svg draws it",
        run: index::index,
    },
    Command {
        name: ".indexes",
        alias: "\\di",
        arguments: "[TABLE]",
        help: "the indexes, their keys and kinds",
        run: catalog::indexes,
    },
    Command {
        name: ".mode",
        alias: "",
        arguments: "[MODE]",
        help: "how results are written: table, csv, json, jsonl, markdown, line",
        run: setting::mode,
    },
    Command {
        name: ".output",
        alias: "\\o",
        arguments: "[FILE]",
        help: "send results to a file; without one, back to the terminal",
        run: setting::output,
    },
    Command {
        name: ".param",
        alias: "",
        arguments: "[set N VALUE | clear]",
        help: "the values of ?, $1, $2, … and :name, by number",
        run: setting::param,
    },
    Command { name: ".quit", alias: "\\q", arguments: "", help: "leave, as Ctrl-D does", run: |_, _| Ok(Flow::Quit) },
    Command { name: ".exit", alias: "", arguments: "", help: "leave, as .quit does", run: |_, _| Ok(Flow::Quit) },
    Command { name: ".read", alias: "\\i", arguments: "FILE", help: "run the statements of a file", run: file::read },
    Command { name: ".schema", alias: "", arguments: "[TABLE]", help: "the CREATE statements", run: catalog::schema },
    Command { name: ".stats", alias: "", arguments: "", help: "memory by table and index", run: catalog::stats },
    Command { name: ".tables", alias: "\\dt", arguments: "", help: "the tables and views", run: catalog::tables },
    Command {
        name: ".timer",
        alias: "\\timing",
        arguments: "on|off",
        help: "the time of each statement",
        run: setting::timer,
    },
    Command {
        name: ".describe",
        alias: "\\d",
        arguments: "[TABLE]",
        help: "the columns and indexes of a table; without one, the tables",
        run: catalog::describe,
    },
    Command { name: ".indices", alias: "", arguments: "[TABLE]", help: "the same as .indexes", run: catalog::indexes },
];

/// The names that completion offers.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().flat_map(|command| [command.name, command.alias]).filter(|name| !name.is_empty())
}

/// Runs a line that begins with a dot or a backslash. A name may be cut short where no other begins like it.
///
/// # Errors
///
/// A command that is not known, or what the command says.
pub(crate) fn run(shell: &mut Shell, line: &str) -> Result<Flow> {
    let line = line.trim().trim_end_matches(';').trim_end();
    let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (find(name)?.run)(shell, arguments.trim())
}

fn find(name: &str) -> Result<&'static Command> {
    let is_named = |command: &&Command| command.name == name || (command.alias == name && !name.is_empty());
    if let Some(command) = COMMANDS.iter().find(is_named) {
        return Ok(command);
    }
    let mut cut_short = COMMANDS.iter().filter(|command| name.len() > 1 && command.name.starts_with(name));
    if let (Some(command), None) = (cut_short.next(), cut_short.next()) {
        return Ok(command);
    }
    let hint = match closest(name, names()) {
        Some(near) => format!("did you mean {near}?"),
        None => ".help lists them".to_owned(),
    };
    Err(Error::Command(format!("there is no command {name}; {hint}")))
}

/// The name that is most like a mistyped one, if any is like it.
fn closest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // A name of one letter is like any other.
    let distances = names
        .filter(|near| near.len() > 2)
        .map(|near| (strsim::osa_distance(&near.to_lowercase(), &name.to_lowercase()), near));
    distances
        .filter(|(distance, near)| *distance <= near.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, near)| near)
}

fn help(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    let asked = match arguments {
        "" => None,
        name if name.starts_with(['.', '\\']) => Some(find(name)?),
        name => Some(find(&format!(".{name}"))?),
    };
    let mut lines: Vec<String> = COMMANDS
        .iter()
        .filter(|command| asked.is_none_or(|asked| asked.name == command.name))
        .map(|command| {
            let usage = format!("{} {}", command.name, command.arguments);
            format!("{usage:<29} {:<8} {}", command.alias, command.help)
        })
        .collect();
    if asked.is_none() {
        lines.push(String::new());
        lines.push("Ctrl-C clears the line or stops what runs, Ctrl-D leaves, Tab completes, Up recalls.".to_owned());
    }
    shell.write_text(&lines.join("\n"))?;
    Ok(Flow::Continue)
}

/// An error that says how a command is used.
fn usage(name: &str) -> Error {
    let command = COMMANDS.iter().find(|command| command.name == name);
    let arguments = command.map_or("", |command| command.arguments);
    Error::Command(format!("usage: {name} {arguments}").trim_end().to_owned())
}

/// The first word and the rest. A word with spaces stands in single or double quotes.
fn first_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let quote = text.chars().next()?;
    if matches!(quote, '\'' | '"') {
        let end = text[1..].find(quote)?;
        return Some((&text[1..=end], text[end + 2..].trim()));
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Some((word, rest.trim()))
}

/// The name of a table, if the text is one and no more: one word, or in quotes, which are doubled within.
fn only_name(text: &str) -> Option<Cow<'_, str>> {
    let quote = text.chars().next()?;
    if !matches!(quote, '\'' | '"') {
        return (!text.contains(char::is_whitespace)).then_some(Cow::Borrowed(text));
    }
    let inner = text[1..].strip_suffix(quote)?;
    let is_whole = !inner.replace(&String::from_iter([quote; 2]), "").contains(quote);
    is_whole.then(|| text::unquoted_name(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_cut_short_but_not_guessed() {
        assert_eq!(find(".tables").unwrap().name, ".tables");
        assert_eq!(find(".ta").unwrap().name, ".tables");
        assert_eq!(find("\\dt").unwrap().name, ".tables");
        assert_eq!(find(".index").unwrap().name, ".index");
        assert!(find(".e").is_err());
        assert!(find(".").is_err());
        assert!(find("\\x").err().unwrap().to_string().contains(".help lists them"));
        assert!(find(".tabels").err().unwrap().to_string().contains("did you mean .tables?"));
    }

    #[test]
    fn a_name_is_one_word_or_in_quotes() {
        let names = ["t", "\"a b\"", "'a b'", "\"a \"\"b\"\"\"", "a b", "\"a\" b", "\"a\" \"b\"", "'open", "\"", ""];
        let expected = ["t", "a b", "a b", "a \"b\"", "-", "-", "-", "-", "-", "-"];
        assert_eq!(names.map(|name| only_name(name).unwrap_or("-".into())), expected);
    }

    #[test]
    fn words_may_be_quoted() {
        assert_eq!(first_word("'my file.csv' t"), Some(("my file.csv", "t")));
        assert_eq!(first_word("a.csv  SELECT 1"), Some(("a.csv", "SELECT 1")));
        assert_eq!(first_word("\"open"), None);
        assert_eq!(first_word(" "), None);
    }
}
