//! What pages name in passing: targets of `make`, commands of the tool, tests, other pages.

use std::fs;
use std::process::Command;

use super::pages::{self, Page, root};
use crate::kit::extension::binary;

/// Pages that say what there is. Decisions are older than that, or earlier.
fn present() -> impl Iterator<Item = Page> {
    pages::all().into_iter().filter(|page| !page.name.starts_with("docs/adr/"))
}

/// Whether a source in Rust or Python has a function of this name.
pub(super) fn defines(source: &str, name: &str) -> bool {
    ["fn ", "def "].iter().any(|keyword| source.contains(&format!("{keyword}{name}(")))
}

/// What stands between backquotes in the page's prose.
fn quoted(page: &Page) -> Vec<String> {
    let prose: Vec<_> = page.text.split("```").step_by(2).collect();
    prose.join(" ").replace('\n', " ").split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The second words of what is quoted and begins with `program`.
fn asked_of(page: &Page, program: &str) -> Vec<String> {
    let quoted = quoted(page).into_iter();
    let words = quoted.filter_map(|quoted| quoted.strip_prefix(program)?.split_whitespace().next().map(str::to_owned));
    words.filter(|word| is_word(word)).collect()
}

#[test]
fn targets_of_make_are_the_makefiles() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let is_target = |word: &str| makefile.lines().any(|line| line.starts_with(&format!("{word}:")));
    let mut found = 0;
    for page in present() {
        for word in asked_of(&page, "make ") {
            assert!(is_target(&word), "{}: there is no `make {word}`", page.name);
            found += 1;
        }
    }
    assert!(found > 20, "{found} found");
}

#[test]
fn commands_of_the_tool_are_its_own() {
    let help = Command::new(binary()).arg("--help").env_clear().output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    let is_command = |word: &str| help.lines().any(|line| line.starts_with(&format!("  {word} ")));
    let mut found = 0;
    for page in present() {
        // Not a command: what the names that are hashed begin with.
        for word in asked_of(&page, "lrap ").iter().filter(|word| *word != "long-content" && !word.starts_with('-')) {
            assert!(is_command(word), "{}: there is no `lrap {word}`", page.name);
            found += 1;
        }
    }
    assert!(found > 10, "{found} found");
}

/// Where pages tell what was tested, each item names tests and the files they are in.
#[test]
fn tests_that_pages_name_are_in_the_files_they_name() {
    let pages = pages::all().into_iter().filter(|page| page.name.starts_with("docs/living-with/"));
    for page in pages.filter(|page| !page.name.ends_with("README.md")) {
        let (_, tested) =
            page.text.split_once("\n## Tested\n").unwrap_or_else(|| panic!("{} tells no test", page.name));
        assert!(tested.contains("Not tested: "), "{} does not tell what was not", page.name);
        for item in tested.split("\n- ").skip(1) {
            let item = Page { name: page.name.clone(), text: item.split("\n\n").next().unwrap().to_owned() };
            assert_names_tests(&item);
        }
    }
}

fn assert_names_tests(item: &Page) {
    let quoted = quoted(item);
    let (files, others): (Vec<_>, Vec<_>) = quoted.iter().partition(|quoted| quoted.contains('/'));
    assert!(!files.is_empty(), "{}: in which file? {}", item.name, item.text);
    let sources: Vec<_> = files.iter().map(|file| fs::read_to_string(root().join(file)).unwrap()).collect();
    for name in others.into_iter().filter(|name| name.matches('_').count() >= 2 && is_word(name)) {
        assert!(sources.iter().any(|source| defines(source, name)), "{}: {files:?} have no {name}", item.name);
    }
}

/// Whether it is spelt as functions are, and targets of `make` and commands.
fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

#[test]
fn links_lead_somewhere() {
    for page in pages::all() {
        let folder = root().join(&page.name).parent().unwrap().to_owned();
        for target in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            let is_elsewhere = target.starts_with("http") || path.is_empty();
            assert!(is_elsewhere || folder.join(path).exists(), "{}: {target}", page.name);
        }
    }
}
