//! A field of numbers: `*`, `5`, `MON-FRI`, `0/15` and lists of those.

use crate::field::Field;
use crate::invalid::{InvalidSchedule, Problem};
use std::collections::BTreeSet;

/// The numbers that a field means, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values(BTreeSet<i16>);

impl Values {
    pub(crate) fn parse(field: Field, text: &str) -> Result<Self, InvalidSchedule> {
        let mut numbers = BTreeSet::new();
        for part in text.split(',') {
            numbers.extend(numbers_of(field, part)?);
        }
        Ok(Self(numbers))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = i16> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn from(&self, first: i16) -> impl Iterator<Item = i16> + '_ {
        self.0.range(first..).copied()
    }

    pub(crate) fn contain(&self, number: i8) -> bool {
        self.0.contains(&i16::from(number))
    }
}

/// A number or a name, within the field's range.
pub(crate) fn number(field: Field, text: &str) -> Result<i16, InvalidSchedule> {
    let (low, high) = field.range().into_inner();
    let named = field.names().iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = match named {
        Some(index) => i16::try_from(index + 1).ok(),
        None => digits(text).filter(|number| field.range().contains(number)),
    };
    number.ok_or_else(|| field.invalid(Problem::NotInRange { text: text.to_owned(), low, high }))
}

/// Digits only: Rust also reads `+5`.
pub(crate) fn digits(text: &str) -> Option<i16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn numbers_of(field: Field, part: &str) -> Result<Vec<i16>, InvalidSchedule> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step_of(field, part, step)?)),
        None => (part, None),
    };
    let (first, last) = ends(field, range, step.is_some())?;
    Ok(between(field, first, last).step_by(step.unwrap_or(1)).collect())
}

fn step_of(field: Field, part: &str, step: &str) -> Result<usize, InvalidSchedule> {
    if !field.has_steps() {
        return Err(field.invalid(Problem::NoSteps(part.to_owned())));
    }
    let step = digits(step).filter(|step| (1..=*field.range().end()).contains(step));
    step.and_then(|step| usize::try_from(step).ok()).ok_or_else(|| field.invalid(Problem::Step(part.to_owned())))
}

/// A single number with a step goes on to the field's last.
fn ends(field: Field, range: &str, has_step: bool) -> Result<(i16, i16), InvalidSchedule> {
    let (low, high) = field.range().into_inner();
    if range == "*" {
        return Ok((low, high));
    }
    let Some((first, last)) = range.split_once('-') else {
        let first = number(field, range)?;
        return Ok((first, if has_step { high } else { first }));
    };
    let (first, last) = (number(field, first)?, number(field, last)?);
    if last < first && !field.is_cyclic() {
        return Err(field.invalid(Problem::Backwards(range.to_owned())));
    }
    Ok((first, last))
}

/// From `first` on, past the field's last number if `last` is before `first`.
fn between(field: Field, first: i16, last: i16) -> impl Iterator<Item = i16> {
    let (low, high) = field.range().into_inner();
    let count = high - low + 1;
    let length = (last - first).rem_euclid(count);
    (0..=length).map(move |offset| low + (first - low + offset) % count)
}
