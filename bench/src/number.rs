//! Numbers as people read them, and what one is to another.

/// How many times the second number the first one is.
pub(crate) fn ratio(value: Option<f64>, to: Option<f64>) -> Option<f64> {
    value.zip(to).map(|(value, to)| value / to)
}

/// Three digits or so, as far as they mean anything.
pub(crate) fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.abs() < 10.0 => format!("{value:.2}"),
        Some(value) if value.abs() < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_mean_something() {
        let texts = [None, Some(1.234), Some(12.34), Some(123.4), Some(-0.5)].map(number);
        assert_eq!(texts, ["-", "1.23", "12.3", "123", "-0.50"]);
    }
}
