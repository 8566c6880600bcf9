//! Which executions have ended, as the interpreter tells line by line: see `local/interpreter/endings.py`.

use serde::Deserialize;
use std::collections::HashSet;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::sync::watch;

/// The ARNs of all executions that have ended. Executions are kept as long as the interpreter lives, and so are these.
#[derive(Debug)]
pub(super) struct Endings(watch::Receiver<HashSet<String>>);

/// The interpreter went away.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Silent;

#[derive(Deserialize)]
struct Ending {
    ended: String,
}

impl Endings {
    /// Takes in what the interpreter tells until it ends.
    pub(super) fn told_by(interpreter: impl AsyncBufRead + Send + Unpin + 'static) -> Self {
        let (arns, endings) = watch::channel(HashSet::new());
        let mut lines = interpreter.lines();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                match serde_json::from_str(&line) {
                    Ok(Ending { ended }) => arns.send_modify(|arns| arns.extend([ended])),
                    Err(error) => tracing::warn!(%error, "the state machines' interpreter printed an unexpected line"),
                }
            }
        });
        Self(endings)
    }

    /// Waits until an execution has ended.
    pub(super) async fn of(&self, arn: &str) -> Result<(), Silent> {
        let told = self.0.clone().wait_for(|arns| arns.contains(arn)).await.map(drop);
        told.map_err(|_| Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt, BufReader};

    #[tokio::test]
    async fn an_ending_is_told_to_who_waits_and_to_who_comes_later() {
        let (mut interpreter, output) = tokio::io::duplex(1024);
        let endings = Endings::told_by(BufReader::new(output));
        let tell = interpreter.write_all(b"{\"ended\":\"other\"}\nno JSON\n{\"ended\":\"one\"}\n");
        let (told, one) = tokio::join!(tell, endings.of("one"));
        told.expect("a line");
        assert_eq!((one, endings.of("one").await), (Ok(()), Ok(())));
    }

    #[tokio::test]
    async fn an_interpreter_that_goes_away_ends_the_wait_for_what_it_did_not_tell() {
        let endings = Endings::told_by(&b"{\"ended\":\"one\"}\n"[..]);
        assert_eq!((endings.of("other").await, endings.of("one").await), (Err(Silent), Ok(())));
    }
}
