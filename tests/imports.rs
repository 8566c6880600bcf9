//! A8: who may know whom, read from the imports: `use` items and paths in code, not words. `ARCHITECTURE.md` has the list. And who
//! reads which variable: of each, one file.

pub(crate) mod source;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::source::Crate;
use self::variables::{Named, named};

/// Crates whose parts are listed one by one.
const IN_PARTS: [&str; 2] = ["lrap", "long_content"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's folder")
}

/// What is read of a `Cargo.toml`.
#[derive(Deserialize)]
struct Manifest {
    workspace: Option<Workspace>,
    package: Option<Package>,
}

#[derive(Deserialize)]
struct Workspace {
    members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

fn manifest(folder: &Path) -> Manifest {
    let path = folder.join("Cargo.toml");
    toml::from_str(&std::fs::read_to_string(&path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The libraries and programs of the workspace.
fn crates() -> Vec<Crate> {
    root_files().iter().map(|(name, file)| Crate::read(name, file)).collect()
}

/// The root file of each library and program of the workspace, with the name of its package.
pub(crate) fn root_files() -> Vec<(String, PathBuf)> {
    let workspace = manifest(root()).workspace.expect("the workspace's own manifest");
    workspace.members.iter().flat_map(|member| root_files_in(&root().join(member))).collect()
}

/// Those of a package.
fn root_files_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let name = manifest(folder).package.expect("a package").name.replace('-', "_");
    let source = folder.join("src");
    let programs = std::fs::read_dir(source.join("bin")).into_iter().flatten().map(|entry| entry.unwrap().path());
    let programs = programs.map(|path| if path.is_dir() { path.join("main.rs") } else { path });
    let files: Vec<PathBuf> = [source.join("lib.rs"), source.join("main.rs")].into_iter().chain(programs).collect();
    files.into_iter().filter(|file| file.exists()).map(|file| (name.clone(), file)).collect()
}

/// Groups of files that name each other, directly or by way of others.
fn circles<'a>(files: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<BTreeSet<&'a Path>> {
    let reached: BTreeMap<_, _> = files.keys().map(|file| (*file, reach(files, file))).collect();
    let circle = |file: &&'a Path| -> BTreeSet<&'a Path> {
        let mutual = reached[file].iter().filter(|other| reached.get(*other).is_some_and(|back| back.contains(file)));
        mutual.copied().collect()
    };
    files.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// Every file that one leads to.
fn reach<'a>(files: &BTreeMap<&'a Path, BTreeSet<&'a Path>>, from: &Path) -> BTreeSet<&'a Path> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        for next in files.get(file).into_iter().flatten() {
            if reached.insert(*next) {
                open.push(next);
            }
        }
    }
    reached
}

/// The circles of a crate, each as the steps in it.
fn steps_in_circles(checked: &Crate) -> Vec<String> {
    let files = checked.files();
    let name = |path: &Path| path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let mut steps = vec![];
    for circle in circles(&files) {
        for file in &circle {
            steps.extend(files[file].intersection(&circle).map(|next| format!("{} -> {}", name(file), name(next))));
        }
    }
    steps
}

/// Who names whom: by crate, and in some by part. A part is a file at the root of a crate with the folder beside it.
type Known = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn known(crates: &[Crate]) -> Known {
    let names: BTreeSet<_> = crates.iter().map(|checked| checked.name.as_str()).collect();
    let mut known = Known::new();
    for checked in crates {
        let is_in_parts = IN_PARTS.contains(&checked.name.as_str());
        let heading = if is_in_parts { &checked.name } else { "crates" };
        let part = |file: &Path| if is_in_parts { checked.part(file) } else { checked.name.clone() };
        let parts = known.entry(heading.to_owned()).or_default();
        for (file, named) in checked.files() {
            let own = part(file);
            let others: BTreeSet<_> = named.iter().map(|file| part(file)).filter(|other| *other != own).collect();
            parts.entry(own).or_default().extend(others);
        }
        for (file, named) in checked.outside() {
            let others = named.into_iter().map(|path| path[0].clone()).filter(|other| names.contains(other.as_str()));
            let own = part(file);
            parts.entry(own.clone()).or_default().extend(others.filter(|other| *other != own));
        }
    }
    known
}

/// The list as it is in `ARCHITECTURE.md`. Who names nobody has no line.
fn print(known: &Known) -> String {
    let mut list = String::new();
    for (heading, parts) in known {
        writeln!(list, "{heading}").unwrap();
        for (part, others) in parts.iter().filter(|(_, others)| !others.is_empty()) {
            let others: Vec<_> = others.iter().map(String::as_str).collect();
            writeln!(list, "  {part} -> {}", others.join(", ")).unwrap();
        }
    }
    list
}

/// The block of `ARCHITECTURE.md` below a heading.
fn block_below(heading: &str) -> String {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section = page.split_once(&format!("\n## {heading}\n")).expect("a section about that").1;
    let block = section.split_once("```text\n").expect("a list").1;
    block.split_once("```").expect("the end of the list").0.to_owned()
}

/// What `ARCHITECTURE.md` allows.
fn allowed() -> String {
    block_below("Which part may use which")
}

/// The names of the folders in a code map.
fn folders(map: &str) -> BTreeSet<&str> {
    let words = map.split(|character: char| character.is_whitespace() || character == ',');
    words.filter_map(|word| word.strip_suffix('/')?.rsplit('/').next()).collect()
}

/// Those of the packages of the workspace, and of what is in `functions`, that a code map does not name.
fn unnamed(map: &str) -> Vec<String> {
    let members = manifest(root()).workspace.expect("the workspace's own manifest").members;
    let functions = std::fs::read_dir(root().join("functions")).unwrap().map(|entry| entry.unwrap().path());
    let functions = functions.filter(|path| path.is_dir() && !path.ends_with("__pycache__"));
    let paths = members.into_iter().map(PathBuf::from).chain(functions);
    let names: BTreeSet<_> = paths.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.into_iter().filter(|name| !folders(map).contains(name.as_str())).collect()
}

#[test]
fn a8_the_code_map_names_every_package_and_every_folder_of_functions() {
    let map = block_below("Code map");
    assert_eq!(unnamed(&map), [""; 0], "not in the code map of ARCHITECTURE.md");
    let without = map.replace("  bus/ ", "  omnibus/ ");
    assert_eq!(unnamed(&without), ["bus"]);
}

#[test]
fn a8_nobody_knows_whom_the_architecture_does_not_name() {
    similar_asserts::assert_eq!(print(&known(&crates())), allowed());
}

#[test]
fn a8_no_file_leads_back_to_itself() {
    let steps: Vec<_> = crates().iter().flat_map(steps_in_circles).collect();
    assert_eq!(steps, [""; 0], "files that name each other");
}

/// A crate of these files.
fn planted(files: &[(&str, &str)]) -> Crate {
    let read = |path: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned())
    };
    Crate::of("long_content", Path::new("lib.rs"), &read)
}

