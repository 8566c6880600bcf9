//! The arithmetic of the report.

use std::time::Duration;

/// Percentiles of a sample, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Percentiles {
    /// The median.
    pub p50: f64,
    /// Nine of ten are at most this.
    pub p90: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
}

impl Percentiles {
    /// Of durations, which must not be none.
    pub(crate) fn of(sample: impl IntoIterator<Item = Duration>) -> Self {
        let mut micros: Vec<_> = sample.into_iter().map(|duration| duration.as_secs_f64() * 1e6).collect();
        micros.sort_by(f64::total_cmp);
        Self { p50: percentile(&micros, 50), p90: percentile(&micros, 90), p99: percentile(&micros, 99) }
    }
}

/// The smallest value that `percent` of a hundred values do not exceed: a value that occurred, never one in between.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

/// The median of some values; of an even number the mean of the two in the middle.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    f64::midpoint(values[low], values[high])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentiles(micros: impl IntoIterator<Item = u64>) -> [String; 3] {
        let of = Percentiles::of(micros.into_iter().map(Duration::from_micros));
        [of.p50, of.p90, of.p99].map(|value| format!("{value:.1}"))
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(percentiles((1..=100).rev()), ["50.0", "90.0", "99.0"]);
        assert_eq!(percentiles([7]), ["7.0", "7.0", "7.0"]);
    }

    #[test]
    fn a_few_values_have_their_largest_for_a_99th_percentile() {
        assert_eq!(percentiles([3, 1, 2]), ["2.0", "3.0", "3.0"]);
    }

    #[test]
    fn medians_lie_in_the_middle() {
        for (values, expected) in [(vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0], 2.5)] {
            assert!((median(values) - expected).abs() < f64::EPSILON);
        }
    }
}
