//! Lanes take turns in blocks of invocations, so that what else the machine does hits all of them alike.

use std::time::Duration;

use crate::figures::{Figure, Figures};
use crate::lane::Running;
use crate::runtime::Timing;
use crate::statistics::Percentiles;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Turns of every lane.
    pub(crate) blocks: usize,
    /// Invocations of one turn.
    pub(crate) invocations: usize,
}

/// What one lane's turns gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    timings: Vec<Timing>,
    cpu: Duration,
}

impl Sample {
    /// The sample as numbers.
    pub(crate) fn figures(&self, lane: &Running) -> anyhow::Result<Figures> {
        use Figure as F;
        let mut figures = Figures::default();
        let of = |time: fn(&Timing) -> Duration| Percentiles::of(self.timings.iter().map(time));
        figures
            .set_percentiles([F::TotalP50Us, F::TotalP90Us, F::TotalP99Us], of(|timing| timing.next + timing.response));
        figures.set_percentiles([F::NextP50Us, F::NextP90Us, F::NextP99Us], of(|timing| timing.next));
        figures.set_percentiles([F::ResponseP50Us, F::ResponseP90Us, F::ResponseP99Us], of(|timing| timing.response));
        if let Some(peak) = lane.peak_rss()? {
            figures.set(F::CpuUs, self.cpu.as_secs_f64() * 1e6 / self.timings.len() as f64);
            figures.set(F::PeakRssKib, peak as f64);
        }
        Ok(figures)
    }
}

/// Lets every lane do `invocation` in turns, the first turn unmeasured.
pub(crate) async fn alternate(
    lanes: &mut [Running],
    effort: Effort,
    mut invocation: impl AsyncFnMut(&mut Running) -> anyhow::Result<Timing>,
) -> anyhow::Result<Vec<Sample>> {
    let mut samples = vec![Sample::default(); lanes.len()];
    for block in 0..=effort.blocks {
        for turn in 0..lanes.len() {
            let nth = (block + turn) % lanes.len();
            let sample = one_block(&mut lanes[nth], effort.invocations, &mut invocation).await?;
            if block > 0 {
                samples[nth].timings.extend(sample.timings);
                samples[nth].cpu += sample.cpu;
            }
        }
    }
    Ok(samples)
}

async fn one_block(
    lane: &mut Running,
    invocations: usize,
    invocation: &mut impl AsyncFnMut(&mut Running) -> anyhow::Result<Timing>,
) -> anyhow::Result<Sample> {
    let (before, mut timings) = (lane.cpu_time()?, Vec::with_capacity(invocations));
    for _ in 0..invocations {
        timings.push(invocation(lane).await?);
    }
    Ok(Sample { timings, cpu: lane.cpu_time()?.since(&before) })
}
