//! The shell in a terminal, as a person has it: keys go in, and what is asserted is what stands on the screen.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::termios::{LocalFlags, tcgetattr};
use rexpect::process::PtyProcess;

const ROWS: u16 = 50;
const COLUMNS: u16 = 110;
/// Long enough for a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const ENTER: &str = "\r";
pub(crate) const TAB: &str = "\t";
pub(crate) const UP: &str = "\x1b[A";
pub(crate) const CONTROL_C: &str = "\x03";
pub(crate) const CONTROL_D: &str = "\x04";

/// A terminal with a shell in it.
pub(crate) struct Terminal {
    process: PtyProcess,
    keyboard: File,
    display: Arc<Display>,
}

/// What the shell has written, and a bell for those who wait for more.
struct Display {
    written: Mutex<Written>,
    changed: Condvar,
}

struct Written {
    bytes: Vec<u8>,
    emulator: vt100::Parser,
    is_at_end: bool,
}

impl Display {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn nothing() -> Self {
        let size = |count| NonZeroU16::new(count).expect("a terminal has lines and columns");
        Self { bytes: Vec::new(), emulator: vt100::Parser::new(size(ROWS), size(COLUMNS), 0), is_at_end: false }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.emulator.process(bytes);
    }

    /// The lines on the screen, without the empty ones at its foot.
    fn screen(&self) -> String {
        self.emulator.screen().contents()
    }
}

impl Terminal {
    /// Starts the shell with an empty screen and that history.
    pub(crate) fn start(arguments: &[&str], history: &Path) -> Self {
        // A new terminal has no size.
        let script = format!("stty rows {ROWS} cols {COLUMNS}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_manicule")]).args(arguments);
        command.env("TERM", "xterm-256color").env("MANICULE_HISTORY", history).env_remove("NO_COLOR");
        let mut process = PtyProcess::new(command).expect("a terminal can be had");
        process.set_kill_timeout(Some(1000));
        let keyboard = process.get_file_handle().expect("the terminal is open");
        let mut output = process.get_file_handle().expect("the terminal is open");
        let display = Arc::new(Display { written: Mutex::new(Written::nothing()), changed: Condvar::new() });
        let shown = Arc::clone(&display);
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            // Reading fails when the shell has gone.
            while let Ok(count @ 1..) = output.read(&mut chunk) {
                shown.lock().add(&chunk[..count]);
                shown.changed.notify_all();
            }
            shown.lock().is_at_end = true;
            shown.changed.notify_all();
        });
        let terminal = Self { process, keyboard, display };
        terminal.wait("the prompt", |screen| screen.ends_with("manicule>"));
        terminal
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: impl AsRef<[u8]>) {
        self.keyboard.write_all(keys.as_ref()).expect("the terminal takes keys");
    }

    /// Presses the keys and Enter, and waits until this is on the screen and the prompt is there again.
    pub(crate) fn run(&mut self, keys: &str, expected: &str) -> String {
        self.press(keys);
        self.press(ENTER);
        self.wait(expected, |screen| screen.contains(expected) && screen.ends_with("manicule>"))
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn wait(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        self.wait_for(PATIENCE, |written| is_there(written.screen().trim_end()))
            .unwrap_or_else(|screen| panic!("{what} does not come; the screen is\n{screen}"))
    }

    /// Waits until all that was ever written has this in it.
    pub(crate) fn wait_for_output(&self, expected: &str) {
        let has = |written: &Written| String::from_utf8_lossy(&written.bytes).contains(expected);
        self.wait_for(PATIENCE, has).unwrap_or_else(|screen| panic!("{expected:?} does not come\n{screen}"));
    }

    /// Waits until the shell has gone.
    pub(crate) fn wait_for_end(&self) {
        self.wait_for(PATIENCE, |written| written.is_at_end)
            .unwrap_or_else(|screen| panic!("the shell does not leave\n{screen}"));
    }

    /// Waits until the shell reads no keys, because a statement runs: then Ctrl-C is a signal.
    pub(crate) fn wait_until_busy(&self) {
        let start = Instant::now();
        while !tcgetattr(&self.keyboard).expect("the terminal is open").local_flags.contains(LocalFlags::ISIG) {
            assert!(start.elapsed() < PATIENCE, "the shell still reads keys\n{}", self.display.lock().screen());
            thread::yield_now();
        }
    }

    /// How long the shell takes to show the prompt after these keys; nothing if that is longer than `most`.
    pub(crate) fn time_to_prompt(&mut self, keys: &str, most: Duration) -> Option<Duration> {
        let before = self.display.lock().bytes.len();
        let start = Instant::now();
        self.press(keys);
        let prompted = |written: &Written| {
            let new = String::from_utf8_lossy(&written.bytes[before..]);
            new.contains("cancelled") && written.screen().trim_end().ends_with("manicule>")
        };
        self.wait_for(most, prompted).ok().map(|_| start.elapsed())
    }

    /// The screen once it is as wanted, or as it is when the time is over.
    fn wait_for(&self, most: Duration, is_there: impl Fn(&Written) -> bool) -> Result<String, String> {
        let written = self.display.lock();
        let (written, timeout) = self
            .display
            .changed
            .wait_timeout_while(written, most, |written| !is_there(written) && !written.is_at_end)
            .unwrap_or_else(PoisonError::into_inner);
        let is_there = !timeout.timed_out() && is_there(&written);
        if is_there { Ok(written.screen()) } else { Err(written.screen()) }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed leaves a shell behind.
        let _ = self.process.exit();
    }
}
