//! Pages of the documentation, their blocks of code, and the commands in these.

use std::fs;
use std::path::{Path, PathBuf};

/// Languages of blocks in which nothing is typed.
const NO_COMMANDS: [&str; 8] = ["dockerfile", "json", "mermaid", "python", "rust", "text", "toml", "yaml"];

/// The repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a package below the repository")
}

/// A page of the documentation.
#[derive(Debug)]
pub(super) struct Page {
    /// Where it is, from the repository.
    pub(super) name: String,
    pub(super) text: String,
}

/// A fenced block of a page.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) language: String,
    pub(super) text: String,
}

/// Every page below `docs`, and what is beside the code.
pub(super) fn all() -> Vec<Page> {
    let mut paths = below(&root().join("docs"));
    let beside = ["README.md", "ARCHITECTURE.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md"];
    let readmes = ["functions/README.md", "layer/README.md", "local/README.md"];
    paths.extend([&beside[..], &readmes[..]].concat().iter().map(|name| root().join(name)));
    paths.iter().map(|path| Page::read(path)).collect()
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let pages = paths.into_iter().flat_map(|path| match path.extension() {
        _ if path.is_dir() => below(&path),
        Some(extension) if extension == "md" => vec![path],
        _ => vec![],
    });
    pages.collect()
}

/// The page of this name.
pub(super) fn named(name: &str) -> Page {
    Page::read(&root().join(name))
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), text }
    }

    /// Its blocks, in their order.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut lines = self.text.lines().map(str::trim_start);
        let mut blocks = Vec::new();
        while let Some(language) = lines.find_map(|line| line.strip_prefix("```")) {
            let inside: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { language: language.to_owned(), text: inside.join("\n") });
        }
        blocks
    }

    /// Its blocks of one language, each as its text.
    pub(super) fn blocks_of(&self, language: &str) -> Vec<String> {
        self.blocks().into_iter().filter(|block| block.language == language).map(|block| block.text).collect()
    }
}

impl Block {
    /// What is typed: with its prompt where the block shows answers too.
    pub(super) fn commands(&self) -> Vec<String> {
        let is_typed = |line: &&str| match self.language.as_str() {
            "console" => line.starts_with("$ "),
            "sh" | "" => !line.is_empty() && !line.starts_with('#'),
            language => {
                assert!(NO_COMMANDS.contains(&language), "a block of `{language}`: are there commands in it?");
                false
            }
        };
        whole(self.text.lines().filter(is_typed))
    }
}

/// Commands of several lines as one: a loop up to its end.
fn whole<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut commands = Vec::new();
    let mut is_open = false;
    for line in lines {
        match commands.last_mut() {
            Some(last) if is_open => *last = format!("{last}\n{line}"),
            _ => commands.push(line.to_owned()),
        }
        is_open = (is_open || line.ends_with("; do")) && line != "done";
    }
    commands
}

#[test]
fn commands_are_what_is_typed() {
    let commands =
        |language: &str, text: &str| Block { language: language.to_owned(), text: text.to_owned() }.commands();
    assert_eq!(commands("sh", "# first\nmake a\n\nmake b # c"), ["make a", "make b # c"]);
    assert_eq!(commands("sh", "while a; do\n  b\ndone\nc"), ["while a; do\n  b\ndone", "c"]);
    assert_eq!(commands("", "make a"), ["make a"]);
    assert_eq!(commands("console", "$ make a\nmake: done"), ["$ make a"]);
    assert_eq!(commands("text", "make a"), [""; 0]);
}
