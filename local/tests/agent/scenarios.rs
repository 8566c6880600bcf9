//! The table of scenarios that the function `agent` passes too.

use super::stage::{Agents, output};
use serde_json::Value;
use test_kit::scenarios::{Outcome, scenarios};

#[tokio::test]
async fn every_scenario_of_the_table_ends_as_it_says() {
    let scenarios = scenarios();
    let scripts = scenarios.iter().map(|scenario| (scenario.name.clone(), scenario.turns.clone())).collect();
    let agents = Agents::of(Value::Object(scripts)).await;
    for scenario in scenarios {
        let described = agents.ask(&scenario.name).await;
        let output = output(&described);
        let text = |name: &str| output[name].as_str().map(str::to_owned);
        scenario.assert(&Outcome {
            status: text("status").unwrap(),
            stop_reason: text("stop_reason"),
            answer: output["answer"].clone(),
            iterations: output["iterations"].as_u64().unwrap(),
            failed_calls: agents.failures(&described).await,
        });
    }
}
