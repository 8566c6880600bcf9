//! What pages name in passing: targets of `make`, commands of the tool, tests, other pages.

use std::fs;
use std::process::Command;

use super::pages::{self, Page, root};
use test_kit::extension::tool;

/// Pages that say what there is. Decisions are older than that, or earlier.
fn present() -> impl Iterator<Item = Page> {
    pages::all().into_iter().filter(|page| !page.name.starts_with("docs/adr/"))
}

/// Whether a source in Rust or Python has a function of this name.
pub(super) fn defines(source: &str, name: &str) -> bool {
    ["fn ", "def "].iter().any(|keyword| source.contains(&format!("{keyword}{name}(")))
}

/// What is between backquotes in the page's prose.
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
    let help = Command::new(tool()).arg("--help").env_clear().output().unwrap().stdout;
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

/// Each line of the page about security that has a column for its test names one.
#[test]
fn every_line_of_the_security_page_names_its_test() {
    let page = pages::named("docs/security.md");
    let (mut has_column, mut found) = (false, 0);
    for line in page.text.lines() {
        match line.strip_prefix('|') {
            None => has_column = false,
            Some(_) if has_column && !line.starts_with("|---") => {
                let last = line.trim_end_matches([' ', '|']).rsplit('|').next().unwrap().to_owned();
                assert!(last.contains('`'), "no test: {line}");
                let item = Page { name: page.name.clone(), text: last.replace("the same two, and ", "") };
                assert_names_tests(&item);
                found += 1;
            }
            Some(_) => has_column |= line.ends_with("| test |"),
        }
    }
    assert!(found > 20, "{found} found");
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

/// The anchors of a page: those that are made of its headings, and those that it names itself.
fn anchors(text: &str) -> Vec<String> {
    let prose = text.split("\n```").step_by(2).collect::<String>();
    let of_heading = |title: &str| {
        let kept = title.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect::<String>()
    };
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let headings = headings.map(|line| of_heading(line.trim_start_matches('#').trim_start()));
    let named = text.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned));
    headings.chain(named).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut found = 0;
    for page in pages::all() {
        let folder = root().join(&page.name).parent().unwrap().to_owned();
        let targets = page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("http")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { root().join(&page.name) } else { folder.join(path) };
            assert!(path.exists(), "{}: {target}", page.name);
            let has_anchor = || anchors(&fs::read_to_string(&path).unwrap()).iter().any(|one| one == anchor);
            assert!(anchor.is_empty() || has_anchor(), "{}: {target} has no such heading", page.name);
            found += 1;
        }
    }
    assert!(found > 100, "{found} found");
}

/// Pages of the documentation, without decisions: those have a separate form.
fn with_readers() -> impl Iterator<Item = Page> {
    let is_index =
        |name: &str| ["README.md", "ARCHITECTURE.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md"].contains(&name);
    present().filter(move |page| !is_index(&page.name))
}

#[test]
fn every_page_begins_with_who_needs_it() {
    let begins = |page: &Page| page.text.split("\n\n").nth(1).is_some_and(|first| first.starts_with("For "));
    let others: Vec<_> = with_readers().filter(|page| !begins(page)).map(|page| page.name).collect();
    assert_eq!(others, [""; 0], "the first paragraph of these does not say who needs them");
}

#[test]
fn every_page_is_in_the_index() {
    let index = pages::named("docs/README.md").text;
    for page in with_readers().filter(|page| page.name != "docs/README.md") {
        // Pages of a folder that has a separate page are listed there.
        let folder = page.name.starts_with("docs/living-with/").then_some("living-with/README.md");
        let target = folder.unwrap_or_else(|| page.name.strip_prefix("docs/").unwrap_or(&page.name));
        let link = if page.name.starts_with("docs/") { target.to_owned() } else { format!("../{target}") };
        assert!(index.contains(&format!("]({link})")), "docs/README.md does not list {}", page.name);
    }
}

#[test]
fn anchors_are_those_of_headings_and_named_ones() {
    let text = "# The title: `a`\n```sh\n# no title\n```\n## O4\n| <a id=\"b4\"></a>B4 |\n";
    assert_eq!(anchors(text), ["the-title-a", "o4", "b4"]);
}
