//! What holds for every text.

use proptest::prelude::*;

use crate::long_result::{LONGEST, beginning};

proptest! {
    #[test]
    fn a_beginning_is_one(text in any::<String>(), longest in 0..LONGEST) {
        let beginning = beginning(&text, longest);
        prop_assert!(beginning.len() <= longest && text.starts_with(beginning));
    }
}
