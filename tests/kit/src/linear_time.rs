//! Whether work takes linear time: it is done on two lengths, and the longer may take only so much longer. Time is the thread's own, so
//! other load does not count; quadratic work would be far above the gate.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time that this thread has had so far.
pub fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::from_secs(now.tv_sec.unsigned_abs()) + Duration::from_nanos(now.tv_nsec.unsigned_abs())
}

/// Time that `work` takes this thread: the least of three, or the first that is not longer than `enough`.
pub fn time(enough: Duration, work: impl Fn()) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..3 {
        let before = cpu_time();
        work();
        least = least.min(cpu_time().saturating_sub(before));
        if least <= enough {
            break;
        }
    }
    least
}
