//! Rules of the contract: every rule that something cites is on its page, and every rule of the page has a test that cites it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::pages::{self, root};

const PAGE: &str = "docs/contract.md";

/// Folders that hold nothing we wrote.
const NOT_OURS: [&str; 6] = ["target", "node_modules", "corpus", ".git", ".cache", "__pycache__"];

/// Every source in Rust and Python.
fn sources() -> Vec<PathBuf> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match path.extension() {
                _ if path.is_symlink() || NOT_OURS.contains(&name.as_str()) => {}
                _ if path.is_dir() => below(&path, found),
                Some(extension) if extension == "rs" || extension == "py" => found.push(path),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    let folders = ["bench", "extension", "functions", "fuzz", "layer", "local", "tests", "wrapper"];
    for folder in folders {
        below(&root().join(folder), &mut found);
    }
    found
}

/// The rules that the page defines, by its headings and the first cells of its tables.
fn defined() -> BTreeSet<String> {
    let text = pages::named(PAGE).text;
    let headings = text.lines().filter_map(|line| line.strip_prefix("### "));
    let rows = text.lines().filter_map(|line| line.strip_prefix("| <a id=\"")?.split_once("</a>")?.1.split(' ').next());
    headings.chain(rows).filter(|name| is_rule(name)).map(str::to_owned).collect()
}

/// Whether this is spelt as a rule's name: `O4`, `S0-24`.
fn is_rule(word: &str) -> bool {
    let (first, second) = word.split_once('-').map_or((word, None), |(first, second)| (first, Some(second)));
    let digits = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let of_letter = first.split_at_checked(1).is_some_and(|(letter, rest)| "ABCEHOPS".contains(letter) && digits(rest));
    of_letter && second.is_none_or(|second| first.starts_with('S') && second.len() == 2 && digits(second))
}

/// The rules that the name of a test begins with: `o5_h6_…`, `s0_11_s0_12_…`.
fn of_test(name: &str) -> Vec<String> {
    let mut words = name.strip_prefix("test_").unwrap_or(name).split('_').peekable();
    let mut rules = Vec::new();
    while let Some(word) = words.next_if(|word| is_rule(&word.to_uppercase())) {
        let of_stacks = matches!(word, "s0" | "s3").then(|| words.next_if(|next| next.len() == 2)).flatten();
        rules.push(of_stacks.map_or_else(|| word.to_uppercase(), |number| format!("{}-{number}", word.to_uppercase())));
    }
    rules
}

/// The names of functions in a source.
fn functions(source: &str) -> impl Iterator<Item = &str> {
    let definitions = source.lines().filter_map(|line| line.split_once("fn ").or_else(|| line.split_once("def ")));
    definitions.filter_map(|(_, rest)| rest.split('(').next())
}

/// The rules that text cites in passing. `S3` and `S5` alone may be anything: of sections, only names of tests count.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '-' && character != '_');
    words.filter(|word| is_rule(word) && (!word.starts_with('S') || word.contains('-')))
}

fn is_comment(line: &&str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with('#') || line.starts_with("\"\"\"")
}

/// Where tests, and what judges a measurement, say in a comment or a string which rules they hold.
fn holds_rules(path: &Path) -> bool {
    path.iter().any(|folder| folder == "tests") || path.ends_with("bench/src/acceptance.rs")
}

#[test]
fn every_rule_that_is_cited_is_on_the_page_of_the_contract() {
    let defined = defined();
    let mut unknown = BTreeSet::new();
    let mut note = |place: String, rule: &str| {
        if !defined.contains(rule) {
            unknown.insert(format!("{place}: {rule}"));
        }
    };
    for path in sources() {
        let source = fs::read_to_string(&path).unwrap();
        for name in functions(&source) {
            for rule in of_test(name) {
                note(format!("{}: {name}", path.display()), &rule);
            }
        }
        for rule in source.lines().filter(is_comment).flat_map(cited) {
            note(path.display().to_string(), rule);
        }
    }
    for page in pages::all() {
        for rule in cited(&page.text) {
            note(page.name.clone(), rule);
        }
    }
    assert!(unknown.is_empty(), "{PAGE} does not define these: {unknown:#?}");
}

#[test]
fn every_rule_of_the_contract_has_a_test_that_cites_it() {
    let mut untested = defined();
    assert!(untested.len() > 70, "{} rules", untested.len());
    let page_of_rules = file!().rsplit('/').next().unwrap();
    for path in sources().into_iter().filter(|path| !path.ends_with(page_of_rules)) {
        let source = fs::read_to_string(&path).unwrap();
        let named: BTreeSet<_> = functions(&source).flat_map(of_test).collect();
        let is_told = holds_rules(path.strip_prefix(root()).unwrap());
        let told: BTreeSet<_> = if is_told { cited(&source).collect() } else { BTreeSet::new() };
        untested.retain(|rule| !named.contains(rule) && !told.contains(rule.as_str()));
    }
    assert!(untested.is_empty(), "no test cites these: {untested:?}");
}

#[test]
fn names_of_rules_are_told_from_other_names() {
    assert!(["O4", "O11", "S0-24", "S5"].iter().all(|word| is_rule(word)));
    assert!(!["X86", "V4", "O123", "O4-05", "S0-7", "OX"].iter().any(|word| is_rule(word)));
    assert_eq!(of_test("o5_h6_callers_are_left_alone"), ["O5", "H6"]);
    assert_eq!(of_test("test_s0_11_s0_12_two_variables_join"), ["S0-11", "S0-12"]);
    assert_eq!(of_test("s3_04_the_python_function"), ["S3-04"]);
    assert_eq!(of_test("s7_64_gets_are_one_read"), ["S7"]);
    assert_eq!(cited("rules O5, H6; S3 bucket; (S0-24).").collect::<Vec<_>>(), ["O5", "H6", "S0-24"]);
}
