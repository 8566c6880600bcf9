//! A9: functions fit in a glance. Lines of each function's body, of all code of the workspace that is not for tests.

use std::fmt;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, ItemFn, ItemImpl, ItemMod, TraitItemFn};

use crate::imports::root_files;
use crate::imports::source::{file_of, is_for_tests};

/// At most so many lines at the median, at the ninetieth per cent, and in the longest.
const LIMITS: [usize; 3] = [7, 18, 60];

/// At most so many lines, tests included: what only some functions need belongs to a crate beside `functions/shared`.
const LONGEST_SHARED: usize = 900;

/// How long one function is.
#[derive(Debug)]
struct Function {
    file: PathBuf,
    name: String,
    lines: usize,
}

/// Functions, the longest last.
struct Functions(Vec<Function>);

impl Functions {
    /// Those of every library and program.
    fn of_the_workspace() -> Self {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        Self::of(root_files().into_iter().map(|(_, file)| file), &read)
    }

    fn of(roots: impl IntoIterator<Item = PathBuf>, read: &dyn Fn(&Path) -> Option<String>) -> Self {
        let mut found = vec![];
        for root in roots {
            let (folder, text) = (root.parent().expect("a file in a folder").to_owned(), read(&root));
            let text = text.unwrap_or_else(|| panic!("{} cannot be read", root.display()));
            Walk { file: root, folder, found: &mut found, read }.file(&text);
        }
        found.sort_by_key(|function| function.lines);
        Self(found)
    }

    /// The lines of the function before which so many of a hundred are.
    fn percentile(&self, percent: usize) -> usize {
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)].lines
    }

    fn figures(&self) -> [usize; 3] {
        [50, 90, 100].map(|percent| self.percentile(percent))
    }

    fn are_within(&self, limits: [usize; 3]) -> bool {
        self.figures().iter().zip(limits).all(|(lines, limit)| *lines <= limit)
    }
}

impl fmt::Display for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, ninth, longest] = self.figures();
        let count = self.0.len();
        writeln!(
            f,
            "{count} functions: {median} lines at the median, {ninth} at the ninetieth per cent, {longest} at most"
        )?;
        let mut longest = self.0.iter().rev().take(25);
        longest.try_for_each(|Function { file, name, lines }| writeln!(f, "{lines:>4} {}: {name}", file.display()))
    }
}

/// Goes through a crate, file by file.
struct Walk<'a> {
    file: PathBuf,
    /// The folder of the files of its modules.
    folder: PathBuf,
    found: &'a mut Vec<Function>,
    read: &'a dyn Fn(&Path) -> Option<String>,
}

impl Walk<'_> {
    fn file(&mut self, text: &str) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", self.file.display()));
        self.visit_file(&parsed);
    }

    fn note(&mut self, name: &syn::Ident, body: &Block) {
        let (opens, closes) = (body.brace_token.span.open().start().line, body.brace_token.span.close().start().line);
        let lines = (closes - opens).saturating_sub(1).max(usize::from(!body.stmts.is_empty()));
        self.found.push(Function { file: self.file.clone(), name: name.to_string(), lines });
    }
}

fn is_left_out(attributes: &[Attribute]) -> bool {
    is_for_tests(attributes) || attributes.iter().any(|attribute| attribute.path().is_ident("test"))
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if is_left_out(&module.attrs) {
            return;
        }
        let name = module.ident.to_string();
        let children = self.folder.join(&name);
        let folder = std::mem::replace(&mut self.folder, children);
        if module.content.is_some() {
            visit::visit_item_mod(self, module);
        } else {
            let place = self.file.display().to_string();
            let (file, text) =
                file_of(&folder, &name, self.read).unwrap_or_else(|| panic!("no file of module {name} of {place}"));
            let parent = std::mem::replace(&mut self.file, file);
            self.file(&text);
            self.file = parent;
        }
        self.folder = folder;
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if !is_left_out(&function.attrs) {
            self.note(&function.sig.ident, &function.block);
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_item_impl(&mut self, block: &'ast ItemImpl) {
        if !is_left_out(&block.attrs) {
            visit::visit_item_impl(self, block);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_left_out(&function.attrs) {
            self.note(&function.sig.ident, &function.block);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.note(&function.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[test]
fn a9_functions_fit_in_a_glance() {
    let functions = Functions::of_the_workspace();
    println!("{functions}");
    assert!(functions.0.len() > 2_000, "the workspace is larger than what was read");
    assert!(functions.are_within(LIMITS), "at most {LIMITS:?} lines; {functions}");
}

#[test]
fn a9_what_every_function_needs_stays_small() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/shared/src");
    let files = std::fs::read_dir(sources).expect("the folder").map(|entry| entry.expect("a file").path());
    let lines: usize = files.map(|file| std::fs::read_to_string(file).expect("a file of text").lines().count()).sum();
    println!("functions/shared: {lines} lines");
    assert!((400..=LONGEST_SHARED).contains(&lines), "functions/shared has {lines} lines");
}

/// Functions of a crate of these files.
fn planted(files: &[(&str, &str)]) -> Functions {
    let read = |path: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned())
    };
    Functions::of([PathBuf::from("lib.rs")], &read)
}

#[test]
fn a9_every_body_is_counted_and_tests_are_not() {
    let lib = "mod one; fn none() {} fn single() { 1 } fn two() {\n1;\n\n}\n
        #[cfg(test)] mod tests; #[cfg(test)] fn three() {\n1;\n2;\n3\n}";
    let one =
        "mod inner { impl T { fn four(&self) {\n1;\n2;\n3;\n4\n} } trait U { fn five() {\n1;\n2;\n3;\n4;\n5\n} } }";
    let functions = planted(&[("lib.rs", lib), ("one.rs", one)]);
    let lines: Vec<_> = functions.0.iter().map(|function| (function.name.as_str(), function.lines)).collect();
    assert_eq!(lines, [("none", 0), ("single", 1), ("two", 2), ("four", 4), ("five", 5)]);
    assert_eq!(functions.figures(), [2, 5, 5]);
    assert!(functions.are_within([2, 5, 5]) && !functions.are_within([2, 5, 4]));
}
