//! The text of a PDF file, in a process with limits of memory and time: the parser may panic, overflow its stack or take all there is.
//!
//! Why another process, and why this parser: [ADR 30](../../../docs/adr/0030-pdf-in-a-process.md).

use std::io::{self, Read, Write};
use std::panic;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Bytes of a file.
const LONGEST: u64 = 20 << 20;

/// Bytes of memory. A function with 512 MB has that much beside what it needs itself.
const MEMORY: u64 = 320 << 20;

/// Seconds of the processor; the program that started this waits no longer either.
const SECONDS: u64 = 10;

/// Reads a PDF file from the standard input and prints its text. What is wrong with the file is one line on the standard error, and a
/// failure.
pub fn print() -> ExitCode {
    panic::set_hook(Box::new(|_| {})); // Its message would name a line of the parser.
    let text = limited().and_then(|()| file()).and_then(|file| text(&file));
    match text.and_then(|text| io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn limited() -> Result<(), String> {
    let limit = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    let limits = limit(Resource::As, MEMORY).and_then(|()| limit(Resource::Cpu, SECONDS));
    // A core file would hold the document.
    limits.and_then(|()| limit(Resource::Core, 0)).map_err(|error| format!("resource limits cannot be set: {error}"))
}

fn file() -> Result<Vec<u8>, String> {
    let mut file = vec![];
    io::stdin().take(LONGEST + 1).read_to_end(&mut file).map_err(|error| error.to_string())?;
    if file.len() as u64 > LONGEST { Err(format!("it has more than {LONGEST} bytes")) } else { Ok(file) }
}

/// The text of a file, or why there is none.
///
/// # Errors
/// One line for a reader. A panic of the parser is such an error too.
pub fn text(file: &[u8]) -> Result<String, String> {
    let text = panic::catch_unwind(|| pdf_extract::extract_text_from_mem(file));
    let text = text.map_err(|_| "the parser failed".to_owned())?;
    text.map_err(|error| error.to_string().lines().next().unwrap_or("it is damaged").to_owned())
}
