//! An execution ends after 25,000 events. The largest agent that the registry accepts has fewer, even if every task of every turn is
//! tried as often as it may be.

use super::stage::{Agents, definition_as_deployed, output};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const LIMIT: usize = 25_000;
/// Tools that an agent may have.
const MOST_TOOLS: usize = 100;
/// Calls of one turn; with more the run stops.
const MOST_CALLS_OF_A_TURN: usize = 32;

fn source(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
}

/// The number behind `before`.
fn number(text: &str, before: &str) -> usize {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}"));
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// Events of a state that is entered once, without those inside of a Map.
fn of_state(state: &Value) -> usize {
    let retries = state["Retry"].as_array().into_iter().flatten().map(|retry| retry["MaxAttempts"].as_u64().unwrap());
    let attempts = usize::try_from(retries.sum::<u64>()).unwrap() + 1;
    match state["Type"].as_str().unwrap() {
        // Scheduled, started, and succeeded or failed.
        "Task" => 2 + 3 * attempts,
        // Started and succeeded.
        "Map" => 4,
        _ => 2,
    }
}

/// Events of an iteration that takes the longest way: all states at most, each once, and its own start and end.
fn of_iteration(map: &Value) -> usize {
    let states = map["ItemProcessor"]["States"].as_object().unwrap();
    2 + longest(states, map["ItemProcessor"]["StartAt"].as_str().unwrap())
}

fn longest(states: &Map<String, Value>, from: &str) -> usize {
    let state = &states[from];
    of_state(state) + followers(state).into_iter().map(|next| longest(states, next)).max().unwrap_or(0)
}

fn followers(state: &Value) -> BTreeSet<&str> {
    let listed = ["Choices", "Catch"].into_iter().flat_map(|list| state[list].as_array().into_iter().flatten());
    let next = listed.map(|rule| &rule["Next"]).chain([&state["Next"], &state["Default"]]);
    next.filter_map(Value::as_str).collect()
}

fn reachable<'a>(states: &'a Map<String, Value>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(state) = left.pop() {
        left.extend(followers(&states[state]).into_iter().filter(|next| seen.insert(*next)));
    }
    seen
}

/// What an agent with so many turns may have, in events.
fn most_events(turns: usize) -> usize {
    let machine: Value = serde_json::from_str(&definition_as_deployed()).unwrap();
    let states = machine["States"].as_object().unwrap();
    let calls = number(&definition_as_deployed(), r#""$calls", "NumericGreaterThanEquals": "#) + MOST_CALLS_OF_A_TURN;
    let in_a_turn: BTreeSet<_> = reachable(states, "Call LLM")
        .into_iter()
        .filter(|state| reachable(states, state).contains("Call LLM"))
        .collect();
    let of = |state: &&str| of_state(&states[*state]);
    // The deadline is set between two visits of the step that decides.
    let turn = in_a_turn.iter().map(of).sum::<usize>() + of_state(&states["Next Step"]);
    let once: usize =
        states.iter().filter(|(name, _)| !in_a_turn.contains(name.as_str())).map(|(_, state)| of_state(state)).sum();
    // Two turns more: the last one, and one that the budget did not allow.
    once + MOST_TOOLS * of_iteration(&states["Load Tools"])
        + (turns + 2) * turn
        + calls * of_iteration(&states["Run Tools"])
}

#[test]
fn the_largest_agent_fits_the_events_of_an_execution() {
    let turns = number(&source("functions/registries/src/agents/agent.rs"), "const MAX_ITERATIONS: u64 = ");
    let template = source("functions/stacks/agent.yaml");
    let (_, parameter) = template.split_once("  MaxIterations:\n").unwrap();
    assert_eq!(number(parameter, "MaxValue: "), turns, "the template's");
    assert!(number(&source("functions/registries/src/agents/agent.rs"), "const MAX_TOOLS: usize = ") <= MOST_TOOLS);
    let most = most_events(turns);
    println!("{turns} turns have {most} events at most");
    assert!(most <= LIMIT, "{most} events");
    assert!(most_events(3 * turns) > LIMIT, "the count counts turns");
}

#[test]
fn everybody_has_the_same_default() {
    let definition: Value = serde_json::from_str(&definition_as_deployed()).unwrap();
    let default = definition["States"]["Defaults"]["Assign"]["parameters"]["max_iterations"].as_u64().unwrap();
    let default = usize::try_from(default).unwrap();
    let template = source("functions/stacks/agent.yaml");
    let (_, parameter) = template.split_once("  MaxIterations:\n").unwrap();
    assert_eq!(number(parameter, "Default: "), default);
    assert_eq!(
        number(&source("functions/registries/src/agents/agent.rs"), "const DEFAULT_ITERATIONS: u64 = "),
        default
    );
}

/// Events of a run that goes well are no more than the definition's count without another try.
#[tokio::test]
async fn the_count_is_that_of_the_interpreter() {
    let turn = json!({ "calls": [["foreign", {}], ["foreign", {}]] });
    let turns = |n: usize| std::iter::repeat_n(turn.clone(), n).chain([json!({ "text": "Done." })]).collect::<Vec<_>>();
    let agents = Agents::of(json!({ "one": turns(1), "three": turns(3) })).await;
    let (one, three) = (agents.ask("one").await, agents.ask("three").await);
    assert_eq!(output(&three)["iterations"], 4);
    let a_turn = (agents.events(&three).await - agents.events(&one).await) / 2;
    // Call LLM, Count, Update Metrics, Next Step, Run Tools; and of each call its states, start and end.
    assert_eq!(a_turn, 5 + 2 + 5 + 2 + 4 + 2 * (2 + 2 + 5 + 2 + 5 + 2 + 5 + 2));
}

#[tokio::test]
async fn a_run_of_many_calls_ends_with_its_last_answer() {
    let many = json!({ "calls": vec![json!(["gone", {}]); 30] });
    let turns: Vec<_> = std::iter::repeat_n(many, 6).chain([json!({ "text": "Enough." })]).collect();
    let agents = Agents::of(json!({ "many": turns })).await;
    agents.put_agent("many", json!({ "max_iterations": 100, "timeout_seconds": 300 })).await;
    let output = output(&agents.ask("many").await);
    assert_eq!((&output["status"], &output["answer"]), (&json!("iteration_limit"), &json!("Enough.")));
    assert_eq!(output["iterations"], 7);
}
