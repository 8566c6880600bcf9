//! How agents and tools are named: words of letters and digits in lower case, a letter first, with one joint between two of them.

use crate::fields::Fields;
use functions_shared::Refusal;

/// The names there may be, by what joins their words.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Names {
    /// Those of agents and of functions.
    Hyphenated,
    /// Those of tools, as models call them.
    Underscored,
}

impl Names {
    /// Whether `name` is one of them: of 3 bytes to as many as the kind may have.
    pub(crate) fn include(self, name: &str) -> bool {
        let (joint, _, longest) = self.spelling();
        let is_letter = |c: char| c.is_ascii_lowercase();
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| is_letter(c) || c.is_ascii_digit());
        (3..=longest).contains(&name.len()) && name.starts_with(is_letter) && name.split(joint).all(is_word)
    }

    /// The name in a field, if it is there.
    pub(crate) fn optional(self, fields: &mut Fields, field: &str) -> Result<Option<String>, Refusal> {
        fields.text(field)?.map(|name| self.checked(fields, field, name)).transpose()
    }

    /// The name in a field that must be there.
    pub(crate) fn required(self, fields: &mut Fields, field: &str) -> Result<String, Refusal> {
        let name = fields.required_text(field)?;
        self.checked(fields, field, name)
    }

    fn checked(self, fields: &Fields, field: &str, name: String) -> Result<String, Refusal> {
        if self.include(&name) {
            return Ok(name);
        }
        let (_, joints, longest) = self.spelling();
        let rule = format!("must be 3 to {longest} letters in lower case, digits and single {joints}, a letter first");
        Err(fields.refuse(field, &rule))
    }

    /// The joint, what people call several of it, and the most bytes: models' providers take names of tools of 64.
    fn spelling(self) -> (char, &'static str, usize) {
        match self {
            Self::Hyphenated => ('-', "hyphens", 50),
            Self::Underscored => ('_', "underscores", 64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_words_with_single_joints() {
        for name in ["abc", "a1_b2", "a_1", &"a".repeat(64)] {
            assert!(Names::Underscored.include(name), "{name}");
        }
        for name in ["ab", "Abc", "_ab", "ab_", "a__b", "a-b", "1ab", "äbc", "", &"a".repeat(65)] {
            assert!(!Names::Underscored.include(name), "{name}");
        }
    }

    #[test]
    fn what_a_name_must_be_is_said_with_its_joint() {
        for (names, joints, longest, other) in
            [(Names::Hyphenated, "hyphens", 50, "a_b"), (Names::Underscored, "underscores", 64, "a-b")]
        {
            let mut fields = Fields::of_body(json!({ "id": other })).expect("an object");
            let refused = names.required(&mut fields, "id").unwrap_err().to_string();
            let rule =
                format!("must be 3 to {longest} letters in lower case, digits and single {joints}, a letter first");
            assert_eq!(refused, format!("id: {rule}"));
        }
    }
}
