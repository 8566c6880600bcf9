//! What one hostile message, state, response or error can cost at most (H5, H8, O4, O11). Each is given to a sandbox of 128 MB whose
//! process may have no more than 128 MiB of address space beyond its cache, unsigned and signed, while a neighbour's event is
//! served beside it. How each ends is the table in `docs/security.md`, which `UPDATE_DOCS=1` rewrites.

use std::fmt::Write as _;

use long_content::keys::Keyring;
use long_content::reference::{Content, Scope, Ttl};
use rustix::process::{Pid, Resource, Rlimit};
use serde_json::{Value, json};

use test_kit::json::{nest, nest_texts, noise, quote};
use test_kit::world::{Builder, Failure};
use test_kit::{Event, Request, Runtime, World, documented, soon};

const MIB: usize = 1 << 20;
/// Lambda's smallest function.
const FUNCTION_MB: usize = 128;
/// `LRAP_CACHE_SIZE` of such a function: an eighth.
const CACHE: usize = FUNCTION_MB * MIB / 8;
/// `LRAP_MAX_EVENT_SIZE` of such a function: a quarter.
const MAX_EVENT: usize = FUNCTION_MB * MIB / 4;
/// What the process may map.
const ADDRESS_SPACE: usize = 128 * MIB + CACHE;
/// Bytes that the process may have while it deals with events: H8.
const EVENTS: usize = MAX_EVENT + CACHE + 20_000_000;
/// What responses may take beyond that: O10, a quarter of the function's memory.
const RESPONSES: usize = FUNCTION_MB * MIB / 4;
/// Requests of the table for one message: so many for any, one more for each so many bytes of it, and never more than this.
const REQUESTS: Requests = Requests { always: 10, bytes_for_another: 1_000, most: 300 };
/// Bytes of log for one message.
const LOG: usize = 8 * 1024;

const KEY: &str = "a-signing-key-of-some-length";
const OTHER_KEY: &str = "another-signing-key-of-some-length";
const TTL: u32 = 86_400;

struct Requests {
    always: u64,
    bytes_for_another: u64,
    most: u64,
}

impl Requests {
    fn allowed(&self, bytes: usize) -> u64 {
        (self.always + bytes as u64 / self.bytes_for_another).min(self.most)
    }
}

/// References that an attacker has seen, and what is behind them.
struct Known {
    /// Nine bytes.
    short: String,
    /// 20 KiB of quotation marks.
    marks: String,
    /// 5 MiB.
    large: String,
    /// 60 contents of 390 KB.
    items: Vec<String>,
    /// 4,096 contents of 3 KB.
    many: Vec<String>,
    /// An array that O2 took out of a response, with 300 references to 6 KB each in it.
    array: String,
    /// The key that its sandbox signs with.
    key: Option<&'static str>,
}

/// How the attacker's bytes come in.
#[derive(Clone, Copy)]
enum Channel {
    /// As the event of a workflow's function.
    State,
    /// As the bodies of a queue's records, with a good record behind them.
    Queue,
    /// As what a function returns.
    Response,
    /// As a function's error.
    Error,
}