#[test]
fn a8_the_check_sees_a_store_that_plans() {
    for import in [
        "use crate::offload::plan;",
        "use crate::{offload, reference};",
        "fn put() { crate::offload::plan() }",
        "fn put() { assert!(super::offload::plan()) }",
        "use crate::Planner;",
    ] {
        let lib = "mod offload; mod reference; mod store; pub use offload::Planner;";
        let files = [
            ("lib.rs", lib),
            ("offload.rs", "pub fn plan() {} pub struct Planner;"),
            ("reference.rs", ""),
            ("store.rs", import),
        ];
        let known = known(&[planted(&files)]);
        assert!(known["long_content"]["store"].contains("offload"), "{import}");
    }
}

#[test]
fn a8_the_check_sees_a_circle() {
    let files = [
        ("lib.rs", "mod one; mod two;"),
        ("one.rs", "mod inner; use crate::two::Two; pub struct One;"),
        ("one/inner.rs", "pub(crate) fn f() {}"),
        ("two.rs", "pub struct Two(super::one::One);"),
    ];
    assert_eq!(steps_in_circles(&planted(&files)), ["one.rs -> two.rs", "two.rs -> one.rs"]);
}

#[test]
fn a8_the_check_sees_no_circle_where_there_is_none() {
    let files = [
        ("lib.rs", "mod one; mod two; pub use one::One; #[cfg(test)] mod tests { use crate::two::Two; }"),
        ("one.rs", "mod inner; pub(super) struct One(self::inner::Inner);"),
        ("one/inner.rs", "use super::super::two::Two; pub(in crate::one) struct Inner(Two);"),
        ("two.rs", "pub struct Two; #[cfg(test)] mod tests { use crate::one::One; }"),
    ];
    assert_eq!(steps_in_circles(&planted(&files)), [""; 0]);
}

