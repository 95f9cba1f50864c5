//! The Manicule shell: SQL at a prompt or from a file, on a database that says which index answered.
//!
//! ```text
//! args ─▶ interactive ─┐                     ┌─▶ command: .tables, .import, …
//!                      ├─▶ batch ─▶ shell ───┤
//!         files, -c ───┘                     └─▶ backend ─▶ output: table, csv, json, …
//! ```
//!
//! `backend` alone knows the database's session; `shell` joins it with the settings and the place that results go to.
#![forbid(unsafe_code)]

mod args;
mod backend;
mod batch;
mod command;
mod demo;
mod error;
mod import;
mod interactive;
mod interrupt;
mod keywords;
mod lexer;
mod output;
mod schema;
mod shape;
mod shell;
mod text;

use std::fs::File;
use std::io::{self, BufReader, IsTerminal};
use std::process::ExitCode;
use std::thread;

use args::{Args, Source};
use backend::Backend;
use batch::Failure;
use error::Error;
use manicule::Database;
use mimalloc::MiMalloc;
use shell::{Flow, Shell};

/// A statement that is parsed, bound and planned makes some hundred small things and drops them again. SQLite's corpus of
/// tests takes a fifth less time than with the C library's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The exit status after a statement or command that failed.
const FAILED: u8 = 1;
/// Deep expressions are walked by recursion; the limits on their depth leave most of this unused.
const STACK_BYTES: usize = 32 << 20;

fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => {
            // That help cannot be shown is no reason for another message.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FAILED));
        }
    };
    let worker = thread::Builder::new().name("shell".to_owned()).stack_size(STACK_BYTES).spawn(move || run(&args));
    let worker = worker.expect("a process can start its first thread");
    match worker.join() {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) if failure.error.is_broken_pipe() => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            let place = failure.place.map_or_else(String::new, |place| format!("{place}: "));
            shell::note(&format!("{place}{}", failure.error));
            ExitCode::from(FAILED)
        }
        // The panic has said what happened.
        Err(_) => ExitCode::from(101),
    }
}

/// Opens the database, runs what was asked for, and puts everything on disk.
fn run(args: &Args) -> Result<(), Failure> {
    let at_no_place = |error: Error| Failure { place: None, error };
    let database = match &args.database {
        Some(path) => Database::open(path).map_err(|error| at_no_place(error.into()))?,
        None => Database::in_memory(),
    };
    database.set_memory_limit(args.memory_limit);
    // A database in a directory may have the demo from an earlier session.
    if args.demo && database.catalog().table("flights").is_none() {
        demo::load(&database).map_err(at_no_place)?;
    }
    let result = run_on(&database, args);
    let closed = database.close().map_err(|error| at_no_place(error.into()));
    result.and(closed)
}

fn run_on(database: &Database, args: &Args) -> Result<(), Failure> {
    let backend = Backend::new(database.clone(), args.memory_limit);
    let mut shell = Shell::new(backend.map_err(|error| Failure { place: None, error })?, args.mode);
    if args.sources.is_empty() {
        if io::stdin().is_terminal() {
            return interactive::run(&mut shell).map_err(|error| Failure { place: None, error });
        }
        return run_source(&mut shell, &Source::Stdin).map(|_| ());
    }
    for source in &args.sources {
        if run_source(&mut shell, source)? == Flow::Quit {
            break;
        }
    }
    Ok(())
}

fn run_source(shell: &mut Shell, source: &Source) -> Result<Flow, Failure> {
    match source {
        Source::Text(text) => batch::run(shell, None, text.as_bytes()),
        Source::Stdin => batch::run(shell, Some("stdin"), io::stdin().lock()),
        Source::File(path) => {
            let file = File::open(path).map_err(|error| Failure { place: None, error: Error::file(path, error) })?;
            batch::run(shell, Some(&path.display().to_string()), BufReader::new(file))
        }
    }
}
