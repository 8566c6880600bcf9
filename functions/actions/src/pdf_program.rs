//! PDF files as text, by another process.
//!
//! Anybody may have written the file. No parser of PDF was found that neither panics, nor takes all memory or time, whatever is in it; so
//! the parser runs in a separate process, which may end in any way, and has limits for memory and time
//! ([ADR 30](../../../docs/adr/0030-pdf-in-a-process.md)).

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::tool_error::ToolError;

/// What tells the program that it is to read a PDF file from its standard input, and to print its text.
pub const PDF_TO_TEXT: &str = "--pdf-to-text";

/// A file that takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of text of one file.
const LONGEST: u64 = 8 << 20;

/// Bytes of what the program says is wrong.
const LONGEST_REASON: u64 = 256;

/// A program that prints the text of the PDF file on its standard input, if it is called with [`PDF_TO_TEXT`].
#[derive(Debug, Clone)]
pub struct PdfProgram(PathBuf);

impl PdfProgram {
    /// The program at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The text of a file, or why there is none.
    pub(crate) async fn text(&self, file: &[u8]) -> Result<String, ToolError> {
        let read = timeout(TIMEOUT, self.read(file)).await;
        let read = read.map_err(|_| refused(&format!("it takes more than {} seconds", TIMEOUT.as_secs())))?;
        read.map_err(|error| refused(&error.to_string()))?
    }

    /// The process ends with this future, whichever way.
    async fn read(&self, file: &[u8]) -> std::io::Result<Result<String, ToolError>> {
        let mut child = self.start()?;
        let (mut input, output) = (child.stdin.take(), child.stdout.take());
        let errors = child.stderr.take();
        // A program that has seen enough closes its input.
        let write = async {
            if let Some(input) = &mut input {
                drop(input.write_all(file).await);
            }
            drop(input);
        };
        let (text, reason, ()) = tokio::join!(all(output, LONGEST + 1), all(errors, LONGEST_REASON), write);
        let has_succeeded = text.len() as u64 > LONGEST || child.wait().await?.success();
        Ok(judged(has_succeeded, &text, &reason))
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&self.0);
        command.arg(PDF_TO_TEXT).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn()
    }
}

/// At most `most` bytes of a stream; what was read before an error counts.
async fn all(stream: Option<impl AsyncReadExt + Unpin>, most: u64) -> Vec<u8> {
    let mut bytes = vec![];
    if let Some(stream) = stream {
        drop(stream.take(most).read_to_end(&mut bytes).await);
    }
    bytes
}

fn judged(has_succeeded: bool, text: &[u8], reason: &[u8]) -> Result<String, ToolError> {
    if text.len() as u64 > LONGEST {
        return Err(refused(&format!("its text has more than {LONGEST} bytes")));
    }
    if !has_succeeded {
        let reason = String::from_utf8_lossy(reason);
        let reason = reason.lines().next().unwrap_or("the program that reads it ended");
        return Err(refused(reason));
    }
    let text = String::from_utf8_lossy(text).trim().to_owned();
    if text.is_empty() { Err(refused("it has no text; perhaps its pages are pictures")) } else { Ok(text) }
}

fn refused(reason: &str) -> ToolError {
    ToolError::new(format!("the PDF file cannot be read: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_is_missing_or_fails_is_an_error_in_words() {
        let said = |error: ToolError| error.to_string();
        let missing = PdfProgram::at("/nowhere/at/all").text(b"%PDF").await.map_err(said);
        assert!(missing.expect_err("no program").starts_with("the PDF file cannot be read: No such file"));
        let fails = PdfProgram::at("/bin/false").text(&vec![0; 1 << 20]).await.map_err(said);
        assert_eq!(fails, Err("the PDF file cannot be read: the program that reads it ended".to_owned()));
    }

    #[test]
    fn a_text_is_what_was_printed_if_there_is_any() {
        assert_eq!(judged(true, b" text\n", b""), Ok("text".to_owned()));
        let reasons = [
            judged(true, b"\n\x0c\n", b""),
            judged(true, &vec![b'a'; LONGEST as usize + 1], b""),
            judged(false, b"half", b"it is encrypted\nat 5"),
        ];
        let parts = ["no text", "more than 8388608 bytes", "cannot be read: it is encrypted"];
        for (outcome, part) in reasons.into_iter().zip(parts) {
            let said = outcome.expect_err(part).to_string();
            assert!(said.contains(part) && !said.contains("at 5"), "{said}");
        }
    }
}
