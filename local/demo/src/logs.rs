//! The functions' log: shown while they run, or kept for the case that something fails.

use lambda_local::LogLine;
use std::fmt::Write as _;
use std::io::Write as _;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

/// Tells the user something beside the figures. A user who closed standard error does not want to know.
pub fn tell(message: &str) {
    drop(std::io::stderr().write_all(message.as_bytes()));
}

/// Takes in the log until it ends. What was not shown at once is handed back.
pub(crate) fn gather(mut lines: UnboundedReceiver<LogLine>, at_once: bool) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut kept = String::new();
        while let Some(line) = lines.recv().await {
            if at_once {
                tell(&format!("{line}\n"));
            } else {
                writeln!(kept, "{line}").expect("BUG: a String takes everything");
            }
        }
        kept
    })
}
