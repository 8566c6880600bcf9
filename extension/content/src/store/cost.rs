//! What contents cost in either store, by AWS's list prices for us-east-1, without the free tier.
//!
//! The prices of `DynamoDB` are those of on-demand tables of the standard class since November 2024
//! (<https://aws.amazon.com/dynamodb/pricing/on-demand/>). The prices of S3 are those of the storage class Standard
//! (<https://aws.amazon.com/s3/pricing/>). Traffic between a function and either store costs nothing within a region. A
//! customer managed KMS key costs more with both.
//!
//! ```
//! use long_content::reference::StoreName::{DynamoDb, S3};
//! use long_content::store::cost;
//!
//! let five_mib = 5 << 20;
//! assert!(cost::write(DynamoDb, five_mib) > 0.0032 && cost::write(S3, five_mib) < 0.000_006);
//! ```

use crate::reference::StoreName;

/// USD for a write request unit: an item of up to 1 KiB.
const WRITE_UNIT: f64 = 0.625e-6;
/// USD for a read request unit: two eventually consistent reads of up to 4 KiB.
const READ_UNIT: f64 = 0.125e-6;
/// USD for a GB in the table for a month.
const TABLE_MONTH: f64 = 0.25;
/// USD for a request that writes or lists: `PUT`, `POST` or `LIST`.
const PUT: f64 = 0.005 / 1000.0;
/// USD for a request that reads: `GET` or `HEAD`.
const GET: f64 = 0.0004 / 1000.0;
/// USD for a GB in the bucket for a month.
const BUCKET_MONTH: f64 = 0.023;

/// Bytes of a GB, as both price lists count them.
const GB: f64 = (1_u64 << 30) as f64;

/// Bytes of an item beside its content: names of attributes, the id, the expiry.
const ITEM: u64 = 160;
/// Bytes of content in one item, if there is more than one.
const PART: u64 = (400 << 10) - ITEM;

/// A stored form of more bytes than this is uploaded in parts of this many bytes.
pub const UPLOAD_PART: u64 = 8 << 20;
/// For a stored form of more bytes than this, the store looks whether the content is there before it writes it.
pub const WORTH_A_LOOK: u64 = 1 << 20;
/// The most bytes of the stored form that one request reads.
pub const RANGE: u64 = 4 << 20;

/// USD for storing a content of `stored` bytes (after compression) once.
pub fn write(store: StoreName, stored: u64) -> f64 {
    match store {
        StoreName::DynamoDb => WRITE_UNIT * units_of_items(stored, 1 << 10),
        StoreName::S3 if stored > UPLOAD_PART => GET + PUT * (2 + stored.div_ceil(UPLOAD_PART)) as f64,
        StoreName::S3 if stored > WORTH_A_LOOK => GET + PUT,
        StoreName::S3 => PUT,
    }
}

/// USD for reading it once.
pub fn read(store: StoreName, stored: u64) -> f64 {
    match store {
        StoreName::DynamoDb => READ_UNIT / 2.0 * units_of_items(stored, 4 << 10),
        StoreName::S3 => GET * stored.div_ceil(RANGE).max(1) as f64,
    }
}

/// USD for keeping it a month.
pub fn month(store: StoreName, stored: u64) -> f64 {
    match store {
        StoreName::DynamoDb => TABLE_MONTH * (stored + ITEM) as f64 / GB,
        StoreName::S3 => BUCKET_MONTH * stored as f64 / GB,
    }
}

/// USD for so many request units of a table.
pub fn units(write: f64, read: f64) -> f64 {
    WRITE_UNIT * write + READ_UNIT * read
}

/// USD for a content that is written once, read once and kept for a day.
pub fn day(store: StoreName, stored: u64) -> f64 {
    write(store, stored) + read(store, stored) + month(store, stored) / 30.0
}

/// How many USD the bucket costs less than the table for the same use ([`write`], [`read`], [`month`] or [`day`]).
pub fn spared(cost: fn(StoreName, u64) -> f64, stored: u64) -> f64 {
    cost(StoreName::DynamoDb, stored) - cost(StoreName::S3, stored)
}

/// The longest stored form that costs no more in the table than in a bucket, if it is written once, read once and kept for a
/// day.
pub fn crossover() -> u64 {
    let is_cheaper = |stored: &u64| day(StoreName::DynamoDb, *stored) <= day(StoreName::S3, *stored);
    (1..1 << 20).map(|units| (units << 10) - ITEM).take_while(is_cheaper).last().unwrap_or_default()
}

/// Units of `size` bytes that the items of a content take. Each item is rounded up separately.
fn units_of_items(stored: u64, size: u64) -> f64 {
    let whole = |content: u64| (content + ITEM).div_ceil(size);
    let (parts, rest) = (stored / PART, stored % PART);
    let of_parts = if rest > 0 || parts == 0 { whole(rest) } else { 0 } + parts * whole(PART);
    let commit = u64::from(stored > PART);
    (of_parts + commit) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use StoreName::{DynamoDb, S3};

    /// Millionths of a dollar.
    fn micro(usd: f64) -> f64 {
        (usd * 1e9).round() / 1e3
    }

    /// Costs that were computed by hand from the price lists: units and requests times their prices.
    #[test]
    fn a_content_costs_what_the_price_lists_say() {
        let kib = 1 << 10;
        for (stored, table, bucket) in [
            (0, [0.625, 0.063], [5.0, 0.4]),
            (864, [0.625, 0.063], [5.0, 0.4]),
            (865, [1.25, 0.063], [5.0, 0.4]),
            (8 * kib, [5.625, 0.188], [5.0, 0.4]),
            (100 * kib, [63.125, 1.625], [5.0, 0.4]),
            (1024 * kib, [641.25, 16.125], [5.0, 0.4]),
            (5 * 1024 * kib, [3_202.5, 80.125], [5.4, 0.8]),
            (40 * 1024 * kib, [25_611.25, 640.375], [35.4, 4.0]),
        ] {
            for (store, [written, read_once]) in [(DynamoDb, table), (S3, bucket)] {
                assert!((micro(write(store, stored)) - written).abs() < written / 100.0, "{store:?} {stored}");
                assert!((micro(read(store, stored)) - read_once).abs() < read_once / 50.0, "{store:?} {stored}");
            }
        }
        assert!((micro(month(S3, 1 << 30)) - 23_000.0).abs() < 1.0);
        assert!((micro(month(DynamoDb, (1 << 30) - ITEM)) - 250_000.0).abs() < 1.0);
    }

    #[test]
    fn a_million_units_cost_what_the_price_list_says() {
        assert_eq!((micro(units(1e6, 0.0)), micro(units(0.0, 1e6))), (625_000.0, 125_000.0));
    }

    #[test]
    fn on_either_side_of_the_crossover_the_other_store_is_cheaper() {
        let most = crossover();
        assert_eq!(most, 8_032);
        assert!(day(DynamoDb, most) <= day(S3, most) && day(DynamoDb, most + 1) > day(S3, most + 1));
        for stored in (most + 1..64 << 20).step_by(100_003) {
            assert!(day(DynamoDb, stored) > day(S3, stored), "{stored}");
        }
    }
}
