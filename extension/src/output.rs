//! Lines on standard output and standard error. The process at the other end of a pipe may stop reading. A full pipe must
//! delay neither an invocation nor the end of the process.
//!
//! If the pipe has room, a short line is written at once, which costs least. Any other line goes through a queue to a
//! separate thread, the only one that waits for the pipe. The thread starts when it is first needed, so a sandbox whose
//! lines are read does not pay for it. (`O_NONBLOCK` is no solution: the flag would apply to all processes that write to the
//! same pipe.)
//!
//! If the queue is full, a line is dropped and counted. When the stream accepts lines again, the log says how many are
//! missing.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Bytes of the longest line, its end included: CloudWatch Logs and managed instances accept no longer lines.
pub const MAX_LINE: usize = 64 << 10;

/// Bytes that a pipe accepts in one write if it accepts any: `PIPE_BUF`, see pipe(7).
const AT_ONCE: usize = 4096;

/// The most bytes that wait for the reader in one queue.
const MAX_QUEUED: usize = 128 << 10;

/// How long the end of the process waits for lines that are still queued; Lambda gives it two seconds.
const FLUSH_TIME: Duration = Duration::from_millis(300);

/// Bytes of the writing thread's stack, which are enough to write, and to log that lines were dropped.
const STACK: usize = 128 << 10;

thread_local! {
    /// Whether this thread is the one that writes queued lines. The only thing that it logs itself is how many lines were
    /// dropped. That line must not be dropped, too, so it is accepted even if the queue is full.
    static IS_WRITER: Cell<bool> = const { Cell::new(false) };
}

/// Lines that wait in any queue. While there are any, no other line is written directly: both streams may be the same pipe,
/// and the waiting lines come first.
static WAITING: Mutex<usize> = Mutex::new(0);

static STDOUT: OnceLock<Lines> = OnceLock::new();
static STDERR: OnceLock<Lines> = OnceLock::new();

/// Lines on standard output.
pub fn stdout() -> &'static Lines {
    STDOUT.get_or_init(|| Lines::new("standard output", Stream::Stdout(io::stdout())))
}

/// Lines on standard error.
pub fn stderr() -> &'static Lines {
    STDERR.get_or_init(|| Lines::new("standard error", Stream::Stderr(io::stderr())))
}

/// Waits until everything is written, but not for long, because there may be no reader.
pub fn flush() {
    let until = Instant::now() + FLUSH_TIME;
    // Standard output first: lines that it dropped are a line of standard error.
    for lines in [&STDOUT, &STDERR].into_iter().filter_map(OnceLock::get) {
        lines.flush(until);
    }
}

/// A stream of lines.
#[derive(Debug)]
pub struct Lines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: &'static str,
    stream: Stream,
    state: Mutex<State>,
    /// A line was queued.
    queued: Condvar,
    /// The queue is empty.
    written: Condvar,
}

/// Where lines go. It is the process's own descriptor: making a copy fails if the process has no free descriptor. Lines are
/// written without the buffer of [`io::Stdout`], which could split them.
#[derive(Debug)]
enum Stream {
    Stdout(io::Stdout),
    Stderr(io::Stderr),
    #[cfg(test)]
    Pipe(std::os::fd::OwnedFd),
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stdout(stream) => stream.as_fd(),
            Self::Stderr(stream) => stream.as_fd(),
            #[cfg(test)]
            Self::Pipe(stream) => stream.as_fd(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    /// Bytes in the queue, and of the line that is being written.
    bytes: usize,
    has_thread: bool,
    /// The stream accepted the last line.
    takes_lines: bool,
    /// Lines that were dropped and not yet reported.
    dropped: u64,
}

impl Lines {
    fn new(name: &'static str, stream: Stream) -> Self {
        let state = Mutex::new(State { takes_lines: true, ..State::default() });
        Self(Arc::new(Shared { name, stream, state, queued: Condvar::new(), written: Condvar::new() }))
    }

