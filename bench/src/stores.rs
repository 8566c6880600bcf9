//! How long storing and reading one content takes, in the table and in a bucket, by the stores of the extension.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use fastrand::Rng;
use long_content::reference::{Content, ContentRef, Scope, StoreName, Ttl};
use long_content::store::ContentStore;
use long_content::store::dynamodb::{Connections, CredentialsSource, DynamoDbStore, ServiceAccess, Settings, TlsRoots};
use long_content::store::s3::{BucketSettings, S3Store};

use crate::objects;
use crate::table::{NAME, Table};

const DELAYS: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(20)];
const SIZES: [(&str, usize); 5] =
    [("6 KiB", 6 << 10), ("20 KiB", 20 << 10), ("256 KiB", 256 << 10), ("1 MiB", 1 << 20), ("5 MiB", 5 << 20)];
const BUCKET: &str = "contents";
const REGION: &str = "eu-west-1";
const TIMEOUT: Duration = Duration::from_secs(30);

/// Prints a row for each size and delay.
pub(crate) async fn print(times: u64) -> anyhow::Result<()> {
    println!("| content | away | table: write, read | bucket: write, read |\n|---|---|---|---|");
    for delay in DELAYS {
        let (table, bucket) = (Table::start(delay).await?, objects::serve(delay).await);
        let in_table = DynamoDbStore::new(Settings {
            table: NAME.to_owned(),
            region: REGION.to_owned(),
            access: access(table.endpoint.clone()),
        })?;
        let in_bucket = S3Store::new(BucketSettings {
            bucket: BUCKET.to_owned(),
            region: REGION.to_owned(),
            min_size: 0,
            kms_key: None,
            access: access(bucket.url()),
        })?;
        for (size, bytes) in SIZES {
            let [write, read] = medians(&in_table, StoreName::DynamoDb, bytes, times).await?;
            let [put, get] = medians(&in_bucket, StoreName::S3, bytes, times).await?;
            let away = delay.as_millis();
            println!("| {size} | {away} ms | {write:.1} ms, {read:.1} ms | {put:.1} ms, {get:.1} ms |");
        }
    }
    Ok(())
}

fn access(endpoint: String) -> ServiceAccess {
    let credentials = CredentialsSource::Static {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "of-no-use-anywhere".to_owned(),
        session_token: None,
    };
    ServiceAccess {
        tls_roots: TlsRoots::System,
        connections: Connections::default(),
        ..ServiceAccess::new(Some(endpoint), credentials)
    }
}

/// The medians of writing and of reading contents of random letters and digits, in milliseconds.
async fn medians(store: &impl ContentStore, name: StoreName, bytes: usize, times: u64) -> anyhow::Result<[f64; 2]> {
    let scope = Scope::new(NAME).with_bucket(Some(BUCKET));
    let (mut writes, mut reads) = (vec![], vec![]);
    // The first opens connections.
    for nth in 0..=times {
        let mut random = Rng::with_seed(nth);
        let noise: String = (0..bytes).map(|_| random.alphanumeric()).collect();
        let content = Content::string(noise);
        let named = [(scope.reference_in(name, Ttl::seconds(86_400), &content), content.bytes)];
        let (write, read) = once(store, &scope, &named).await?;
        if nth > 0 {
            writes.push(write);
            reads.push(read);
        }
    }
    Ok([writes, reads].map(median))
}

async fn once(
    store: &impl ContentStore,
    scope: &Scope,
    named: &[(ContentRef, Bytes)],
) -> anyhow::Result<(Duration, Duration)> {
    let begun = Instant::now();
    store.put(scope, named, begun + TIMEOUT).await?;
    let write = begun.elapsed();
    let begun = Instant::now();
    let read = store.get(scope, &[named[0].0], begun + TIMEOUT).await.pop().context("an answer")??;
    ensure!(read.bytes == named[0].1, "another content came back");
    Ok((write, begun.elapsed()))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
