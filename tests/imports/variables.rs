//! Which files name which variables of the environment: spelt out, or by a constant. Unit tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Expr, ImplItemFn, Item, ItemConst, ItemFn, ItemUse, Lit, LitStr, Macro};

use super::source::{attributes, flatten, is_for_tests};

/// Files by the variable that each of them names.
pub(super) type Named = BTreeMap<String, BTreeSet<PathBuf>>;

/// Names without a prefix of ours.
const PLAIN: [&str; 3] = ["AGENT_CONTEXT_TABLE", "MAX_CONTENT_SIZE", "MAX_PAYLOAD_SIZE"];
const PREFIXES: [&str; 3] = ["LRAP_", "LONG_CONTENT_", "AWS_"];

fn is_variable(text: &str) -> bool {
    let is_name = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    PLAIN.contains(&text) || PREFIXES.iter().any(|prefix| text.strip_prefix(prefix).is_some_and(is_name))
}

/// Who spells each variable's name, and who uses it in a function: by its text or by a constant.
pub(super) fn named<'a>(files: impl IntoIterator<Item = (&'a Path, String)>) -> (Named, Named) {
    let mentions: Vec<_> = files.into_iter().map(|(path, text)| (path, Mentions::in_file(path, &text))).collect();
    let mut constants: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (ident, variable) in mentions.iter().flat_map(|(_, mentions)| &mentions.constants) {
        if let Some(variable) = variable {
            constants.entry(ident).or_default().insert(variable);
        }
    }
    let (mut spelt, mut used) = (Named::new(), Named::new());
    for (path, mentions) in &mentions {
        for variable in &mentions.spelt {
            spelt.entry(variable.clone()).or_default().insert(path.to_path_buf());
        }
        for variable in mentions.used_with(&constants) {
            used.entry(variable).or_default().insert(path.to_path_buf());
        }
    }
    (spelt, used)
}

/// What one file says of variables.
#[derive(Default)]
struct Mentions {
    /// Its constants, with the variable that each names, if it names one.
    constants: BTreeMap<String, Option<String>>,
    /// The names that `use` brings in.
    imported: BTreeSet<String>,
    /// Variables whose names it spells.
    spelt: BTreeSet<String>,
    /// Those among them that it spells in functions.
    spelt_in_functions: BTreeSet<String>,
    /// Paths in functions.
    paths: BTreeSet<Vec<String>>,
    /// How many functions are around what is visited.
    depth: usize,
}

impl Mentions {
    fn in_file(path: &Path, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut mentions = Self::default();
        mentions.visit_file(&file);
        mentions
    }

    /// The variables used in functions, where other files define `constants`.
    fn used_with(&self, constants: &BTreeMap<&str, BTreeSet<&str>>) -> BTreeSet<String> {
        let by_constant = self.paths.iter().flat_map(|path| {
            let ident = path.last().expect("a path").as_str();
            let is_short = path.len() == 1;
            match self.constants.get(ident).filter(|_| is_short) {
                Some(own) => own.iter().cloned().collect::<Vec<_>>(),
                None if is_short && !self.imported.contains(ident) => vec![],
                None => constants.get(ident).into_iter().flatten().map(|variable| (*variable).to_owned()).collect(),
            }
        });
        self.spelt_in_functions.iter().cloned().chain(by_constant).collect()
    }

    fn spell(&mut self, text: &str) {
        if is_variable(text) {
            self.spelt.insert(text.to_owned());
            if self.depth > 0 {
                self.spelt_in_functions.insert(text.to_owned());
            }
        }
    }

    /// What is given to a macro need not be Rust: `NAME = "LRAP_NAME"` defines a constant, other words in functions are paths.
    fn tokens(&mut self, tokens: &str) {
        let mut before = "";
        for (at, part) in tokens.split('"').enumerate() {
            if at % 2 == 1 {
                self.spell(part);
                let defined =
                    before.trim_end().strip_suffix('=').and_then(|before| before.split_whitespace().next_back());
                if let Some(ident) = defined.filter(|_| is_variable(part)) {
                    self.constants.insert(ident.to_owned(), Some(part.to_owned()));
                }
            } else if self.depth > 0 {
                let words = part.replace(" :: ", "::");
                let words = words.split(|character: char| !(character.is_alphanumeric() || "_:".contains(character)));
                self.paths.extend(words.map(|word| word.split("::").map(str::to_owned).collect()));
            }
            before = part;
        }
    }
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.depth += 1;
        visit::visit_item_fn(self, function);
        self.depth -= 1;
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if is_for_tests(&function.attrs) {
            return;
        }
        self.depth += 1;
        visit::visit_impl_item_fn(self, function);
        self.depth -= 1;
    }

    fn visit_item_const(&mut self, constant: &'ast ItemConst) {
        let text = match &*constant.expr {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()).filter(|text| is_variable(text)),
                _ => None,
            },
            _ => None,
        };
        if let Some(text) = &text {
            self.spelt.insert(text.clone());
        } else {
            visit::visit_item_const(self, constant);
        }
        self.constants.insert(constant.ident.to_string(), text);
    }

    fn visit_item_use(&mut self, used: &'ast ItemUse) {
        let mut found = vec![];
        flatten(&used.tree, &mut vec![], &mut found);
        self.imported.extend(found.into_iter().filter_map(|(_, name)| name));
    }

    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        self.spell(&text.value());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if self.depth > 0 {
            self.paths.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast Macro) {
        self.tokens(&invoked.tokens.to_string());
    }
}
