//! One way to call a model, whoever serves it.

use functions_shared::{Failure, LambdaEvent, run};
use serde_json::Value;

fn main() -> Result<(), functions_shared::Error> {
    run(|event: LambdaEvent<Value>| async move { Ok::<_, Failure>(event.payload) })
}
