//! Server-sent events, in which models answer piece by piece.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

/// What has come of a stream of events and is not a whole event yet.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: Option<String>,
}

impl Events {
    /// The data of each event that these bytes complete, in order.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        let mut lines = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = lines.next() {
            self.line.extend_from_slice(part);
            if lines.peek().is_some() {
                complete.extend(self.end_line());
            }
        }
        complete
    }

    /// The data of the event that ends with this line, if one does: an empty line ends it.
    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line.is_empty() {
            return self.data.take();
        }
        let data = line.strip_prefix(b"data:")?;
        let data = String::from_utf8_lossy(data.strip_prefix(b" ").unwrap_or(data));
        match &mut self.data {
            Some(before) => *before = format!("{before}\n{data}"),
            None => self.data = Some(data.into_owned()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": ping\n\nevent: a\ndata: {\"n\":1}\n\ndata:x\r\ndata: y\r\n\r\nid: 7\n\ndata: ä\n\ndata: cut";

    #[test]
    fn data_is_complete_at_the_empty_line() {
        assert_eq!(Events::default().push(STREAM.as_bytes()), ["{\"n\":1}", "x\ny", "ä"]);
    }

    #[test]
    fn the_cuts_between_pieces_do_not_matter() {
        for length in 1..STREAM.len() {
            let mut events = Events::default();
            let found: Vec<_> = STREAM.as_bytes().chunks(length).flat_map(|piece| events.push(piece)).collect();
            assert_eq!(found, ["{\"n\":1}", "x\ny", "ä"], "pieces of {length} bytes");
        }
    }
}
