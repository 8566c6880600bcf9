//! The licence report: what is linked in, under which licence, and every text once. It lies in the layer, because most licences want
//! to travel with the program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::components::{Component, Source};

/// The workspace's own.
const OWN: [&str; 2] = [include_str!("../../../LICENSE-APACHE"), include_str!("../../../LICENSE-MIT")];
/// Some crates say MIT and leave out the text.
const MIT: &str = include_str!("../../licences/mit.txt");
/// How the files are called that hold licences and what must be said besides.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];
const RULE: &str = "------------------------------------------------------------------------------";

/// The report of all components.
///
/// # Errors
/// Names a component whose licence has no text.
pub(crate) fn report(components: &[Component]) -> Result<String> {
    let mut report = String::from("What is linked into the programs of this layer, and under which licences.\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for component in components {
        let title = title(component);
        let _ = writeln!(report, "{title:<40} {}", component.licence);
        for text in texts_of(component)? {
            texts.entry(text).or_default().push(title.clone());
        }
    }
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (text, users) in texts {
        let _ = write!(report, "\n{RULE}\n{}\n{RULE}\n\n{text}\n", users.join(", "));
    }
    Ok(report)
}

fn title(component: &Component) -> String {
    let version = component.version.iter().map(|version| format!(" {version}"));
    component.name.clone() + &version.collect::<String>()
}

fn texts_of(component: &Component) -> Result<Vec<String>> {
    let texts = match &component.source {
        Source::Workspace => OWN.map(tidy).into(),
        Source::Toolchain { text } => vec![tidy(text)],
        Source::Registry { folder, repository } => match texts_in(folder)? {
            texts if texts.is_empty() => supplied(component, repository.as_deref()),
            texts => texts,
        },
    };
    ensure!(!texts.is_empty(), "{} comes without the text of its licence, {}", title(component), component.licence);
    Ok(texts)
}

/// The texts beside a crate's manifest, by the names of their files.
fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file() && holds_licence(path));
    paths.sort();
    paths.iter().map(|path| Ok(tidy(&fs::read_to_string(path)?))).collect()
}

fn holds_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    // Not the module of a program that deals with them.
    NAMES.iter().any(|known| name.starts_with(known)) && path.extension().is_none_or(|extension| extension != "rs")
}

fn supplied(component: &Component, repository: Option<&str>) -> Vec<String> {
    let is_mit = component.licence.split(" OR ").any(|licence| licence == "MIT");
    let holder = repository.map(|repository| format!("Copyright (c) the authors of {} ({repository})", component.name));
    holder.filter(|_| is_mit).map(|holder| format!("{holder}\n\n{}", tidy(MIT))).into_iter().collect()
}

/// Without what differs between copies of one text: line ends, and blank space around it and behind its lines.
fn tidy(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain(name: &str, text: &'static str) -> Component {
        let source = Source::Toolchain { text };
        Component { name: name.to_owned(), version: None, licence: "MIT".to_owned(), source }
    }

    fn registry(licence: &str, repository: Option<&str>) -> Component {
        let source = Source::Registry {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            repository: repository.map(str::to_owned),
        };
        Component { name: "bare".to_owned(), version: Some("1.0.0".to_owned()), licence: licence.to_owned(), source }
    }

    #[test]
    fn a_text_that_many_have_stands_there_once() {
        let report =
            report(&[toolchain("one", "Do as you like.\n"), toolchain("two", "Do as you like. \r\n")]).unwrap();
        assert_eq!(report.matches("Do as you like.").count(), 1);
        assert!(report.contains("one, two\n"));
    }

    #[test]
    fn a_crate_without_a_text_gets_that_of_mit_if_it_says_so() {
        let bare = registry("Zlib OR MIT", Some("https://example.org/bare"));
        let report = report(&[bare]).unwrap();
        assert!(report.contains("Copyright (c) the authors of bare (https://example.org/bare)"));
        assert!(report.contains("Permission is hereby granted"));
    }

    #[test]
    fn a_licence_without_a_text_is_an_error() {
        for bare in [registry("Zlib", Some("https://example.org/bare")), registry("MIT", None)] {
            assert!(report(&[bare]).unwrap_err().to_string().starts_with("bare 1.0.0 comes without the text"));
        }
    }

    #[test]
    fn licences_are_known_by_their_names() {
        for name in ["LICENSE", "LICENSE-MIT", "license.md", "COPYING", "NOTICE.txt", "LICENSE.BSD-3-Clause"] {
            assert!(holds_licence(Path::new(name)), "{name}");
        }
        assert!(!holds_licence(Path::new("README.md")) && !holds_licence(Path::new("licences.rs")));
    }
}
