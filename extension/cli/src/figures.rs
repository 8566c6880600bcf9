//! Figures as people read them.

/// Bytes, in the largest unit that leaves at least one.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scaled = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if scaled < 1023.95 {
            break;
        }
        (scaled, unit) = (scaled / 1024.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{scaled:.1} {unit}") }
}

/// When something ends, seen from `now`; both in seconds since the Unix epoch.
pub(crate) fn expiry(end: Option<u64>, now: u64) -> String {
    match end {
        None => "never".to_owned(),
        Some(end) if end <= now => format!("{} ago", duration(now - end)),
        Some(end) => format!("in {}", duration(end - now)),
    }
}

fn duration(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h {} min", seconds / HOUR, seconds % HOUR / MINUTE),
        _ => format!("{} d {} h", seconds / DAY, seconds % DAY / HOUR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_one_digit_behind_the_point() {
        let sizes = [0, 1023, 1024, 5_242_880, 1_048_575, u64::MAX];
        assert_eq!(sizes.map(bytes), ["0 B", "1023 B", "1.0 KiB", "5.0 MiB", "1.0 MiB", "16384.0 PiB"]);
    }

    #[test]
    fn times_are_seen_from_now() {
        let ends = [None, Some(100), Some(99), Some(159), Some(3_700), Some(3_700 + 86_400)];
        assert_eq!(
            ends.map(|end| expiry(end, 100)),
            ["never", "0 s ago", "1 s ago", "in 59 s", "in 1 h 0 min", "in 1 d 1 h"]
        );
    }
}