/// One message, and what is made of it without and with a signing key.
struct Attack {
    channel: Channel,
    what: &'static str,
    message: fn(&Known) -> Message,
    ends: [&'static str; 2],
}

/// What the attacker writes: a whole document, or the bodies of records.
enum Message {
    Document(String),
    Bodies(Vec<String>),
}

impl From<String> for Message {
    fn from(document: String) -> Self {
        Self::Document(document)
    }
}

impl From<Value> for Message {
    fn from(document: Value) -> Self {
        Self::Document(document.to_string())
    }
}

impl From<Vec<String>> for Message {
    fn from(bodies: Vec<String>) -> Self {
        Self::Bodies(bodies)
    }
}

const HYDRATED: &str = "hydrated";
const AS_IT_CAME: &str = "arrives as it came";
const GOOD_RECORD: &str = "the good record is hydrated";
const STORED: &str = "stored, and comes back whole";
const UNTOUCHED: &str = "leaves as it came";
const BROKEN: &str = "leaves with its markers broken";
const TOO_LARGE: &str = "LongContent.EventTooLarge";
const REFUSED: &str = "LongContent.Refused";
const NOT_FOUND: &str = "LongContent.NotFound";

fn attack(
    channel: Channel,
    what: &'static str,
    message: fn(&Known) -> Message,
    unsigned: &'static str,
    signed: &'static str,
) -> Attack {
    Attack { channel, what, message, ends: [unsigned, signed] }
}

fn state(what: &'static str, message: fn(&Known) -> Message, unsigned: &'static str, signed: &'static str) -> Attack {
    attack(Channel::State, what, message, unsigned, signed)
}

fn queue(what: &'static str, message: fn(&Known) -> Message) -> Attack {
    attack(Channel::Queue, what, message, GOOD_RECORD, GOOD_RECORD)
}

fn response(what: &'static str, message: fn(&Known) -> Message, end: &'static str) -> Attack {
    attack(Channel::Response, what, message, end, end)
}

fn error(what: &'static str, message: fn(&Known) -> Message, end: &'static str) -> Attack {
    attack(Channel::Error, what, message, end, end)
}

/// Everything that is tried.
fn attacks() -> Vec<Attack> {
    [in_states(), by_size(), by_number(), forged(), in_queues(), in_responses(), in_errors()]
        .into_iter()
        .flatten()
        .collect()
}

/// A text inside of texts, so deep, with a reference that is there `times`.
fn nested(reference: &str, times: usize, depth: usize) -> Message {
    nest_texts(&vec![reference; times].join("\",\""), depth).into()
}

fn in_states() -> Vec<Attack> {
    vec![
        state("9 bytes named 40 times, 1 text deep", |known| nested(&known.short, 40, 1), HYDRATED, HYDRATED),
        state("9 bytes named 40 times, 10 texts deep", |known| nested(&known.short, 40, 10), HYDRATED, HYDRATED),
        state("9 bytes named 40 times, 16 texts deep", |known| nested(&known.short, 40, 16), HYDRATED, HYDRATED),
        state("9 bytes named 40 times, 21 texts deep", |known| nested(&known.short, 40, 21), TOO_LARGE, TOO_LARGE),
        state("9 bytes named 40 times, 22 texts deep", |known| nested(&known.short, 40, 22), TOO_LARGE, TOO_LARGE),
        state("9 bytes named 40 times, 30 texts deep", |known| nested(&known.short, 40, 30), HYDRATED, HYDRATED),
        state("9 bytes named 40 times, 64 texts deep", |known| nested(&known.short, 40, 64), TOO_LARGE, TOO_LARGE),
        state("20 KiB of quotation marks, 5 texts deep", |known| nested(&known.marks, 1, 5), HYDRATED, HYDRATED),
        state("20 KiB of quotation marks, 12 texts deep", |known| nested(&known.marks, 1, 12), TOO_LARGE, TOO_LARGE),
        state(
            "a reference inside 500,000 arrays, each inside the next",
            |known| nest(&quote(&known.short), 500_000).into(),
            HYDRATED,
            HYDRATED,
        ),
        state(
            "1,000 references in a document without its end",
            |known| cut(&json!(vec![&known.large; 1_000])),
            AS_IT_CAME,
            AS_IT_CAME,
        ),
        state("a reference as 10,000 names", |known| names(&known.large).into(), AS_IT_CAME, AS_IT_CAME),
        state(
            "5 MiB named 1,000 times, in a state that imitates an API's event only in part",
            |known| imitation(&vec![&known.large; 1_000]).into(),
            TOO_LARGE,
            TOO_LARGE,
        ),
        state("3,000 references of another product", |_| json!(legacy(3_000)).into(), AS_IT_CAME, AS_IT_CAME),
    ]
}

fn by_size() -> Vec<Attack> {
    vec![
        state("5 MiB named 6 times", |known| json!(vec![&known.large; 6]).into(), HYDRATED, HYDRATED),
        state("5 MiB named 7 times", |known| json!(vec![&known.large; 7]).into(), TOO_LARGE, TOO_LARGE),
        state("5 MiB named 1,000 times", |known| json!(vec![&known.large; 1_000]).into(), TOO_LARGE, TOO_LARGE),
        state("60 contents of 390 KB", |known| json!(known.items).into(), HYDRATED, HYDRATED),
        state(
            "60 contents of 390 KB, their sizes said to be 1",
            |known| json!(of_size(&known.items, "1")).into(),
            REFUSED,
            REFUSED,
        ),
        state(
            "4,096 contents of 3 KB, their sizes said to be 1",
            |known| json!(of_size(&known.many, "1")).into(),
            REFUSED,
            REFUSED,
        ),
        state(
            "60 contents of 390 KB, their sizes said to be 64 MiB",
            |known| json!(of_size(&known.items, "67108864")).into(),
            TOO_LARGE,
            REFUSED,
        ),
        state(
            "60 contents, their sizes said to be 2^64 - 1",
            |known| json!(of_size(&known.items, "18446744073709551615")).into(),
            REFUSED,
            REFUSED,
        ),
        state(
            "an array of 300 references to 6 KB, named 10 times",
            |known| json!(vec![&known.array; 10]).into(),
            HYDRATED,
            HYDRATED,
        ),
        state(
            "an array of 300 references to 6 KB, named 1,000 times",
            |known| json!(vec![&known.array; 1_000]).into(),
            TOO_LARGE,
            TOO_LARGE,
        ),
        state("9 bytes named 60,000 times", |known| json!(vec![&known.short; 60_000]).into(), HYDRATED, HYDRATED),
    ]
}

fn by_number() -> Vec<Attack> {
    vec![
        state("300 made-up references", |known| json!(made_up(known, 300)).into(), NOT_FOUND, REFUSED),
        state("3,000 made-up references", |known| json!(made_up(known, 3_000)).into(), NOT_FOUND, REFUSED),
        state("4,097 made-up references", |known| json!(made_up(known, 4_097)).into(), TOO_LARGE, TOO_LARGE),
        state("20,000 made-up references", |known| json!(made_up(known, 20_000)).into(), TOO_LARGE, TOO_LARGE),
        state("18,000 references cut short", |_| json!(cut_short(18_000)).into(), TOO_LARGE, TOO_LARGE),
        state(
            "20,000 texts of 12 bytes that begin like a reference",
            |_| json!(look_alikes(20_000)).into(),
            AS_IT_CAME,
            AS_IT_CAME,
        ),
        state("3,000 references cut short", |_| json!(cut_short(3_000)).into(), REFUSED, REFUSED),
    ]
}

fn forged() -> Vec<Attack> {
    vec![
        state(
            "1,000 references signed by an unknown key",
            |_| json!(signed_by(OTHER_KEY, 1_000)).into(),
            REFUSED,
            REFUSED,
        ),
        state("a reference without its signature", |known| json!([unsigned(&known.short)]).into(), HYDRATED, REFUSED),
        state(
            "a reference with another kind",
            |known| json!([known.short.replacen(":s:", ":j:", 1)]).into(),
            REFUSED,
            REFUSED,
        ),
        state(
            "a reference of another version",
            |known| json!([known.short.replacen(":1:", ":2:", 1)]).into(),
            REFUSED,
            REFUSED,
        ),
        state(
            "a reference with another time to live",
            |known| json!([known.short.replacen(":86400:", ":none:", 1)]).into(),
            REFUSED,
            REFUSED,
        ),
    ]
}

fn in_queues() -> Vec<Attack> {
    vec![
        queue("a made-up reference", |known| made_up(known, 1).into()),
        queue("10 records of 3,000 made-up references", |known| {
            vec![json!(made_up(known, 3_000)).to_string(); 10].into()
        }),
        queue("2,000 records of a made-up reference each", |known| made_up(known, 2_000).into()),
        attack(
            Channel::Queue,
            "10,000 records with a made-up reference each, then the good record: more references than an event may name",
            |known| made_up(known, 10_000).into(),
            AS_IT_CAME,
            AS_IT_CAME,
        ),
        queue("a reference cut short", |_| cut_short(1).into()),
        queue("18,000 references cut short", |_| vec![json!(cut_short(18_000)).to_string()].into()),
        queue("5 MiB named 1,000 times", |known| vec![json!(vec![&known.large; 1_000]).to_string()].into()),
        queue("10 records, each of which names 5 MiB 6 times", |known| {
            vec![json!(vec![&known.large; 6]).to_string(); 10].into()
        }),
        queue("9 bytes named 40 times, 21 texts deep", |known| {
            vec![nest_texts(&vec![&known.short[..]; 40].join("\",\""), 21)].into()
        }),
        queue("9 bytes named 40 times, 64 texts deep", |known| {
            vec![nest_texts(&vec![&known.short[..]; 40].join("\",\""), 64)].into()
        }),
        queue("4,097 made-up references", |known| vec![json!(made_up(known, 4_097)).to_string()].into()),
        queue("1,000 references signed by an unknown key", |_| signed_by(OTHER_KEY, 1_000).into()),
        queue("60 contents of 390 KB, their sizes said to be 1", |known| of_size(&known.items, "1").into()),
        queue("a document without its end", |known| vec![format!("[\"{}\"", known.large)].into()),
    ]
}

fn in_responses() -> Vec<Attack> {
    vec![
        response("101 texts that begin like a reference", |_| json!(look_alikes(101)).into(), STORED),
        response("20,000 texts of 12 bytes that begin like a reference", |_| json!(look_alikes(20_000)).into(), STORED),
        response(
            "an object with 20,000 members, whose values are texts that begin like a reference",
            |_| members(20_000).into(),
            STORED,
        ),
        response("300,000 texts that begin like a reference", |_| json!(look_alikes(300_000)).into(), STORED),
        response(
            "1,000 texts that begin like a reference, each inside 100 nested arrays",
            |_| json!(vec![nested_array(100); 1_000]).into(),
            STORED,
        ),
        response(
            "20,000 texts that begin like a reference, inside of a text",
            |_| json!([json!(look_alikes(20_000)).to_string()]).into(),
            STORED,
        ),
        response("20,000 texts that begin like a reference, spelt by escapes", |_| respelt(20_000).into(), STORED),
        response("10,000 names that begin like a reference", |_| names_alike(10_000).into(), UNTOUCHED),
        response("700,000 numbers", |_| json!(vec![1_234_567; 700_000]).into(), STORED),
        response("900,000 control characters", |_| quote(&"\u{1}".repeat(900_000)).into(), STORED),
        response(
            "1,000 texts of 5,001 bytes",
            |_| json!((0..1_000).map(|seed| noise(5_001, seed)).collect::<Vec<_>>()).into(),
            STORED,
        ),
    ]
}

fn in_errors() -> Vec<Attack> {
    vec![
        error("a reference to a stored content, in an error's message", |known| error_document(&known.short), STORED),
        error("a document that quotes a reference", |known| error_document(&json!([known.short]).to_string()), STORED),
        error("5 MiB by a text in it", |known| error_document(&json!({ "cause": known.large }).to_string()), STORED),
        error(
            "20,000 texts that begin like a reference",
            |_| json!({ "errorType": "E", "errorMessage": "m", "stackTrace": look_alikes(20_000) }).into(),
            BROKEN,
        ),
        error("1 MiB of words", |_| error_document(&noise(MIB - 200, 1)), UNTOUCHED),
    ]
}

fn error_document(message: &str) -> Message {
    json!({ "errorType": "Error", "errorMessage": message, "stackTrace": [] }).into()
}

fn cut(document: &Value) -> Message {
    document.to_string().trim_end_matches(']').to_owned().into()
}

fn names(reference: &str) -> String {
    let members: Vec<_> = (0..10_000).map(|number| format!("{}:{number}", quote(reference))).collect();
    format!("{{{}}}", members.join(","))
}

fn names_alike(count: usize) -> String {
    let members: Vec<_> = look_alikes(count).iter().map(|name| format!("{}:1", quote(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// What anybody could write who knows how an API's event looks.
fn imitation(references: &[&String]) -> Value {
    json!({ "requestContext": { "stage": "x" }, "headers": {}, "methodArn": "arn", "type": "REQUEST", "references": references })
}

fn legacy(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("@content:dynamodb:table:record-8476a536-e9f4-11e8-9739-{number:012x}")).collect()
}

/// References whose field of the size says something else.
fn of_size(references: &[String], size: &str) -> Vec<String> {
    let claim = |reference: &String| {
        let mut fields: Vec<_> = reference.split(':').collect();
        fields[6] = size;
        fields.join(":")
    };
    references.iter().map(claim).collect()
}

/// A reference as a sandbox without a key would print it.
fn unsigned(reference: &str) -> String {
    reference.split(':').take(7).collect::<Vec<_>>().join(":")
}

/// References to what nobody stored. Where references are signed, they have a signature that is not one.
fn made_up(known: &Known, count: usize) -> Vec<String> {
    let scope =
        known.key.map_or(Scope::new("content"), |key| Scope::new("content").signed_by(key.parse::<Keyring>().unwrap()));
    let reference =
        |number: usize| scope.reference(Ttl::seconds(TTL), &Content::string(format!("guess {number}"))).to_string();
    let forge = |text: String| if known.key.is_some() { forged_mac(&text) } else { text };
    (0..count).map(|number| forge(reference(number))).collect()
}

/// The same reference with another MAC.
fn forged_mac(reference: &str) -> String {
    let (rest, mac) = reference.rsplit_once(':').expect("a signed reference");
    let other = if mac.starts_with('A') { "B" } else { "A" };
    format!("{rest}:{other}{}", &mac[1..])
}

fn signed_by(key: &str, count: usize) -> Vec<String> {
    let scope = Scope::new("content").signed_by(key.parse::<Keyring>().unwrap());
    (0..count)
        .map(|number| scope.reference(Ttl::seconds(TTL), &Content::string(number.to_string())).to_string())
        .collect()
}

fn cut_short(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("@content:1:dynamodb:s:86400:cut-short-{number}")).collect()
}

fn look_alikes(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("@content:{number}")).collect()
}

fn members(count: usize) -> Value {
    look_alikes(count).into_iter().enumerate().map(|(number, text)| (number.to_string(), Value::from(text))).collect()
}

fn nested_array(depth: usize) -> Value {
    serde_json::from_str(&nest("\"@content:deep\"", depth)).unwrap()
}

/// Look-alikes whose first character is an escape.
fn respelt(count: usize) -> String {
    json!(look_alikes(count)).to_string().replace('@', "\\u0040")
}

/// A sandbox of a small function, its address space limited.
async fn sandbox(writer: &World, key: Option<&str>) -> World {
    let world = small(World::start(), key).sharing(writer.table()).await;
    let pid = Pid::from_raw(world.extension.pid().cast_signed());
    let limit = Some(ADDRESS_SPACE as u64);
    rustix::process::prlimit(pid, Resource::As, Rlimit { current: limit, maximum: limit }).unwrap();
    world
}

fn small(world: Builder, key: Option<&str>) -> Builder {
    let world = world.with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", FUNCTION_MB);
    key.into_iter().fold(world, |world, key| world.with("LRAP_SIGNING_KEY", key))
}

/// Who stored what the attacker knows.
async fn writer(key: Option<&'static str>) -> (World, Known) {
    let signed = |world: Builder| key.into_iter().fold(world, |world, key| world.with("LRAP_SIGNING_KEY", key));
    let mut writer = signed(World::start().with("LRAP_CACHE_SIZE", 0)).with_table().await;
    let mut sent = async |content: Value| {
        let response = writer.respond(content.to_string()).await.json();
        serde_json::from_value::<Vec<String>>(response).expect("references")
    };
    let items = sent(json!((0..60).map(|seed| noise(390_000, seed)).collect::<Vec<_>>())).await;
    let mut others = sent(json!(["@content:", "\"".repeat(20 << 10), noise(5 * MIB, 100)])).await.into_iter();
    let mut next = || others.next().expect("three references");
    let (short, marks, large) = (next(), next(), next());
    let mut gathering = signed(World::start().with("MAX_PAYLOAD_SIZE", 5_000)).sharing(writer.table()).await;
    let texts: Vec<_> = (200..500).map(|seed| noise(6_000, seed)).collect();
    let array = gathering.respond(json!(texts).to_string()).await.json().as_str().expect("a reference").to_owned();
    let mut small = signed(World::start().with("MAX_CONTENT_SIZE", 1_000)).sharing(writer.table()).await;
    let mut many = vec![];
    for first in (1_000..5_096).step_by(512) {
        let texts: Vec<_> = (first..first + 512).map(|seed| noise(3_000, seed)).collect();
        let references = small.respond(json!(texts).to_string()).await.json();
        many.extend(serde_json::from_value::<Vec<String>>(references).expect("references"));
    }
    (writer, Known { short, marks, large, items, many, array, key })
}

/// A sandbox under attack, and the runtime beside the attacked one.
struct Ground {
    world: World,
    neighbour: Runtime,
    known: Known,
    _writer: World,
    worst: Worst,
    complaints: Vec<String>,
}

/// The most that any message cost.
#[derive(Debug, Default)]
struct Worst {
    resident: usize,
    requests: u64,
    log: usize,
}

impl Ground {
    async fn new(key: Option<&'static str>) -> Self {
        let (writer, known) = writer(key).await;
        let world = sandbox(&writer, key).await;
        let neighbour = world.another_runtime();
        Self { world, neighbour, known, _writer: writer, worst: Worst::default(), complaints: vec![] }
    }

    /// How one attack ends; it is held against every limit.
    async fn suffers(&mut self, attack: &Attack) -> String {
        let message = (attack.message)(&self.known);
        let document = match message {
            Message::Document(document) => document,
            Message::Bodies(bodies) => self.batch(&bodies),
        };
        self.reset_peak();
        let (before, logged) = (self.world.table().meter(), self.world.extension.logged().len());
        let end = match attack.channel {
            Channel::State | Channel::Queue => self.as_event(&document).await,
            Channel::Response => self.as_outcome("response", &document).await,
            Channel::Error => self.as_outcome("error", &document).await,
        };
        let requests = self.world.table().meter().since(&before).total_requests();
        let log = self.world.extension.logged().len() - logged;
        let resident = self.status("VmHWM");
        println!(
            "{}: {} bytes, {end}, {requests} requests, {log} bytes of log, {} KiB",
            attack.what,
            document.len(),
            resident / 1024
        );
        let exceeded = [
            (requests > REQUESTS.allowed(document.len()), format!("{requests} requests")),
            (log > LOG, format!("{log} bytes of log")),
            (resident > may_hold(attack.channel), format!("{resident} bytes resident")),
        ];
        let complaints = exceeded
            .into_iter()
            .filter(|(is_exceeded, _)| *is_exceeded)
            .map(|(_, how)| format!("{}: {how}", attack.what));
        self.complaints.extend(complaints);
        self.worst.requests = self.worst.requests.max(requests);
        self.worst.log = self.worst.log.max(log);
        self.worst.resident = self.worst.resident.max(resident);
        end
    }

    /// The records with these bodies, and a good one behind them.
    fn batch(&self, bodies: &[String]) -> String {
        let record = |body: &String| json!({ "messageId": "id", "eventSource": "aws:sqs", "body": body });
        let good = record(&json!({ "good": self.known.marks }).to_string());
        json!({ "Records": bodies.iter().map(record).chain([good]).collect::<Vec<_>>() }).to_string()
    }

    /// The message is an event: what becomes of it while the neighbour has its own.
    async fn as_event(&mut self, document: &str) -> String {
        let (id, beside) = (self.world.fresh_id(), self.world.fresh_id());
        let mine = self.poll().await;
        self.neighbour.begin_next().await;
        let theirs = self.waiting(2).await.into_iter().find(|poll| *poll != mine).expect("two polls");
        self.world.lambda.push_to(mine, Event::new(&id, document));
        self.world.lambda.push_to(theirs, Event::new(&beside, json!([self.known.short]).to_string()));
        self.neighbour_is_served(&beside).await;
        let arrived = self.event_or_failure(&id).await;
        match arrived {
            Ok(event) => {
                self.world.runtime.respond(&id, "null").await;
                judge_event(document, &event)
            }
            Err(failure) => {
                let next = self.world.fresh_id();
                self.world.lambda.push(Event::new(&next, "\"works\""));
                assert_eq!(self.world.runtime.event().await.text(), "\"works\"");
                self.world.runtime.respond(&next, "null").await;
                failure.error_type
            }
        }
    }

    async fn event_or_failure(&mut self, id: &str) -> Result<Vec<u8>, Failure> {
        let failed = format!("POST /2018-06-01/runtime/invocation/{id}/error");
        tokio::select! {
            error = self.world.lambda.recorded(&failed) => Err(Failure::of(&error)),
            event = self.world.runtime.event() => Ok(event.body),
        }
    }

    /// The message is what a function says: what reaches Lambda, and what the next function would make of that.
    async fn as_outcome(&mut self, outcome: &str, document: &str) -> String {
        let id = self.world.invocation().await;
        let request = Request::post(&format!("/2018-06-01/runtime/invocation/{id}/{outcome}"), document);
        self.world.runtime.begin(&request).await;
        let beside = self.world.fresh_id();
        self.neighbour.begin_next().await;
        self.world.lambda.push(Event::new(&beside, json!([self.known.short]).to_string()));
        self.neighbour_is_served(&beside).await;
        assert_eq!(self.world.runtime.answer("POST").await.status, 202);
        let left =
            self.world.lambda.recorded(&format!("POST /2018-06-01/runtime/invocation/{id}/{outcome}")).await.body;
        if left == document.as_bytes() {
            return UNTOUCHED.to_owned();
        }
        if left.windows(10).any(|text| text == b"@ content:") {
            return BROKEN.to_owned();
        }
        // Sizes, not contents, are what this function may have: another one reads it.
        let mut reader = small(World::start(), self.known.key)
            .with("LRAP_MAX_EVENT_SIZE", 64 * MIB)
            .sharing(self.world.table())
            .await;
        let read = reader.deliver(left).await.json();
        assert!(read == serde_json::from_str::<Value>(document).unwrap(), "it comes back");
        STORED.to_owned()
    }

    async fn neighbour_is_served(&mut self, id: &str) {
        let event = soon("the neighbour's event", self.neighbour.event()).await;
        assert_eq!((event.id(), event.text().as_str()), (id, "[\"@content:\"]"));
        assert_eq!(self.neighbour.respond(id, "null").await.status, 202);
    }

    /// The position of the attacked runtime's poll in Lambda's log.
    async fn poll(&mut self) -> usize {
        self.world.runtime.begin_next().await;
        self.waiting(1).await[0]
    }

    async fn waiting(&self, count: usize) -> Vec<usize> {
        let are_there = |polls: Vec<usize>| (polls.len() == count).then_some(polls);
        self.world.lambda.until("polls", |log| are_there(log.waiting_polls())).await
    }

    /// The kernel counts the peak anew.
    fn reset_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.world.extension.pid()), "5").unwrap();
    }

    /// Bytes of a line of `/proc/PID/status`.
    fn status(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.world.extension.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }
}

