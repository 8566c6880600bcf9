//! The ARN of a function.

use functions_shared::Refusal;
use std::fmt;

/// `arn:aws:lambda:eu-central-1:123456789012:function:tool-weather-dev`, with a version or an alias behind it or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionArn {
    partition: String,
    /// Such as `eu-central-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// The function's name.
    pub name: String,
    qualifier: Option<String>,
}

impl FunctionArn {
    /// Reads the ARN at `field`.
    pub fn read(field: &str, text: &str) -> Result<Self, Refusal> {
        parse(text).ok_or_else(|| Refusal::invalid(field, "must be the ARN of a Lambda function"))
    }
}

fn parse(text: &str) -> Option<FunctionArn> {
    let parts: Vec<&str> = text.split(':').collect();
    let (["arn", partition, "lambda", region, account, "function", name], rest) = parts.split_at_checked(7)? else {
        return None;
    };
    let qualifier = match rest {
        [] => None,
        [qualifier] => Some(*qualifier),
        _ => return None,
    };
    let fits = is_word(partition, "-")
        && is_word(region, "-")
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && name.len() <= 64
        && is_word(name, "-_")
        && qualifier.is_none_or(|qualifier| is_word(qualifier, "-_$"));
    fits.then(|| FunctionArn {
        partition: (*partition).to_owned(),
        region: (*region).to_owned(),
        account: (*account).to_owned(),
        name: (*name).to_owned(),
        qualifier: qualifier.map(str::to_owned),
    })
}

fn is_word(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

impl fmt::Display for FunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account, name, qualifier } = self;
        write!(f, "arn:{partition}:lambda:{region}:{account}:function:{name}")?;
        qualifier.as_ref().map_or(Ok(()), |qualifier| write!(f, ":{qualifier}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_read_and_written() {
        for text in [
            "arn:aws:lambda:eu-central-1:123456789012:function:f",
            "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:my_f-1:$LATEST",
        ] {
            assert_eq!(FunctionArn::read("arn", text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "arn:aws:lambda:eu-central-1:123456789012:function",
            "arn:aws:lambda:eu-central-1:123456789012:function:",
            "arn:aws:lambda:eu-central-1:12345678901:function:f",
            "arn:aws:lambda::123456789012:function:f",
            "arn:aws:lambda:eu-central-1:123456789012:layer:f",
            "arn:aws:lambda:eu-central-1:123456789012:function:f:1:2",
            "arn:aws:lambda:eu-central-1:123456789012:function:f f",
        ] {
            assert!(FunctionArn::read("arn", text).is_err(), "{text}");
        }
    }
}
