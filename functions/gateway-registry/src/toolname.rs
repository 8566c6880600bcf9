//! What agents call a gateway's tool: the gateway's names have letters of both cases, hyphens and dots, those of agents' tools
//! are words in lower case with underscores between them, 3 to 64 bytes.

use crate::identity;

/// The longest name that model providers take.
const LONGEST: usize = 64;
/// Of the hash behind a name that was cut.
const HASH: usize = 8;

/// `weather___getDailyForecast` becomes `weather_get_daily_forecast`.
pub(crate) fn tool_name(remote_name: &str) -> String {
    let mut name = words(remote_name).join("_");
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.len() < 3 {
        name = format!("tool_{name}");
    }
    if name.len() <= LONGEST {
        return name.trim_end_matches('_').to_owned();
    }
    let hash: String = identity::digest(&remote_name.into()).chars().take(HASH).collect();
    name.truncate(LONGEST - HASH - 1);
    format!("{}_{hash}", name.trim_end_matches('_'))
}

/// Letters and digits; a word begins at every other character, and at a capital behind a small letter or a digit.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        let begins = c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if !c.is_ascii_alphanumeric() || begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_words_in_lower_case() {
        for (remote, name) in [
            ("weather___getDailyForecast", "weather_get_daily_forecast"),
            ("my-api___GET_users.byID", "my_api_get_users_by_id"),
            ("a___b", "a_b"),
            ("1___2", "tool_1_2"),
            ("x___ü", "tool_x"),
            ("weather___v2Forecast__root", "weather_v2_forecast_root"),
        ] {
            assert_eq!(tool_name(remote), name, "{remote}");
        }
    }

    #[test]
    fn a_long_name_is_cut_and_stays_different() {
        let (a, b) =
            (tool_name(&format!("t___{}a", "word-".repeat(30))), tool_name(&format!("t___{}b", "word-".repeat(30))));
        assert!(a.len() <= 64 && a != b && !a.contains("__"), "{a} {b}");
    }
}
