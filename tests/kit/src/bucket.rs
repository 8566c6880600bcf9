//! A bucket for long contents: moto's S3, behind a relay that lets faults happen.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use lambda_local::table::ContentBucket;

/// What moto is told: to print its address, and to end with the test process.
const SERVER: &str = "import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print('%s:%s' % server.get_host_and_port(), flush=True)
sys.stdin.read()
";

/// The one server of this process. It ends when its standard input does.
static MOTO: OnceLock<(Child, SocketAddr)> = OnceLock::new();

/// A separate bucket, which no other test uses.
pub async fn bucket() -> ContentBucket {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let address = tokio::task::spawn_blocking(|| MOTO.get_or_init(start).1).await.expect("moto starts");
    let name = format!("contents-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
    ContentBucket::start(&name, address).await.expect("a port")
}

#[expect(clippy::disallowed_methods, reason = "what this machine has is the test run's business, not the extension's")]
fn start() -> (Child, SocketAddr) {
    let python =
        std::env::var_os("LRAP_TEST_MOTO").expect("LRAP_TEST_MOTO names a Python that has moto, as `make test` does");
    let mut command = Command::new(python);
    command.args(["-c", SERVER]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut moto = command.spawn().expect("moto's Python");
    let mut line = String::new();
    BufReader::new(moto.stdout.take().expect("a pipe")).read_line(&mut line).expect("moto's address");
    (moto, line.trim().parse().expect("an address"))
}
