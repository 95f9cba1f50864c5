//! Any text as SQL: no panic, no hang, the next statement works.

#![no_main]

#[path = "../../sql/tests/support/any_text.rs"]
mod any_text;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| any_text::run(text));