/// The programs whose settings are variables, and their libraries. The wrapper has no dependencies, and reads the port for itself.
fn has_settings(member: &str) -> bool {
    ["extension", "functions"].iter().any(|folder| member.split('/').next() == Some(folder))
}

/// The files of those crates, without unit tests.
fn files_with_settings() -> Vec<PathBuf> {
    let workspace = manifest(root()).workspace.expect("the workspace's own manifest");
    let members = workspace.members.iter().filter(|member| has_settings(member));
    let crates: Vec<_> = members.flat_map(|member| root_files_in(&root().join(member))).collect();
    let crates = crates.iter().map(|(name, file)| Crate::read(name, file));
    crates.flat_map(|checked| checked.files().into_keys().map(Path::to_path_buf).collect::<Vec<_>>()).collect()
}

/// Files that name a variable beside its reader, and why.
const NOT_READERS: [(&str, &[&str], &str); 8] = [
    (
        "extension/cli/src/context.rs",
        &[
            "AGENT_CONTEXT_TABLE",
            "AWS_ACCESS_KEY_ID",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL_DYNAMODB",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ],
        "it fills them in, by options and by the files of the AWS CLI",
    ),
    ("extension/cli/src/inspect_event.rs", &["LRAP_MAX_EVENT_SIZE"], "it says which variable limits the event"),
    ("extension/cli/src/inspect_response.rs", &["MAX_PAYLOAD_SIZE"], "it says which variable limits the response"),
    (
        "extension/src/proxy/in_process.rs",
        &[
            "AGENT_CONTEXT_TABLE",
            "AWS_ACCESS_KEY_ID",
            "AWS_LAMBDA_RUNTIME_API",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "LRAP_HYDRATE",
            "LRAP_KEEP",
            "LRAP_MAX_EVENT_SIZE",
            "LRAP_METRICS",
            "LRAP_OFFLOAD",
            "LRAP_ON_MISSING",
            "LRAP_SIGNING_KEY",
            "MAX_CONTENT_SIZE",
            "MAX_PAYLOAD_SIZE",
        ],
        "it makes them up, for a proxy that is fuzzed",
    ),
    (
        "functions/model/src/service.rs",
        &["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"],
        "it asks only whether the AWS SDK, which reads them, stays on this machine",
    ),
    (
        "functions/gateway-registry/src/registry.rs",
        &["AWS_ENDPOINT_URL"],
        "it names the variable to the AWS SDK's configuration, which reads it",
    ),
    (
        "functions/tool/src/handler.rs",
        &["AGENT_CONTEXT_TABLE"],
        "its `actions::TABLE` is the table of tools, and has only the name of the constant that spells the variable",
    ),
    (
        "functions/tool/src/handler.rs",
        &["MAX_CONTENT_SIZE"],
        "it cuts results to what the extension beside it would leave in place, and links no extension",
    ),
];

/// `variable: files` for each that several files spell, or use in functions.
fn second_readers(spelt: Named, used: Named, also: &BTreeSet<(PathBuf, &str)>) -> Vec<String> {
    let several = spelt.into_iter().chain(used).filter_map(|(variable, mut files)| {
        files.retain(|file| !also.contains(&(file.clone(), variable.as_str())));
        let files: Vec<_> =
            files.iter().map(|file| file.strip_prefix(root()).unwrap_or(file).display().to_string()).collect();
        (files.len() > 1).then(|| format!("{variable}: {}", files.join(", ")))
    });
    several.collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn a8_each_variable_has_one_reader() {
    let files = files_with_settings();
    for reader in ["content/src/store/settings.rs", "content/src/signing/settings.rs", "src/config.rs"] {
        assert!(files.contains(&root().join("extension").join(reader)), "the check looks at the right files");
    }
    let (spelt, used) = named(files.iter().map(|file| (file.as_path(), std::fs::read_to_string(file).unwrap())));
    let mut also = BTreeSet::new();
    for (file, variables, why) in NOT_READERS {
        for variable in variables {
            let is_named = [&spelt, &used].iter().any(|named| named[*variable].contains(&root().join(file)));
            assert!(is_named, "{file} does not name {variable} any more, of which was said: {why}");
            also.insert((root().join(file), *variable));
        }
    }
    assert_eq!(second_readers(spelt, used, &also), [""; 0], "variables that several files read");
}

/// The second readers among planted files.
fn planted_readers(files: &[(&str, &str)]) -> Vec<String> {
    let (spelt, used) = named(files.iter().map(|(path, text)| (Path::new(*path), (*text).to_owned())));
    second_readers(spelt, used, &BTreeSet::new())
}

const READER: (&str, &str) =
    ("one.rs", r#"pub const KEEP: &str = "LRAP_KEEP"; fn keep(vars: &Vars) -> Keep { vars.pointers(KEEP) }"#);

#[test]
fn a8_the_check_sees_a_second_reader() {
    for second in [
        r#"fn keep(vars: &Vars) -> Option<&str> { vars.text("LRAP_KEEP") }"#,
        r#"const KEPT: &str = "LRAP_KEEP"; impl Settings { fn new(vars: &Vars) -> Self { Self(vars.optional(KEPT)) } }"#,
        "use crate::one::KEEP; fn keep(vars: &Vars) -> Option<&str> { vars.text(KEEP) }",
        "fn keep(vars: &Vars) -> Option<&str> { vars.text(super::one::KEEP) }",
        r#"fn keep(name: &str) -> bool { matches!(name, "LRAP_KEEP") }"#,
        r#"settings! { KEEP = "LRAP_KEEP", "none"; }"#,
        "use crate::one::*; fn keep(vars: &Vars) -> Vec<&str> { vec![vars.text(crate::one::KEEP)] }",
    ] {
        assert_eq!(planted_readers(&[READER, ("two.rs", second)]), ["LRAP_KEEP: one.rs, two.rs"], "{second}");
    }
    for variable in ["AGENT_CONTEXT_TABLE", "MAX_CONTENT_SIZE", "AWS_REGION", "LONG_CONTENT_LISTENER_PORT"] {
        let reader = format!("fn read(vars: &Vars) -> Option<&str> {{ vars.text({variable:?}) }}");
        let planted = [("one.rs", reader.as_str()), ("two.rs", reader.as_str())];
        assert_eq!(planted_readers(&planted), [format!("{variable}: one.rs, two.rs")]);
    }
}

#[test]
fn a8_the_check_sees_no_second_reader_where_there_is_none() {
    for other in [
        r#"fn why() -> &'static str { "LRAP_KEEP names it, whatever its size" }"#,
        r#"const KEEP: &str = "kept"; fn keep(table: &Table) -> Option<&str> { table.column(KEEP) }"#,
        r"use crate::one::KEEP; const LISTED: &[&str] = &[KEEP];",
        r#"#[cfg(test)] mod tests { fn keep(vars: &Vars) -> Option<&str> { vars.text("LRAP_KEEP") } }"#,
        r#"fn other(vars: &Vars) -> Option<&str> { vars.text("LRAP_KEEPER") }"#,
    ] {
        assert_eq!(planted_readers(&[READER, ("two.rs", other)]), [""; 0], "{other}");
    }
}
