//! What a process has used, as the kernel counts it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};

/// Processor time of each thread of a process so far.
///
/// Read from `schedstat`, in nanoseconds: `stat` counts in hundredths of a second. What a thread used after the last reading
/// goes with it when it ends; threads of a pool end after seconds of idleness, so that is nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct CpuTime(BTreeMap<String, Duration>);

impl CpuTime {
    /// Of the process `pid`, until now.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        threads(pid)?.into_iter().map(|thread| Ok((thread.clone(), on_processor(pid, &thread)?))).collect()
    }

    /// What was used since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let used = |(thread, now): (&String, &Duration)| {
            now.saturating_sub(earlier.0.get(thread).copied().unwrap_or_default())
        };
        self.0.iter().map(used).sum()
    }
}

impl FromIterator<(String, Duration)> for CpuTime {
    fn from_iter<I: IntoIterator<Item = (String, Duration)>>(threads: I) -> Self {
        Self(threads.into_iter().collect())
    }
}

fn threads(pid: u32) -> anyhow::Result<Vec<String>> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("process {pid} is gone"))?;
    tasks.map(|task| Ok(task?.file_name().to_string_lossy().into_owned())).collect()
}

fn on_processor(pid: u32, thread: &str) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/task/{thread}/schedstat");
    // A thread that ended meanwhile used nothing that could be told.
    let text = fs::read_to_string(&path).unwrap_or_else(|_| "0".to_owned());
    let first = text.split_whitespace().next().and_then(|word| word.parse().ok());
    first.map(Duration::from_nanos).ok_or_else(|| anyhow!("{path}: {text:?}"))
}

/// The most memory that process `pid` has had, in KiB.
pub(crate) fn peak_rss(pid: u32) -> anyhow::Result<u64> {
    status(pid, "VmHWM")
}

/// The memory that process `pid` has now, in KiB.
pub(crate) fn rss(pid: u32) -> anyhow::Result<u64> {
    status(pid, "VmRSS")
}

/// How often each thread of a process gave up a processor so far: after every time that it ran.
#[derive(Debug, Clone)]
pub(crate) struct Switches(BTreeMap<String, u64>);

impl Switches {
    /// Of the process `pid`, until now.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        // A thread that ended meanwhile is left out: a process without any is gone.
        let of = |thread: String| {
            let task = format!("{pid}/task/{thread}");
            let switches =
                field(&task, "voluntary_ctxt_switches").ok()? + field(&task, "nonvoluntary_ctxt_switches").ok()?;
            Some((thread, switches))
        };
        let switches: BTreeMap<_, _> = threads(pid)?.into_iter().filter_map(of).collect();
        ensure!(!switches.is_empty(), "process {pid} is gone");
        Ok(Self(switches))
    }

    /// What was added since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> u64 {
        self.0.iter().map(|(thread, now)| now.saturating_sub(earlier.0.get(thread).copied().unwrap_or_default())).sum()
    }
}

fn status(pid: u32, name: &str) -> anyhow::Result<u64> {
    field(&pid.to_string(), name)
}

/// A number of the status file of a process, or of one of its threads.
fn field(task: &str, name: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{task}/status")).with_context(|| format!("process {task} is gone"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| anyhow!("process {task} has no {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(threads: &[(&str, u64)]) -> CpuTime {
        threads.iter().map(|(thread, nanos)| ((*thread).to_owned(), Duration::from_nanos(*nanos))).collect()
    }

    #[test]
    fn threads_that_came_count_and_threads_that_went_do_not() {
        let (before, after) = (cpu(&[("1", 100), ("2", 50)]), cpu(&[("1", 130), ("3", 7)]));
        assert_eq!(after.since(&before), Duration::from_nanos(37));
    }

    #[test]
    fn work_shows_in_this_process() {
        let pid = std::process::id();
        let before = CpuTime::of(pid).unwrap();
        while CpuTime::of(pid).unwrap().since(&before) < Duration::from_micros(100) {}
        assert!(peak_rss(pid).unwrap() > 100);
    }

    #[test]
    fn a_thread_that_waits_is_seen_to_switch() {
        let pid = std::process::id();
        let before = Switches::of(pid).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let waiting = std::thread::spawn(move || receiver.recv());
        while Switches::of(pid).unwrap().since(&before) == 0 {}
        sender.send(()).unwrap();
        waiting.join().unwrap().unwrap();
    }
}
