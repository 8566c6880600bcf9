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
    /// What they usually cost.
    pub rates: Rates,
    /// From how many tokens of input on a whole call costs more, and what.
    pub long: Option<(u64, Rates)>,
}

/// Prices per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of those that the model reads.
    pub input: MicroDollars,
    /// Of those that it writes, what it thinks included.
    pub output: MicroDollars,
    /// Of those that the provider has read before; as `input` if there is no such price.
    pub cache_read: Option<MicroDollars>,
    /// Of those that the provider keeps for the next call; as `input` if there is no such price.
    pub cache_write: Option<MicroDollars>,
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// All that the model reads.
    pub input: u64,
    /// Of these, what came from the provider's cache.
    pub cache_read: u64,
    /// Of these, what went into the provider's cache.
    pub cache_write: u64,
    /// All that it writes.
    pub output: u64,
    /// Of these, what it thought.
    pub reasoning: u64,
}

impl Prices {
    /// What `tokens` cost, to the nearest micro-dollar; half of one counts as a whole.
    pub fn cost(self, tokens: Tokens) -> MicroDollars {
        self.rates(tokens.input).cost(tokens)
    }

    /// The most that a call can cost that reads and writes no more than `tokens`: whatever is cached, and however long it is.
    pub fn most(self, tokens: Tokens) -> MicroDollars {
        let plain = Tokens { input: tokens.input, output: tokens.output, ..Tokens::default() };
        let dearest = |rates: Rates| {
            let input =
                rates.input.max(rates.cache_write.unwrap_or_default()).max(rates.cache_read.unwrap_or_default());
            Rates { input, ..rates }.cost(plain)
        };
        let long = self.long.filter(|(above, _)| plain.input > *above);
        dearest(self.rates).max(long.map(|(_, rates)| dearest(rates)).unwrap_or_default())
    }

    fn rates(self, input: u64) -> Rates {
        self.long.filter(|(above, _)| input > *above).map_or(self.rates, |(_, rates)| rates)
    }
}

impl Rates {
    fn cost(self, tokens: Tokens) -> MicroDollars {
        let fresh = tokens.input.saturating_sub(tokens.cache_read).saturating_sub(tokens.cache_write);
        let products = [
            (fresh, self.input),
            (tokens.cache_read, self.cache_read.unwrap_or(self.input)),
            (tokens.cache_write, self.cache_write.unwrap_or(self.input)),
            (tokens.output, self.output),
        ];
        let sum = products.into_iter().map(|(tokens, price)| u128::from(tokens) * u128::from(price.0));
        let sum = sum.fold(TOKENS_PER_PRICE / 2, u128::saturating_add);
        MicroDollars(u64::try_from(sum / TOKENS_PER_PRICE).unwrap_or(u64::MAX))
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
            let rates = Rates { input: dollars(input_price), output: dollars(output_price), ..Rates::default() };
            Prices { rates, long: None }.cost(Tokens { input, output, ..Tokens::default() }).0
        };
        assert_eq!(cost(812, 96, "3.00", "15.00"), 812 * 3 + 96 * 15);
        assert_eq!(cost(1, 0, "0.499999", "0"), 0, "less than half a micro-dollar");
        assert_eq!(cost(1, 0, "0.5", "0"), 1, "half of one");
        assert_eq!(cost(1, 1, "0.25", "0.25"), 1, "halves are summed before they are rounded");
        assert_eq!(cost(123_456_789, 7, "0.15", "0.60"), 18_518_523, "18518518.35 + 4.2, rounded once");
        assert_eq!(cost(u64::MAX, u64::MAX, "18446744073709", "18446744073709"), u64::MAX, "no overflow");
    }

    fn with_cache(input: &str, output: &str, read: &str, write: &str) -> Rates {
        let (cache_read, cache_write) = (Some(dollars(read)), Some(dollars(write)));
        Rates { input: dollars(input), output: dollars(output), cache_read, cache_write }
    }

    #[test]
    fn cached_tokens_cost_their_own_price() {
        let prices = Prices { rates: with_cache("4.00", "20.00", "0.20", "5.00"), long: None };
        let tokens = Tokens { input: 1000, cache_read: 700, cache_write: 200, output: 10, reasoning: 5 };
        assert_eq!(prices.cost(tokens).0, 100 * 4 + 140 + 200 * 5 + 10 * 20);
        let unpriced = Prices { rates: Rates { cache_read: None, cache_write: None, ..prices.rates }, long: None };
        assert_eq!(unpriced.cost(tokens).0, 1000 * 4 + 10 * 20, "as any other token");
    }

    #[test]
    fn a_long_call_costs_its_own_price_from_the_first_token() {
        let long = Some((1000, with_cache("8.00", "30.00", "0.40", "10.00")));
        let prices = Prices { rates: with_cache("4.00", "20.00", "0.20", "5.00"), long };
        let tokens = |input| Tokens { input, output: 1, ..Tokens::default() };
        assert_eq!(prices.cost(tokens(1000)).0, 4000 + 20);
        assert_eq!(prices.cost(tokens(1001)).0, 8008 + 30);
    }

    #[test]
    fn the_most_is_not_less_than_any_cost() {
        let long = Some((1000, with_cache("8.00", "30.00", "0.40", "10.00")));
        let prices = Prices { rates: with_cache("4.00", "20.00", "0.20", "5.00"), long };
        for bound in [900, 1000, 1001, 5000] {
            let most = prices.most(Tokens { input: bound, output: 50, ..Tokens::default() });
            for input in [bound / 2, bound] {
                for (cache_read, cache_write) in [(0, 0), (input, 0), (0, input), (input / 2, input / 2)] {
                    let tokens = Tokens { input, cache_read, cache_write, output: 50, reasoning: 50 };
                    assert!(prices.cost(tokens) <= most, "{tokens:?} of at most {bound}");
                }
            }
        }
    }
}