/// Bytes that the process may have while it deals with what comes through this channel.
fn may_hold(channel: Channel) -> usize {
    match channel {
        Channel::State | Channel::Queue => EVENTS,
        Channel::Response | Channel::Error => EVENTS + RESPONSES,
    }
}

/// What became of an event.
fn judge_event(document: &str, event: &[u8]) -> String {
    assert!(event.len() <= MAX_EVENT.max(document.len()), "{} bytes arrived", event.len());
    if event == document.as_bytes() {
        return AS_IT_CAME.to_owned();
    }
    if !document.starts_with("{\"Records\"") {
        return HYDRATED.to_owned();
    }
    let event: Value = serde_json::from_slice(event).unwrap();
    let good = event["Records"].as_array().and_then(|records| records.last()?["body"].as_str()).expect("a body");
    let good: Value = serde_json::from_str(good).unwrap();
    assert!(good["good"] == "\"".repeat(20 << 10), "the good record");
    GOOD_RECORD.to_owned()
}

/// How every attack ends, in the order of [`attacks`].
async fn all_ends(key: Option<&'static str>) -> (Vec<String>, Worst) {
    let mut ground = Ground::new(key).await;
    let mut ends = vec![];
    for attack in attacks() {
        ends.push(ground.suffers(&attack).await);
    }
    assert!(ground.complaints.is_empty(), "{:#?}", ground.complaints);
    (ends, ground.worst)
}

