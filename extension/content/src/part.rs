//! Parts: a reference can mean a part of a content of kind [`Json`](crate::reference::Kind::Json). A part is the value to
//! which a JSON Pointer (RFC 6901) leads, or some elements of the array there.
//!
//! ```text
//! part    = pointer [ ":" start ":" count ]      at most 512 bytes
//! pointer = *( "." token )
//! token   = *( A-Z / a-z / 0-9 / "_" / "-" 2HEXDIG )     "-" and two digits 0-9 A-F spell a byte of UTF-8
//! start   = index of the first element, without leading zeros
//! count   = how many elements at most, without leading zeros
//! ```
//!
//! A byte that needs no escape may not be escaped, so `Display` and `FromStr` are exact inverses.
//!
//! ```
//! use long_content::part::{Part, Slice};
//!
//! let part = Part::new("/items by~1day", Some(Slice { start: 100, count: 100 })).unwrap();
//! assert_eq!(part.to_string(), ".items-20by-2Fday:100:100");
//! assert_eq!(part.to_string().parse(), Ok(part));
//! ```

pub use self::index::{Absent, Found, Index};
pub use self::spelling::{MAX_PART_LEN, NotAPart, Part, Slice};
pub(crate) use self::spelling::{parse_number, unescaped};

mod directory;
mod index;
mod spans;
mod spelling;
