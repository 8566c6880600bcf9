//! The documentation is true: every command on every page is run by something, every name in it exists, every link leads
//! somewhere.
//!
//! What can be run here is run as it is on the page ([`shell`]). What needs more has its line in [`RUN_BY`], which names a
//! test that reads the page, or the step of the gate that is the same command. A command without a line fails, and so does a
//! line without a command.

mod names;
mod pages;
mod rules;
mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use pages::{Block, Page, root};

/// Who runs a command.
#[derive(Debug)]
enum By {
    /// A test by its file and name, which takes the command from the page.
    Test(&'static str, &'static str),
    /// A step of the gate.
    Gate(&'static str),
    /// Nobody, and why.
    Nobody(&'static str),
}

const SHELL: &str = "tests/documentation/shell.rs";
const STACKS: By = By::Test("layer/tests/test_docs.py", "test_each_does_what_it_says");
const ATTACHED: By =
    By::Test("tests/flows/test_attach.py", "test_functions_of_somebody_get_the_layer_as_the_page_says");
const LAYER: By = By::Gate("step layer make test-layer");

/// Commands by their page and how they begin.
const RUN_BY: &[(&str, &str, By)] = &[
    // It types both as they are on the page.
    ("README.md", "make demo", By::Gate("step newcomer .ci/newcomer")),
    ("README.md", "make agent", By::Gate("step newcomer .ci/newcomer")),
    ("README.md", "make platform", By::Gate("step newcomer .ci/newcomer")),
    ("docs/platform.md", "make platform", By::Gate("step newcomer .ci/newcomer")),
    (
        "docs/api.md",
        "make load",
        By::Test("tests/flows/test_load.py", "test_a_load_loses_nothing_and_says_what_it_cost"),
    ),
    ("README.md", "make test", By::Gate("step test make test")),
    (
        "docs/agents.md",
        "make agent",
        By::Nobody("it needs a server with a model; tests/runtimes/agent.rs asks the stand-in in its place"),
    ),
    ("docs/api.md", "api", By::Test("functions/webapi/tests/page.rs", "the_examples_of_the_page_do_what_it_says")),
    (
        "docs/agents-over-http.md",
        "curl",
        By::Test("functions/agent/src/tests/examples.rs", "the_examples_of_the_page_get_what_it_says"),
    ),
    ("docs/cli.md", "$ ", By::Test(SHELL, "the_examples_say_what_they_show")),
    ("docs/cli.md", "eval", By::Test(SHELL, "the_commands_of_the_tools_page_find_what_a_state_holds")),
    ("docs/cli.md", "aws stepfunctions", By::Test(SHELL, "the_commands_of_the_tools_page_find_what_a_state_holds")),
    ("docs/cli.md", "lrap put", By::Test(SHELL, "the_commands_of_the_tools_page_find_what_a_state_holds")),
    ("docs/cli.md", "lrap cat", By::Test(SHELL, "the_commands_of_the_tools_page_find_what_a_state_holds")),
    ("docs/living-with/containers.md", "make layer", LAYER),
    (
        "docs/living-with/containers.md",
        "unzip",
        By::Test("tests/runtimes/image.rs", "the_image_of_the_page_runs_through_its_entry_point"),
    ),
    (
        "docs/mcp/claude.md",
        "claude",
        By::Nobody("a program of another company; functions/mcp/tests ask by other clients"),
    ),
    (
        "docs/mcp/servers.md",
        "make mcp-tools",
        By::Nobody("it needs a server and deployed functions; layer/tests/test_mcp_tools.py has stand-ins"),
    ),
    ("docs/mcp/inspector.md", "npx", By::Nobody("it needs Node.js and a server; make mcp-conformance runs it")),
    (
        "docs/performance.md",
        "make bench",
        By::Nobody("half an hour on an idle machine; bench/tests/smoke.rs runs it in small"),
    ),
    ("docs/deploying.md", "make ", STACKS),
    (
        "docs/continuous-deployment.md",
        ".ci/",
        By::Test("layer/tests/test_continuous_deployment.py", "test_the_commands_of_the_page_do_what_it_says"),
    ),
    (
        "docs/continuous-deployment.md",
        ".ci/packages",
        By::Nobody("release builds of everything; make test-layer and functions/shippable check what comes of it"),
    ),
    (
        "docs/extending.md",
        "make operations",
        By::Nobody("it writes files; tests compare them with what it would write"),
    ),
    ("docs/extending.md", "make stacks", By::Gate("step stacks make stacks")),
    ("docs/extending.md", "make validate", By::Gate("step validate make validate")),
    (
        "docs/recovery.md",
        "make ",
        By::Test("layer/tests/test_recovery.py", "test_the_steps_of_the_page_bring_back_what_was_deleted_and_damaged"),
    ),
    ("docs/moving-from-step-functions-agent.md", "make ", STACKS),
    ("docs/operating.md", "make ", STACKS),
    ("docs/troubleshooting.md", "make ", STACKS),
    ("docs/upgrading.md", "make ", STACKS),
    ("functions/README.md", "jq ", By::Test(SHELL, "models_are_put_as_the_page_of_functions_says")),
    (
        "functions/README.md",
        "make package-functions",
        By::Nobody("a release build for another architecture; functions/shippable checks what comes of it"),
    ),
    ("functions/README.md", "make package-", By::Test(SHELL, "functions_are_packaged_as_their_page_says")),
    ("layer/README.md", "make layer", LAYER),
    ("layer/README.md", "make ", STACKS),
    ("layer/README.md", "sam deploy", By::Nobody("the CLI of AWS SAM; make deploy gives the same parameters")),
    (
        "layer/README.md",
        "exec",
        By::Test("tests/runtimes/image.rs", "the_bootstrap_of_the_page_goes_through_the_wrapper"),
    ),
    (
        "local/README.md",
        "cargo build",
        By::Nobody("a release build; make test builds and runs the same program without --release"),
    ),
    (
        "local/README.md",
        "target/release/lambda-local",
        By::Test("tests/runtimes/readme.rs", "lambda_local_does_what_its_page_says"),
    ),
    (
        "local/README.md",
        "aws lambda invoke",
        By::Test("tests/runtimes/readme.rs", "lambda_local_does_what_its_page_says"),
    ),
    ("local/README.md", "echo '{", By::Test("tests/runtimes/readme.rs", "lambda_local_does_what_its_page_says")),
    (
        "local/README.md",
        "aws stepfunctions start-execution",
        By::Nobody("the AWS CLI; local/tests/step_functions.rs does the same with the AWS SDK"),
    ),
    ("local/README.md", "make up", By::Nobody("it stays in the background; local/tests/aws start the same program")),
    ("local/README.md", "export AWS_ENDPOINT_URL", By::Nobody("variables; local/tests/aws give them to the AWS SDK")),
    (
        "local/README.md",
        "aws cloudformation deploy",
        By::Nobody("the AWS CLI; local/tests/aws/test_stacks.py does the same with the AWS SDK"),
    ),
    (
        "local/README.md",
        "make deploy",
        By::Nobody("release builds of everything; layer/tests deploy the same stacks to moto"),
    ),
    ("local/README.md", "make deploy STAGE=local ONLY=layer", ATTACHED),
    ("local/README.md", "echo", ATTACHED),
    ("local/README.md", "python3 -m zipfile", By::Nobody("files; tests/flows/test_attach.py makes the same zip")),
    ("local/README.md", "aws iam create-role", By::Nobody("the AWS CLI; tests/flows/test_attach.py uses the AWS SDK")),
    ("local/README.md", "aws lambda create-function", By::Nobody("the same")),
    ("local/README.md", "aws lambda invoke --function-name writer", By::Nobody("the same")),
    (
        "local/README.md",
        "aws lambda invoke --function-name reader --payload fileb://state.json",
        By::Nobody("the same"),
    ),
    ("local/README.md", "make attach", ATTACHED),
];

/// The line of the table that a command belongs to: the longest beginning wins.
fn line_of(page: &Page, command: &str) -> Option<usize> {
    let lines = RUN_BY.iter().enumerate();
    let fitting = lines.filter(|(_, (name, start, _))| *name == page.name && command.starts_with(start));
    fitting.max_by_key(|(_, (_, start, _))| start.len()).map(|(line, _)| line)
}

#[test]
fn every_command_is_run_by_somebody() {
    let mut unused: Vec<_> = (0..RUN_BY.len()).collect();
    let mut unknown = Vec::new();
    for page in pages::all() {
        for command in page.blocks().iter().flat_map(Block::commands) {
            match line_of(&page, &command) {
                Some(line) => unused.retain(|unused| *unused != line),
                None => unknown.push(format!("{}: {command}", page.name)),
            }
        }
    }
    assert_eq!(unknown, [""; 0], "no line in RUN_BY says who runs these");
    let stale: Vec<_> = unused.into_iter().map(|line| &RUN_BY[line]).collect();
    assert!(stale.is_empty(), "no page has such a command: {stale:?}");
}

#[test]
fn the_file_that_runs_a_command_exists_and_reads_the_page() {
    for (page, start, by) in RUN_BY {
        match by {
            By::Test(file, name) => {
                let source = fs::read_to_string(root().join(file)).unwrap();
                assert!(names::defines(&source, name), "{file} has no {name}, which runs `{start}` of {page}");
                assert!(source.contains(page), "{file} never mentions {page}, of which it runs `{start}`");
            }
            By::Gate(step) => {
                let gate = fs::read_to_string(root().join(".ci/run")).unwrap();
                assert!(
                    gate.lines().any(|line| line == *step),
                    "the gate has no `{step}`, which runs `{start}` of {page}"
                );
            }
            By::Nobody(reason) => assert!(!reason.is_empty()),
        }
    }
}

#[test]
fn what_is_asked_of_make_is_something_it_can_do() {
    for page in pages::all() {
        for command in page.blocks().iter().flat_map(Block::commands).filter(|command| command.starts_with("make ")) {
            let dry = command.replacen("make ", "make --dry-run ", 1);
            let mut make = Command::new("sh");
            make.args(["-c", &dry]).current_dir(root()).env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
            let output = make.output().unwrap();
            assert!(output.status.success(), "{}: {command}: {}", page.name, String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// What `make` says, and whether it succeeds.
fn make(arguments: &[&str]) -> (bool, String) {
    let mut make = Command::new("make");
    make.args(arguments).current_dir(root()).env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    let output = make.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn a_variable_that_make_does_not_know_is_an_error_that_names_it() {
    for misspelt in ["DRYRUN=1", "STGE=dev"] {
        let (succeeds, said) = make(&["--dry-run", "deploy", misspelt]);
        let name = misspelt.split('=').next().unwrap();
        assert!(!succeeds && said.contains(&format!("unknown variables: {name}")), "{misspelt}: {said}");
    }
    assert!(make(&["--dry-run", "deploy", "STAGE=dev", "DRY_RUN=1"]).1.contains("--dry-run"));
    assert!(!make(&["--dry-run", "deploy", "STAGE=dev", "DRY_RUN=0"]).1.contains("--dry-run"));
}

#[test]
fn what_make_agent_cannot_read_is_refused_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat((8 << 20) + 1);
    let cases: [(&str, &[u8], &str); 4] = [
        ("empty", b"", "is empty"),
        ("binary", b"\x7fELF\0\0", "is not a text in UTF-8"),
        ("latin", b"caf\xe9", "is not a text in UTF-8"),
        ("long", long.as_bytes(), "has 8388609 bytes; the agent reads 8388608 at most"),
    ];
    for (name, content, reason) in cases {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        for variable in ["FILE", "AGENT"] {
            let given = format!("{variable}={}", path.display());
            let (succeeds, said) = make(&["agent", &given]);
            assert!(!succeeds && said.contains(&format!("{given} {reason}")), "{said}");
            assert!(!said.contains("step "), "{said}");
        }
    }
    let (succeeds, said) = make(&["agent", "AGENT=nowhere.toml"]);
    assert!(!succeeds && said.contains("AGENT=nowhere.toml is not a file that can be read"), "{said}");
}

/// The words in capitals that are followed by `=`.
fn variables(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && !"_=".contains(c));
    words.filter_map(|word| word.split_once('=').map(|(name, _)| name)).filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_help_lists_every_verb_in_a_group_and_every_variable() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let (_, help) = make(&["help"]);
    let documented = makefile.lines().filter_map(|line| line.split_once(':')).filter(|(_, rest)| rest.contains(" ## "));
    let missing: Vec<_> = documented.filter(|(verb, _)| !help.contains(&format!("  make {verb} "))).collect();
    assert!(missing.is_empty(), "the help lists no group for these: {missing:?}");
    let known = makefile.split_once("VARIABLES := ").unwrap().1.split_once("\n#").unwrap().0;
    let known: BTreeSet<_> = known.split_whitespace().filter(|word| *word != "\\").collect();
    let shown = variables(&help);
    assert_eq!(shown.difference(&known).collect::<Vec<_>>(), [&""; 0], "in the help, and refused");
    // `CI` is set by what runs the gate, `PROFILE` by what measures.
    let hidden: Vec<_> = known.difference(&shown).filter(|name| !["CI", "PROFILE"].contains(name)).collect();
    assert_eq!(hidden, [&""; 0], "taken, and not in the help");
}

/// `tests/packages` without a terminal, on a machine that lacks a tool: whether `make test` goes on, and what it says.
fn without_a_tool(install: Option<&str>) -> (bool, String) {
    let cache = tempfile::tempdir().unwrap();
    let mut packages = Command::new(root().join("tests/packages"));
    packages.arg(cache.path()).arg("lrap-no-such-tool=lrap-no-such-package");
    packages.env_remove("INSTALL").envs(install.map(|value| ("INSTALL", value))).stdin(Stdio::null());
    let output = packages.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn make_test_names_missing_packages_and_installs_nothing_unasked() {
    let (goes_on, said) = without_a_tool(None);
    assert!(!goes_on && said.contains("Nothing was installed"), "{said}");
    assert!(said.contains("apt-get install") && said.contains("lrap-no-such-package"), "{said}");
    let (goes_on, said) = without_a_tool(Some("0"));
    assert!(goes_on && said.contains("lrap-no-such-package"), "{said}");
}
