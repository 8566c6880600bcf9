//! The limits, and what is said of counts beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// The head of the file of limits.
const PREAMBLE: &str = "\
# What the hot path may cost. `make counts` fails when a count is above its limit; `make counts UPDATE=1` makes the counts of
# now the limits. A step of the library is named `function.case`, see benches/content.rs; costs of a whole invocation are
# those of the real binary, allocations those of a hundred invocations.
";

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cost {
    Instructions,
    SystemCalls,
    Allocations,
    AllocatedBytes,
    CopiedBytes,
}

impl Cost {
    /// How far above its limit a count may be. Instructions: the compiler is pinned and inputs are fixed, but hash maps are seeded
    /// at random, and code elsewhere changes what is inlined. Bytes: the two lives may differ by one buffer that has nothing to
    /// do with invocations; a payload is more than the slack. Allocations: the same of some tables that grow; one more for each
    /// invocation is twice the slack.
    fn slack(self, limit: u64) -> u64 {
        match self {
            Self::Instructions => limit * 30 / 1000,
            Self::CopiedBytes => limit * 10 / 1000,
            Self::AllocatedBytes => limit * 2 / 1000,
            Self::Allocations => self.invocations() / 2,
            Self::SystemCalls => 0,
        }
    }

    /// Of how many invocations it is the cost: what only some of them need is not rounded up to one for each.
    pub(crate) fn invocations(self) -> u64 {
        if self == Self::Allocations { 100 } else { 1 }
    }
}

/// Numbers by what they count and of what.
type Table = BTreeMap<Cost, BTreeMap<String, u64>>;

/// What was counted.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Counts(Table);

impl Counts {
    pub(crate) fn add(&mut self, cost: Cost, name: &str, count: u64) {
        self.0.entry(cost).or_default().insert(name.to_owned(), count);
    }
}

/// What may be counted at most.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Limits(Table);

/// What is said of one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Within,
    /// The limit no longer holds anything: it should follow the count.
    FarBelow,
    Above,
    /// Counted, and nothing says how much it may be.
    NoLimit,
    /// A limit of what nobody counts any more.
    NotCounted,
}

impl Verdict {
    fn of(cost: Cost, count: Option<u64>, limit: Option<u64>) -> Self {
        let (count, limit) = match (count, limit) {
            (Some(count), Some(limit)) => (count, limit),
            (Some(_), None) => return Self::NoLimit,
            (None, _) => return Self::NotCounted,
        };
        let slack = cost.slack(limit);
        match count {
            count if count > limit + slack => Self::Above,
            count if count < limit.saturating_sub(slack) => Self::FarBelow,
            _ => Self::Within,
        }
    }

    pub(crate) fn fails(self) -> bool {
        matches!(self, Self::Above | Self::NoLimit | Self::NotCounted)
    }

    fn remark(self) -> &'static str {
        match self {
            Self::Within => "",
            Self::FarBelow => "cheaper: lower the limit (make counts UPDATE=1)",
            Self::Above => "ABOVE ITS LIMIT",
            Self::NoLimit => "HAS NO LIMIT",
            Self::NotCounted => "IS NOT COUNTED ANY MORE",
        }
    }
}

/// A count beside its limit.
#[derive(Debug)]
pub(crate) struct Judgement {
    cost: Cost,
    name: String,
    count: Option<u64>,
    limit: Option<u64>,
    pub(crate) verdict: Verdict,
}

impl Limits {
    /// Reads the file of limits.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("no limits in {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} does not list limits", path.display()))
    }

    /// Everything that was counted or limited, with what is to be said of it.
    pub(crate) fn judge(&self, counts: &Counts) -> Vec<Judgement> {
        let names = |table: &Table| -> BTreeSet<_> {
            let names = |(cost, counts): (&Cost, &BTreeMap<_, _>)| {
                counts.keys().map(|name| (*cost, String::clone(name))).collect::<Vec<_>>()
            };
            table.iter().flat_map(names).collect()
        };
        let number = |table: &Table, cost, name: &str| table.get(&cost)?.get(name).copied();
        let judge = |(cost, name): (Cost, String)| {
            let (count, limit) = (number(&counts.0, cost, &name), number(&self.0, cost, &name));
            Judgement { cost, name, count, limit, verdict: Verdict::of(cost, count, limit) }
        };
        names(&counts.0).union(&names(&self.0)).cloned().map(judge).collect()
    }
}

/// Makes the counts the limits.
pub(crate) fn write(path: &Path, counts: &Counts) -> anyhow::Result<()> {
    let text = format!("{PREAMBLE}\n{}", toml::to_string(counts)?);
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// The judgements for people, a line each.
pub(crate) fn table(judgements: &[Judgement]) -> String {
    let mut table = String::new();
    let mut heading = None;
    for Judgement { cost, name, count, limit, verdict } in judgements {
        if heading.replace(*cost) != Some(*cost) {
            let _ = writeln!(table, "{:<44} {:>12} {:>12}", format!("{cost:?}"), "count", "limit");
        }
        let [count, limit] = [count, limit].map(|number| number.map_or_else(|| "-".to_owned(), |n| n.to_string()));
        let line = format!("  {name:<42} {count:>12} {limit:>12}  {}", verdict.remark());
        let _ = writeln!(table, "{}", line.trim_end());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(Cost, Option<u64>, Option<u64>, Verdict); 13] = [
        (Cost::SystemCalls, Some(20), Some(20), Verdict::Within),
        (Cost::SystemCalls, Some(21), Some(20), Verdict::Above),
        (Cost::SystemCalls, Some(19), Some(20), Verdict::FarBelow),
        (Cost::Instructions, Some(1_030), Some(1_000), Verdict::Within),
        (Cost::Instructions, Some(1_031), Some(1_000), Verdict::Above),
        (Cost::AllocatedBytes, Some(1_002), Some(1_000), Verdict::Within),
        (Cost::AllocatedBytes, Some(1_003), Some(1_000), Verdict::Above),
        (Cost::Instructions, Some(970), Some(1_000), Verdict::Within),
        (Cost::Instructions, Some(969), Some(1_000), Verdict::FarBelow),
        (Cost::Allocations, Some(2_150), Some(2_100), Verdict::Within),
        (Cost::Allocations, Some(2_200), Some(2_100), Verdict::Above),
        (Cost::Instructions, Some(1), None, Verdict::NoLimit),
        (Cost::Instructions, None, Some(1), Verdict::NotCounted),
    ];

    #[test]
    fn a_count_is_judged_by_its_limit_and_what_it_counts() {
        for (cost, count, limit, verdict) in CASES {
            assert_eq!(Verdict::of(cost, count, limit), verdict, "{cost:?} {count:?} of {limit:?}");
        }
    }

    #[test]
    fn what_is_dearer_or_forgotten_fails_and_what_is_cheaper_does_not() {
        let failing = [Verdict::Above, Verdict::NoLimit, Verdict::NotCounted];
        assert!(failing.into_iter().all(Verdict::fails));
        assert!(![Verdict::Within, Verdict::FarBelow].into_iter().any(Verdict::fails));
    }

    #[test]
    fn counts_made_limits_are_kept() {
        let mut counts = Counts::default();
        counts.add(Cost::Instructions, "hydrate_plan.nothing", 7);
        counts.add(Cost::SystemCalls, "passing 1 KiB", 0);
        let limits: Limits = toml::from_str(&toml::to_string(&counts).unwrap()).unwrap();
        let verdicts: Vec<_> = limits.judge(&counts).iter().map(|judgement| judgement.verdict).collect();
        assert_eq!(verdicts, [Verdict::Within, Verdict::Within]);
    }
}
