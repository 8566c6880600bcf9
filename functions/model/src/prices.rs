//! Money, exactly: whole millionths of a dollar, and prices per million tokens. No floating point anywhere.
//!
//! A price of one micro-dollar per million tokens makes one token cost 10⁻¹² dollars. Products are summed in that unit and
//! rounded once, to the nearest micro-dollar, so that a call is never off by more than half of one.

use std::fmt;
use std::str::FromStr;

/// Decimal places of a dollar that are kept, and the scale they make.
const PLACES: usize = 6;
const MICROS_PER_DOLLAR: u64 = 1_000_000;
/// Tokens that a price is for.
const TOKENS_PER_PRICE: u128 = 1_000_000;

/// An amount in millionths of a US dollar. As text it is decimal dollars: `10.00` is read, `10.000000` is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MicroDollars(pub u64);

/// Why a text is no amount of dollars. The text is not quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not an amount in US dollars with at most {PLACES} decimal places, such as 10.00")]
pub struct NotDollars;

impl FromStr for MicroDollars {
    type Err = NotDollars;

    fn from_str(text: &str) -> Result<Self, NotDollars> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if fraction.len() > PLACES {
            return Err(NotDollars);
        }
        let micros = digits(&format!("{fraction:0<PLACES$}")).filter(|_| !fraction.is_empty());
        let dollars = digits(whole).and_then(|dollars| dollars.checked_mul(MICROS_PER_DOLLAR));
        let amount = dollars.zip(micros).and_then(|(dollars, micros)| dollars.checked_add(micros));
        amount.map(Self).ok_or(NotDollars)
    }
}

/// Digits only: `u64`'s own parser would take a sign.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for MicroDollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:0PLACES$}", self.0 / MICROS_PER_DOLLAR, self.0 % MICROS_PER_DOLLAR)
    }
}

/// What a model's tokens cost, per million of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prices {
    /// Per million tokens that the model reads.
    pub input_per_million: MicroDollars,
    /// Per million tokens that the model writes.
    pub output_per_million: MicroDollars,
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Those the model reads.
    pub input: u64,
    /// Those it writes.
    pub output: u64,
}

impl Prices {
    /// What `tokens` cost, to the nearest micro-dollar; half of one counts as a whole.
    pub fn cost(self, tokens: Tokens) -> MicroDollars {
        let input = u128::from(tokens.input) * u128::from(self.input_per_million.0);
        let output = u128::from(tokens.output) * u128::from(self.output_per_million.0);
        let rounded = input.saturating_add(output).saturating_add(TOKENS_PER_PRICE / 2) / TOKENS_PER_PRICE;
        MicroDollars(u64::try_from(rounded).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(text: &str) -> MicroDollars {
        text.parse().expect(text)
    }

    #[test]
    fn dollars_are_read_and_written_to_the_millionth() {
        for (text, micros, written) in [
            ("10.00", 10_000_000, "10.000000"),
            ("10", 10_000_000, "10.000000"),
            ("0.000001", 1, "0.000001"),
            ("0.5", 500_000, "0.500000"),
            ("0", 0, "0.000000"),
            ("18446744073709.551615", u64::MAX, "18446744073709.551615"),
        ] {
            assert_eq!(dollars(text), MicroDollars(micros), "{text}");
            assert_eq!(dollars(text).to_string(), written);
        }
    }

    #[test]
    fn what_would_have_to_be_rounded_or_guessed_is_no_amount() {
        let not_dollars = ["", ".", "1.", ".5", "-1", "+1", "1.+5", "1e3", "1,5", "ten", " 1", "0.0000001"];
        for text in not_dollars.into_iter().chain(["18446744073709.551616", "18446744073710"]) {
            assert_eq!(text.parse::<MicroDollars>(), Err(NotDollars), "{text}");
        }
    }

    #[test]
    fn a_call_costs_its_tokens_times_their_prices() {
        let cost = |input, output, input_price, output_price| {
            let prices = Prices { input_per_million: dollars(input_price), output_per_million: dollars(output_price) };
            prices.cost(Tokens { input, output }).0
        };
        assert_eq!(cost(812, 96, "3.00", "15.00"), 812 * 3 + 96 * 15);
        assert_eq!(cost(1, 0, "0.499999", "0"), 0, "less than half a micro-dollar");
        assert_eq!(cost(1, 0, "0.5", "0"), 1, "half of one");
        assert_eq!(cost(1, 1, "0.25", "0.25"), 1, "halves are summed before they are rounded");
        assert_eq!(cost(123_456_789, 7, "0.15", "0.60"), 18_518_523, "18518518.35 + 4.2, rounded once");
        assert_eq!(cost(u64::MAX, u64::MAX, "18446744073709", "18446744073709"), u64::MAX, "no overflow");
    }
}
