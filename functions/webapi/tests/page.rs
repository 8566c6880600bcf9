//! The page `docs/api.md`: every request on it is sent, and gets the reply that the page shows.

use crate::world::World;
use serde_json::{Map, Value, json};

const PAGE: &str = include_str!("../../../docs/api.md");

/// A request on the page, and the reply that follows it.
struct Example<'a> {
    command: &'a str,
    reply: Value,
}

/// The blocks of one language, each with where it begins.
fn blocks(language: &str) -> Vec<(usize, &'static str)> {
    let fence = format!("```{language}\n");
    let starts = PAGE.match_indices(&fence).map(|(at, fence)| at + fence.len());
    starts.map(|start| (start, PAGE[start..].split_once("\n```").unwrap().0)).collect()
}

fn examples() -> Vec<Example<'static>> {
    let replies = blocks("json");
    let commands = blocks("sh").into_iter().filter(|(_, command)| command.starts_with("api "));
    let example = |(at, command): (usize, &'static str)| {
        let reply = replies.iter().find(|(reply, _)| *reply > at).unwrap().1;
        Example { command, reply: serde_json::from_str(reply).unwrap() }
    };
    commands.map(example).collect()
}

/// The words of a command: what is in quotes is one.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in command.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            None if character == '\'' || character == '"' => quote = Some(character),
            None if character.is_whitespace() => words.push(String::new()),
            _ => words.last_mut().unwrap().push(character),
        }
    }
    words
}

#[tokio::test]
async fn the_examples_of_the_page_do_what_it_says() {
    let world = World::start().await;
    let examples = examples();
    assert!(examples.len() > 8);
    for Example { command, reply } in examples {
        let (mut headers, mut body, mut path) = (Map::new(), None, String::new());
        let mut words = words(command).into_iter().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--data" => body = words.next(),
                "--header" => {
                    let header = words.next().unwrap();
                    let (name, value) = header.split_once(": ").unwrap();
                    headers.insert(name.to_owned(), json!(value));
                }
                url => path = url.strip_prefix("$URL").unwrap().to_owned(),
            }
        }
        let method = if body.is_some() { "POST" } else { "GET" };
        let answer = world.ask(method, &path, &Value::Object(headers), body.as_deref()).await;
        check(command, &reply, &answer.body);
    }
}

/// What the page shows is there; `…` matches any text.
fn check(command: &str, shown: &Value, given: &Value) {
    match (shown, given) {
        (Value::Object(shown), Value::Object(given)) => {
            for (name, value) in shown {
                check(&format!("{command}: {name}"), value, given.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(shown), Value::Array(given)) => {
            assert_eq!(shown.len(), given.len(), "{command}");
            shown.iter().zip(given).for_each(|(shown, given)| check(command, shown, given));
        }
        (Value::String(shown), Value::String(given)) if shown.ends_with('…') => {
            assert!(given.starts_with(shown.trim_end_matches('…')), "{command}: {given}");
        }
        _ => assert_eq!(shown, given, "{command}"),
    }
}
