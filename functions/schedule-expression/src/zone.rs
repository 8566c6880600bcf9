//! Time zones, and what happens to local times when the clocks change.

use crate::field::Field;
use crate::invalid::{InvalidSchedule, Problem};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use std::sync::LazyLock;

/// The longest name of a time zone that EventBridge Scheduler takes, in bytes.
const LONGEST_ZONE: usize = 50;

/// The zones that jiff brings along.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// The zone with exactly this name: jiff itself takes any letter case, and AWS does not.
    pub(crate) fn named(name: &str) -> Result<Self, InvalidSchedule> {
        let invalid = |problem| Field::Timezone.invalid(problem);
        if name.len() > LONGEST_ZONE {
            return Err(invalid(Problem::TooLong { limit: LONGEST_ZONE }));
        }
        let unknown = || invalid(Problem::UnknownZone(name.to_owned()));
        let zone = ZONES.get(name).map_err(|_| unknown())?;
        match zone.iana_name() {
            Some(right) if right == name => Ok(Self(zone)),
            Some(right) => Err(invalid(Problem::ZoneSpelling { given: name.to_owned(), right: right.to_owned() })),
            None => Err(unknown()),
        }
    }

    pub(crate) fn local(&self, time: Timestamp) -> DateTime {
        self.0.to_datetime(time)
    }

    /// When it is this time for the first time; `None` if the clocks skip it.
    pub(crate) fn first(&self, local: DateTime) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } => None,
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        }
    }
}
