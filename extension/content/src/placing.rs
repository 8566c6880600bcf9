//! Decides which store takes a content: the bucket, if the content's stored form is so long that the bucket is cheaper.

use std::fmt;

use crate::reference::{Content, ContentRef, Scope, StoreName, Ttl};

/// Determines whether the stored form of `content` has more than `most` bytes.
pub type IsLonger = fn(content: &[u8], most: u64) -> bool;

/// Which store takes which contents. By default the table takes all.
#[derive(Clone, Copy, Default)]
pub struct Placing(Option<(u64, IsLonger)>);

impl Placing {
    /// Contents whose stored form has more than `most` bytes go to the bucket.
    pub const fn in_bucket_above(most: u64, is_longer: IsLonger) -> Self {
        Self(Some((most, is_longer)))
    }

    /// The store that takes a content.
    pub fn store_of(&self, content: &Content) -> StoreName {
        match self.0 {
            Some((most, is_longer)) if is_longer(&content.bytes, most) => StoreName::S3,
            _ => StoreName::DynamoDb,
        }
    }

    /// The reference under which a content is stored in a scope.
    pub fn reference(&self, scope: &Scope, ttl: Ttl, content: &Content) -> ContentRef {
        scope.reference_in(self.store_of(content), ttl, content)
    }
}

impl fmt::Debug for Placing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Placing").field(&self.0.map(|(most, _)| most)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_goes_to_the_bucket_if_there_is_one() {
        let placing = Placing::in_bucket_above(3, |content, most| content.len() as u64 > most);
        assert_eq!(placing.store_of(&Content::string("abc")), StoreName::DynamoDb);
        assert_eq!(placing.store_of(&Content::string("abcd")), StoreName::S3);
        assert_eq!(Placing::default().store_of(&Content::string("abcd")), StoreName::DynamoDb);
    }
}
