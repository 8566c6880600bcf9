//! What can be asked for: every command and every option once. Parsing, help and completions come from these two lists.

/// A command.
pub(super) struct Command {
    pub(super) name: &'static str,
    /// What it takes, as the help shows it.
    pub(super) operands: &'static str,
    /// Least and greatest number of operands.
    pub(super) count: (usize, usize),
    /// How a shell completes an operand.
    pub(super) completes: Completes,
    pub(super) help: &'static str,
}

/// How a shell completes a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completes {
    Nothing,
    Files,
    Words(&'static [&'static str]),
}

/// An option.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    /// What it takes, if anything.
    pub(super) value: Option<(&'static str, Completes)>,
    pub(super) help: &'static str,
    /// The commands that know it; none for all.
    pub(super) commands: &'static [&'static str],
}

pub(super) const SHELLS: &[&str] = &["bash", "zsh", "fish"];
pub(super) const FORMS: &[&str] = &["event", "response"];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "cat",
        operands: "REFERENCE",
        count: (1, 1),
        completes: Completes::Nothing,
        help: "Write the content of a reference to standard output, byte for byte",
    },
    Command {
        name: "verify",
        operands: "[REFERENCE|FILE|-]...",
        count: (0, usize::MAX),
        completes: Completes::Files,
        help: "Read contents and say of each whether it is ok; - is standard input, a FILE may be an event",
    },
    Command {
        name: "ls",
        operands: "",
        count: (0, 0),
        completes: Completes::Nothing,
        help: "List what the table holds: a scan, charged by the size of the table",
    },
    Command {
        name: "explain",
        operands: "FILE|-",
        count: (1, 1),
        completes: Completes::Files,
        help: "Say what would be hydrated in an event, or offloaded from a response, and why",
    },
    Command {
        name: "config",
        operands: "",
        count: (0, 0),
        completes: Completes::Nothing,
        help: "Show every setting with its source, and every mistake in them",
    },
    Command {
        name: "completions",
        operands: "bash|zsh|fish",
        count: (1, 1),
        completes: Completes::Words(SHELLS),
        help: "Print a script that completes this command line in a shell",
    },
];

const STORE: &[&str] = &["cat", "verify", "ls", "explain", "config"];

pub(super) const FLAGS: &[Flag] = &[
    Flag {
        name: "output",
        short: Some('o'),
        value: Some(("FILE", Completes::Files)),
        help: "Write to FILE instead",
        commands: &["cat"],
    },
    Flag {
        name: "limit",
        short: None,
        value: Some(("N", Completes::Nothing)),
        help: "Stop after N contents; orphans are then not known",
        commands: &["ls"],
    },
    Flag {
        name: "as",
        short: None,
        value: Some(("event|response", Completes::Words(FORMS))),
        help: "What the document is (default event)",
        commands: &["explain"],
    },
    Flag {
        name: "fetch",
        short: None,
        value: None,
        help: "Read the contents of an event too, and so say exactly what comes of it",
        commands: &["explain"],
    },
    Flag {
        name: "tenant",
        short: None,
        value: Some(("ID", Completes::Nothing)),
        help: "Whose contents, where functions have tenant isolation",
        commands: &["cat", "verify", "explain"],
    },
    Flag {
        name: "table",
        short: None,
        value: Some(("NAME", Completes::Nothing)),
        help: "The content table, in place of AGENT_CONTEXT_TABLE",
        commands: STORE,
    },
    Flag {
        name: "region",
        short: None,
        value: Some(("REGION", Completes::Nothing)),
        help: "In place of AWS_REGION",
        commands: STORE,
    },
    Flag {
        name: "endpoint-url",
        short: None,
        value: Some(("URL", Completes::Nothing)),
        help: "In place of AWS_ENDPOINT_URL_DYNAMODB",
        commands: STORE,
    },
    Flag { name: "json", short: None, value: None, help: "Print one JSON document, errors too", commands: &[] },
    Flag { name: "help", short: Some('h'), value: None, help: "Print help, also of one command", commands: &[] },
    Flag { name: "version", short: Some('V'), value: None, help: "Print version and commit", commands: &[] },
];

impl Command {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|command| command.name == name)
    }

    /// The options that this command knows.
    pub(super) fn flags(&self) -> impl Iterator<Item = &'static Flag> {
        FLAGS.iter().filter(|flag| flag.commands.is_empty() || flag.commands.contains(&self.name))
    }
}

impl Flag {
    /// The option that a word on the command line names, without its hyphens.
    pub(super) fn spelt(word: &str) -> Option<&'static Self> {
        let is_short = |flag: &Flag| flag.short.is_some_and(|short| word.chars().eq([short]));
        FLAGS.iter().find(|flag| flag.name == word || is_short(flag))
    }
}
