//! Contenders take turns in blocks of invocations, so that what else the machine does hits all of them alike.

use std::time::Duration;

use crate::figures::{Figure, Figures};
use crate::process::CpuTime;
use crate::runtime::Timing;
use crate::statistics::Percentiles;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Turns of every contender.
    pub(crate) blocks: usize,
    /// Invocations of one turn.
    pub(crate) invocations: usize,
}

/// Who takes turns.
pub(crate) trait Contender {
    /// Its name in the report.
    fn name(&self) -> &str;

    /// One invocation.
    async fn invoke(&mut self) -> anyhow::Result<Timing>;

    /// The process that does its work, if that is another one.
    fn pid(&self) -> Option<u32>;
}

/// What one contender's turns gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    timings: Vec<Timing>,
    cpu: Duration,
}

impl Sample {
    fn add(&mut self, other: Self) {
        self.timings.extend(other.timings);
        self.cpu += other.cpu;
    }

    /// The sample as numbers; `peak_rss` is in KiB and there is none without a process.
    pub(crate) fn figures(&self, peak_rss: Option<u64>) -> Figures {
        use Figure as F;
        let mut figures = Figures::default();
        let of = |time: fn(&Timing) -> Duration| Percentiles::of(self.timings.iter().map(time));
        let total = of(|timing| timing.next + timing.response);
        figures.set_percentiles([F::TotalP50Us, F::TotalP90Us, F::TotalP99Us], total);
        figures.set_percentiles([F::NextP50Us, F::NextP90Us, F::NextP99Us], of(|timing| timing.next));
        figures.set_percentiles([F::ResponseP50Us, F::ResponseP90Us, F::ResponseP99Us], of(|timing| timing.response));
        if let Some(peak) = peak_rss {
            figures.set(F::CpuUs, self.cpu.as_secs_f64() * 1e6 / self.timings.len() as f64);
            figures.set(F::PeakRssKib, peak as f64);
        }
        figures
    }
}

/// Lets every contender invoke in turns, the first turn unmeasured.
pub(crate) async fn alternate<C: Contender>(contenders: &mut [C], effort: Effort) -> anyhow::Result<Vec<Sample>> {
    let mut samples = vec![Sample::default(); contenders.len()];
    for block in 0..=effort.blocks {
        for turn in 0..contenders.len() {
            let nth = (block + turn) % contenders.len();
            let sample = one_block(&mut contenders[nth], effort.invocations).await?;
            if block > 0 {
                samples[nth].add(sample);
            }
        }
    }
    Ok(samples)
}

async fn one_block(contender: &mut impl Contender, invocations: usize) -> anyhow::Result<Sample> {
    let (before, mut timings) = (cpu_time(contender)?, Vec::with_capacity(invocations));
    for _ in 0..invocations {
        timings.push(contender.invoke().await?);
    }
    Ok(Sample { timings, cpu: cpu_time(contender)?.since(&before) })
}

fn cpu_time(contender: &impl Contender) -> anyhow::Result<CpuTime> {
    contender.pid().map_or_else(|| Ok(CpuTime::default()), CpuTime::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting<'a>(&'static str, &'a std::cell::RefCell<String>);

    impl Contender for Counting<'_> {
        fn name(&self) -> &str {
            self.0
        }

        async fn invoke(&mut self) -> anyhow::Result<Timing> {
            self.1.borrow_mut().push_str(self.0);
            Ok(Timing { next: Duration::from_micros(1), response: Duration::from_micros(2) })
        }

        fn pid(&self) -> Option<u32> {
            None
        }
    }

    #[tokio::test]
    async fn turns_rotate_and_the_first_is_not_counted() {
        let order = std::cell::RefCell::default();
        let mut contenders = [Counting("a", &order), Counting("b", &order), Counting("c", &order)];
        let samples = alternate(&mut contenders, Effort { blocks: 2, invocations: 2 }).await.unwrap();
        assert_eq!(order.take(), "aabbcc bbccaa ccaabb".replace(' ', ""));
        assert!(samples.iter().all(|sample| sample.timings.len() == 4));
        assert_eq!(samples[0].figures(None).get(Figure::TotalP50Us).map(f64::round), Some(3.0));
    }
}
