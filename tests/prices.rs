//! Section 2 of long contents in S3: the prices in `docs/s3.md`, which `UPDATE_DOCS=1` rewrites, and those of the calculator, are those
//! of the library.

use std::fmt::Write as _;
use std::process::Command;

use long_content::reference::StoreName::{self, DynamoDb, S3};
use long_content::store::cost::{self, crossover};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/s3.md");
const CALCULATOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/calculator/cost.js");

/// Sizes of stored forms in the table of the page.
const SIZES: [u64; 13] = [
    KIB,
    2 * KIB,
    4 * KIB,
    7 * KIB,
    8 * KIB,
    16 * KIB,
    64 * KIB,
    100 * KIB,
    256 * KIB,
    MIB,
    5 * MIB,
    16 * MIB,
    40 * MIB,
];

/// Millionths of a dollar, with as many digits as say something.
fn micro(usd: f64) -> String {
    let micro = usd * 1e6;
    if micro < 100.0 { format!("{micro:.2}") } else { format!("{micro:.0}") }
}

fn size(bytes: u64) -> String {
    if bytes < MIB { format!("{} KiB", bytes / KIB) } else { format!("{} MiB", bytes / MIB) }
}

/// Where a content of this stored size goes by default, with a bucket.
fn store_by_default(stored: u64) -> StoreName {
    if stored > crossover() { S3 } else { DynamoDb }
}

fn row(stored: u64) -> String {
    let cells = |store| format!("{}, {}", micro(cost::write(store, stored)), micro(cost::read(store, stored)));
    let (before, after) = (cost::day(DynamoDb, stored), cost::day(store_by_default(stored), stored));
    let store = if store_by_default(stored) == S3 { "bucket" } else { "table" };
    format!(
        "| {} | {} | {} | {} | {} ({store}) | {:.0} % |\n",
        size(stored),
        cells(DynamoDb),
        cells(S3),
        micro(before),
        micro(after),
        (1.0 - after / before) * 100.0
    )
}

fn table() -> String {
    let mut table = "| stored | in the table: write, read | in S3: write, read | before: the table alone | after: with a bucket | saved |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for stored in SIZES {
        table.push_str(&row(stored));
    }
    let times = cost::write(DynamoDb, 5 * MIB) / cost::write(S3, 5 * MIB);
    write!(
        table,
        "\nUp to a stored form of {} bytes, the table costs no more than the bucket. Writing 5 MiB costs {times:.0} times less in S3.\n",
        crossover()
    )
    .unwrap();
    table
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of the test run, not a setting of the extension")]
fn the_page_has_the_prices_before_and_after() {
    const BEGIN: &str = "<!-- tests/prices.rs writes this table -->\n\n";
    const END: &str = "\n<!-- until here -->\n";
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let expected = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &expected).unwrap();
    }
    similar_asserts::assert_eq!(std::fs::read_to_string(PAGE).unwrap(), expected);
}

/// Sizes on both sides of every limit of the model.
fn sizes_at_limits() -> Vec<u64> {
    let limits = [1, 864, KIB, 8_032, 400 * KIB - 160, 400 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB, 64 * MIB];
    limits.into_iter().flat_map(|limit| [limit - 1, limit, limit + 1]).collect()
}

/// By Node.js, which other tests need too.
#[test]
fn node_client_the_calculator_has_the_prices_of_the_library() {
    let sizes = sizes_at_limits();
    let script = format!(
        "require({CALCULATOR:?});
         const prices = {sizes:?}.map((size) => ['dynamodb', 's3'].map((store) =>
             [cost.write(store, size), cost.read(store, size), cost.month(store, size)]));
         console.log(JSON.stringify([cost.crossover(), prices]));"
    );
    let output = Command::new("node").args(["-e", &script]).output().expect("Node.js");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (most, prices): (u64, Vec<[[f64; 3]; 2]>) = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(most, crossover());
    for (size, by_store) in sizes.into_iter().zip(prices) {
        for (store, [write, read, month]) in [DynamoDb, S3].into_iter().zip(by_store) {
            let expected = [cost::write(store, size), cost::read(store, size), cost::month(store, size)];
            for (found, expected) in [write, read, month].into_iter().zip(expected) {
                assert!((found - expected).abs() <= expected * 1e-12, "{store:?}, {size} bytes: {found} {expected}");
            }
        }
    }
}
