//! Which tools there are, and what they take.

use functions_shared::{Failure, LambdaEvent, run};
use serde_json::Value;

fn main() -> Result<(), functions_shared::Error> {
    run(|event: LambdaEvent<Value>| async move { Ok::<_, Failure>(event.payload) })
}