#[tokio::test(flavor = "multi_thread")]
async fn h8_no_hostile_message_costs_more_than_the_docs_say() {
    let (unsigned, worst) = all_ends(None).await;
    println!("unsigned, at most: {worst:?}");
    let (signed, worst) = all_ends(Some(KEY)).await;
    println!("signed, at most: {worst:?}");
    let (mut table, mut others) = (table_head(), vec![]);
    for (attack, (unsigned, signed)) in attacks().iter().zip(unsigned.iter().zip(&signed)) {
        let ends = [unsigned.as_str(), signed];
        others.extend((ends != attack.ends).then(|| format!("{}: {ends:?}", attack.what)));
        let channel = match attack.channel {
            Channel::State => "event",
            Channel::Queue => "queue",
            Channel::Response => "response",
            Channel::Error => "error",
        };
        writeln!(table, "| {channel} | {} | {unsigned} | {signed} |", attack.what).unwrap();
    }
    assert!(others.is_empty(), "other ends than expected: {others:#?}");
    documented("security.md", ["<!-- budgets: begin -->", "<!-- budgets: end -->"], &table);
}

fn table_head() -> String {
    format!(
        "One message can make the extension send at most {} requests to the table and one more for each {} bytes of the message, never more than {}. \
         It writes at most {} KiB of log. In a function of {FUNCTION_MB} MB the process has at most {} MB while it deals with events: \
         `LRAP_MAX_EVENT_SIZE` ({} MiB), the cache ({} MiB) and 20 MB. Responses take at most {} MiB more.\n\n\
         | comes as | message | without a signing key | with a signing key |\n|---|---|---|---|\n",
        REQUESTS.always,
        REQUESTS.bytes_for_another,
        REQUESTS.most,
        LOG / 1024,
        EVENTS.div_ceil(1_000_000),
        MAX_EVENT / MIB,
        CACHE / MIB,
        RESPONSES / MIB,
    )
}
