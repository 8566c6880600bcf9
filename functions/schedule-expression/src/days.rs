//! On which days of a month a cron expression runs: the two day fields, of which one is `?`.

use crate::field::Field;
use crate::invalid::{InvalidSchedule, Problem};
use crate::values::{Values, digits, number};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use std::ops::RangeInclusive;

const WEEKS_OF_A_MONTH: RangeInclusive<i16> = 1..=5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Days {
    OfMonth(Values),
    /// `L`
    LastOfMonth,
    /// `LW`: Monday to Friday.
    LastWorkday,
    /// `15W`: the day from Monday to Friday that is nearest to the 15th, in the same month.
    NearestWorkday(i16),
    OfWeek(Values),
    /// `6L`: the last Friday.
    LastOfWeek(i16),
    /// `3#2`: the second Tuesday.
    Nth(i16, i16),
}

impl Days {
    pub(crate) fn parse(of_month: &str, of_week: &str) -> Result<Self, InvalidSchedule> {
        match (of_month, of_week) {
            ("?", "?") => Err(Field::Cron.invalid(Problem::DayFields)),
            ("?", _) => days_of_week(of_week),
            (_, "?") => days_of_month(of_month),
            _ => Err(Field::Cron.invalid(Problem::DayFields)),
        }
    }

    /// The days of the month of `first`, which is its first day, in order.
    pub(crate) fn of(&self, first: Date) -> Vec<Date> {
        let month = first.series(1.day()).take_while(|day| day.month() == first.month());
        month.filter(|day| self.contain(*day)).collect()
    }

    fn contain(&self, day: Date) -> bool {
        match self {
            Self::OfMonth(values) => values.contain(day.day()),
            Self::LastOfMonth => day == day.last_of_month(),
            Self::LastWorkday => is_nearest_workday(day, day.last_of_month()),
            Self::NearestWorkday(wanted) => {
                of_same_month(day, *wanted).is_some_and(|wanted| is_nearest_workday(day, wanted))
            }
            Self::OfWeek(values) => values.contain(day.weekday().to_sunday_one_offset()),
            Self::LastOfWeek(weekday) => is_weekday(day, *weekday) && day.day() > day.days_in_month() - 7,
            Self::Nth(weekday, week) => is_weekday(day, *weekday) && i16::from((day.day() - 1) / 7 + 1) == *week,
        }
    }
}

fn days_of_month(text: &str) -> Result<Days, InvalidSchedule> {
    let field = Field::DayOfMonth;
    match text {
        "L" => Ok(Days::LastOfMonth),
        "LW" => Ok(Days::LastWorkday),
        _ if !text.contains(['L', 'W']) => Ok(Days::OfMonth(Values::parse(field, text)?)),
        _ => match text.strip_suffix('W').filter(|day| digits(day).is_some()) {
            Some(day) => Ok(Days::NearestWorkday(number(field, day)?)),
            None => Err(field.invalid(Problem::NotAlone(text.to_owned()))),
        },
    }
}

fn days_of_week(text: &str) -> Result<Days, InvalidSchedule> {
    let field = Field::DayOfWeek;
    if text == "L" {
        return Ok(Days::OfWeek(Values::parse(field, "SAT")?));
    }
    let is_list = text.contains([',', '-', '/']);
    match (text.split_once('#'), text.strip_suffix('L')) {
        (None, None) => Ok(Days::OfWeek(Values::parse(field, text)?)),
        _ if is_list => Err(field.invalid(Problem::NotAlone(text.to_owned()))),
        (Some((weekday, week)), _) => Ok(Days::Nth(number(field, weekday)?, week_of_month(week)?)),
        (None, Some(weekday)) => Ok(Days::LastOfWeek(number(field, weekday)?)),
    }
}

fn week_of_month(text: &str) -> Result<i16, InvalidSchedule> {
    let (low, high) = WEEKS_OF_A_MONTH.into_inner();
    let week = digits(text).filter(|week| WEEKS_OF_A_MONTH.contains(week));
    week.ok_or_else(|| Field::DayOfWeek.invalid(Problem::NotInRange { text: format!("#{text}"), low, high }))
}

fn is_weekday(day: Date, weekday: i16) -> bool {
    i16::from(day.weekday().to_sunday_one_offset()) == weekday
}

fn of_same_month(day: Date, wanted: i16) -> Option<Date> {
    Date::new(day.year(), day.month(), i8::try_from(wanted).ok()?).ok()
}

/// Whether `day` is from Monday to Friday, and no other such day of the month of `wanted` is nearer to it.
fn is_nearest_workday(day: Date, wanted: Date) -> bool {
    let shift = match wanted.weekday() {
        Weekday::Saturday if wanted.day() == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if wanted == wanted.last_of_month() => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    day.day() == wanted.day() + shift
}