    /// Writes a line, its end included, queues it, or drops it. Never waits for the stream.
    pub fn write(&self, line: Vec<u8>) {
        let mut waiting = lock(&WAITING);
        let mut state = lock(&self.0.state);
        let rest = if *waiting == 0 { self.0.put_now(line) } else { Ok(line) };
        match rest {
            Ok(rest) if rest.is_empty() => state.takes_lines = true,
            Ok(rest) if state.has_room(rest.len()) && self.has_thread(&mut state) => {
                *waiting += 1;
                state.bytes += rest.len();
                state.queue.push_back(rest);
                self.0.queued.notify_one();
            }
            dropped => {
                state.dropped += 1;
                state.takes_lines &= dropped.is_ok();
                if state.is_to_report() && self.has_thread(&mut state) {
                    self.0.queued.notify_one();
                }
            }
        }
    }

    fn has_thread(&self, state: &mut State) -> bool {
        if !state.has_thread {
            let shared = Arc::clone(&self.0);
            let started =
                thread::Builder::new().name("output".to_owned()).stack_size(STACK).spawn(move || shared.run());
            state.has_thread = started.is_ok();
        }
        state.has_thread
    }

    fn flush(&self, until: Instant) {
        let mut state = lock(&self.0.state);
        while state.has_thread && !state.is_done() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.0.written.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    /// Whether a line of so many bytes may wait.
    fn has_room(&self, length: usize) -> bool {
        length <= MAX_LINE && (self.bytes + length <= MAX_QUEUED || IS_WRITER.get())
    }

    /// Whether nothing is queued, and no dropped lines are to be reported.
    fn is_done(&self) -> bool {
        self.bytes == 0 && !self.is_to_report()
    }

    fn is_to_report(&self) -> bool {
        self.dropped > 0 && self.takes_lines
    }
}

impl Shared {
    /// Writes what the stream accepts without waiting, and returns the rest.
    fn put_now(&self, mut line: Vec<u8>) -> io::Result<Vec<u8>> {
        if line.len() <= AT_ONCE && takes_more(&self.stream) {
            match rustix::io::write(&self.stream, &line) {
                Ok(written) => drop(line.drain(..written)),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(line)
    }

    /// Writes line after line, for as long as the process lives.
    fn run(&self) {
        IS_WRITER.set(true);
        loop {
            let line = self.next();
            let length = line.len();
            let written = self.put(&line);
            drop(line);
            let mut state = lock(&self.state);
            state.bytes -= length;
            state.takes_lines = written.is_ok();
            state.dropped += u64::from(written.is_err());
            drop(state);
            *lock(&WAITING) -= 1;
        }
    }

    /// Waits for a line. Between two lines, it reports those that were dropped.
    fn next(&self) -> Vec<u8> {
        let mut state = lock(&self.state);
        loop {
            if let Some(line) = state.queue.pop_front() {
                return line;
            }
            if state.is_to_report() {
                let lines = std::mem::take(&mut state.dropped);
                drop(state);
                // Its own line goes this same way if it is of standard error, so the lock must be free.
                tracing::error!(lines, stream = self.name, "lines were dropped: they were not read in time");
                state = lock(&self.state);
                continue;
            }
            self.written.notify_all();
            state = self.queued.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Writes a whole line, however long that takes. It also handles a stream that another process has made non-blocking.
    fn put(&self, line: &[u8]) -> io::Result<()> {
        let mut rest = line;
        while !rest.is_empty() {
            match rustix::io::write(&self.stream, rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let _ = poll(&mut [PollFd::new(&self.stream, PollFlags::OUT)], None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Whether a pipe accepts [`AT_ONCE`] bytes now.
fn takes_more(stream: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(stream, PollFlags::OUT)];
    matches!(poll(&mut polled, Some(&Timespec::default())), Ok(1..)) && polled[0].revents().contains(PollFlags::OUT)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, Read};

    fn piped() -> (PipeReader, Lines) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, Lines::new("a pipe", Stream::Pipe(writer.into())))
    }

    fn line(number: usize, length: usize) -> Vec<u8> {
        let mut line = format!("{number:07}").into_bytes();
        line.resize(length - 1, b'.');
        line.push(b'\n');
        line
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[test]
    fn lines_arrive_whole_and_in_order() {
        let (mut reader, lines) = piped();
        let lengths = [10, MAX_LINE, 10, 5_000, 4_096];
        let expected: Vec<u8> =
            lengths.into_iter().enumerate().flat_map(|(number, length)| line(number, length)).collect();
        let mut arrived = vec![0; expected.len()];
        thread::scope(|scope| {
            let reading = scope.spawn(|| reader.read_exact(&mut arrived));
            for (number, length) in lengths.into_iter().enumerate() {
                lines.write(line(number, length));
            }
            reading.join().unwrap().unwrap();
        });
        lines.flush(far());
        assert_eq!(arrived, expected);
        let state = lock(&lines.0.state);
        assert_eq!((state.bytes, state.dropped), (0, 0));
    }

    #[test]
    fn a_stream_that_nobody_reads_drops_lines_and_counts_them() {
        let (mut reader, lines) = piped();
        for number in 0..1_000 {
            lines.write(line(number, 1_000));
        }
        let dropped = lock(&lines.0.state).dropped;
        assert!((700..900).contains(&dropped), "{dropped} of 1000 found no room");
        lines.flush(Instant::now());
        let kept = 1_000 - dropped as usize;
        let mut arrived = vec![0; kept * 1_000];
        reader.read_exact(&mut arrived).unwrap();
        let number = |line: &[u8]| std::str::from_utf8(&line[..7]).unwrap().parse::<usize>().unwrap();
        let numbers: Vec<_> = arrived.chunks(1_000).map(number).collect();
        let expected: Vec<u8> = numbers.iter().flat_map(|number| line(*number, 1_000)).collect();
        assert!(arrived == expected && numbers.is_sorted(), "lines arrive whole and in order: {numbers:?}");
        lines.flush(far());
        assert_eq!(lock(&lines.0.state).dropped, 0, "they were reported");
    }

    /// Standard output may be read again before standard error is.
    #[test]
    fn how_many_were_dropped_finds_room_in_a_full_queue() {
        let (_reader, lines) = piped();
        (0..1_000).for_each(|number| lines.write(line(number, 1_000)));
        let dropped = lock(&lines.0.state).dropped;
        lines.write(line(1_000, MAX_LINE));
        assert_eq!(lock(&lines.0.state).dropped, dropped + 1);
        IS_WRITER.set(true);
        lines.write(line(1_001, MAX_LINE));
        assert_eq!(lock(&lines.0.state).dropped, dropped + 1);
        IS_WRITER.set(false);
    }

    #[test]
    fn a_line_that_is_too_long_is_dropped() {
        let (mut reader, lines) = piped();
        lines.write(line(0, MAX_LINE + 1));
        lines.write(line(1, 8));
        let mut arrived = [0; 8];
        reader.read_exact(&mut arrived).unwrap();
        assert_eq!(&arrived, b"0000001\n");
    }

    #[test]
    fn a_stream_that_was_closed_takes_nothing_and_holds_nobody_up() {
        let (reader, lines) = piped();
        drop(reader);
        for number in 0..10 {
            lines.write(line(number, 10));
            lines.flush(far());
        }
        let state = lock(&lines.0.state);
        assert_eq!((state.dropped, state.bytes, state.takes_lines), (10, 0, false));
    }

    /// Node.js does so to the pipes that it shares with others.
    #[test]
    fn a_stream_that_another_process_made_non_blocking_takes_whole_lines() {
        let (mut reader, lines) = piped();
        rustix::io::ioctl_fionbio(&lines.0.stream, true).unwrap();
        let expected: Vec<u8> = (0..100).flat_map(|number| line(number, 1_000)).collect();
        (0..100).for_each(|number| lines.write(line(number, 1_000)));
        let mut arrived = vec![0; expected.len()];
        reader.read_exact(&mut arrived).unwrap();
        assert!(arrived == expected);
    }
}
