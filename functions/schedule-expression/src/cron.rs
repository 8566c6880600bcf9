//! `cron(0 12 * * ? *)`: by the calendar.

use crate::days::Days;
use crate::field::Field;
use crate::invalid::{InvalidSchedule, Problem};
use crate::values::Values;
use jiff::civil::{Date, DateTime, Time, date, time};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: Values,
    hours: Values,
    days: Days,
    months: Values,
    years: Values,
}

impl Cron {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        // Only the space of ASCII: others look the same, and AWS refuses them.
        let fields: Vec<_> = text.split(' ').filter(|field| !field.is_empty()).collect();
        let [minutes, hours, of_month, month, of_week, year] = fields[..] else {
            return Err(Field::Cron.invalid(Problem::FieldCount(fields.len())));
        };
        Ok(Self {
            minutes: Values::parse(Field::Minutes, minutes)?,
            hours: Values::parse(Field::Hours, hours)?,
            days: Days::parse(of_month, of_week)?,
            months: Values::parse(Field::Month, month)?,
            years: Values::parse(Field::Year, year)?,
        })
    }

    /// The local times from `start` on, in order. Whether a time zone has them all is not asked here.
    pub(crate) fn from(&self, start: DateTime) -> impl Iterator<Item = DateTime> + '_ {
        self.days_from(start.date()).flat_map(move |day| {
            let first = if day == start.date() { start.time() } else { Time::midnight() };
            self.times().filter(move |time| *time >= first).map(move |time| day.to_datetime(time))
        })
    }

    fn days_from(&self, first: Date) -> impl Iterator<Item = Date> + '_ {
        self.months_from(first.first_of_month()).flat_map(|month| self.days.of(month)).filter(move |day| *day >= first)
    }

    /// The first days of the months.
    fn months_from(&self, first: Date) -> impl Iterator<Item = Date> + '_ {
        let years = self.years.from(first.year());
        years
            .flat_map(|year| self.months.iter().map(move |month| date(year, month as i8, 1)))
            .filter(move |month| *month >= first)
    }

    fn times(&self) -> impl Iterator<Item = Time> + '_ {
        self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| time(hour as i8, minute as i8, 0, 0)))
    }
}
