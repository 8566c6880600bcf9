//! The modules of a crate, and which of them its code names: every path is read, in `use` items, types, expressions and macros.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMacro, ItemMod, Macro, UseTree, Visibility};

/// Where a module is in its crate: the names from the root down.
pub(super) type ModulePath = Vec<String>;

/// The modules of one crate, by path.
#[derive(Debug)]
pub(crate) struct Crate {
    /// As other crates name it.
    pub(super) name: String,
    /// The folder of its root file.
    folder: PathBuf,
    modules: BTreeMap<ModulePath, Module>,
}

/// One module: a file, or a part of one.
#[derive(Debug, Default)]
struct Module {
    file: PathBuf,
    /// What is defined in it.
    items: BTreeSet<String>,
    /// What `use` brings in, by the name that it has here.
    imported: BTreeMap<String, Vec<String>>,
    /// What `use path::*` brings in.
    globs: Vec<Vec<String>>,
    /// Every path in its code.
    paths: BTreeSet<Vec<String>>,
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A module of the same crate, or what is defined in it.
    Inside(ModulePath),
    /// Another crate, and the rest of the path.
    Outside(Vec<String>),
}

impl Crate {
    /// Reads a crate from its root file, without its unit tests.
    pub(crate) fn read(name: &str, root: &Path) -> Self {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        Self::of(name, root, &read)
    }

    /// The same, from files that `read` gives.
    pub(super) fn of(name: &str, root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Self {
        let mut modules = BTreeMap::new();
        let folder = root.parent().expect("a file in a folder");
        let text = read(root).unwrap_or_else(|| panic!("{} cannot be read", root.display()));
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        let place = Place { file: root, folder, path: &[] };
        add_module(&mut modules, place, &file.items, read);
        Self { name: name.to_owned(), folder: folder.to_owned(), modules }
    }

    /// What a file belongs to: itself, or the file beside the folder that it is in.
    pub(super) fn part(&self, file: &Path) -> String {
        let inner = file.strip_prefix(&self.folder).unwrap_or(file);
        let first = inner.components().next().expect("a file").as_os_str().to_string_lossy().into_owned();
        first.trim_end_matches(".rs").to_owned()
    }

    /// Which files of the crate each of its files names, itself aside.
    pub(crate) fn files(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let mut files: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (path, module) in &self.modules {
            let named = files.entry(&module.file).or_default();
            for target in module.paths.iter().filter_map(|used| self.resolve(path, used)) {
                let Target::Inside(target) = target else { continue };
                let file = self.modules[&target].file.as_path();
                if file != module.file {
                    named.insert(file);
                }
            }
        }
        files
    }

    /// What each file names of other crates.
    pub(super) fn outside(&self) -> BTreeMap<&Path, BTreeSet<Vec<String>>> {
        let mut files: BTreeMap<&Path, BTreeSet<Vec<String>>> = BTreeMap::new();
        for (path, module) in &self.modules {
            let named = files.entry(&module.file).or_default();
            named.extend(module.paths.iter().filter_map(|used| match self.resolve(path, used)? {
                Target::Outside(path) => Some(path),
                Target::Inside(_) => None,
            }));
        }
        files
    }

    /// What `used` leads to in the code of module `here`.
    fn resolve(&self, here: &[String], used: &[String]) -> Option<Target> {
        self.resolve_in(here, used, 16)
    }

    fn resolve_in(&self, here: &[String], used: &[String], steps: u32) -> Option<Target> {
        let steps = steps.checked_sub(1)?;
        let (first, rest) = used.split_first()?;
        let parent = || here.split_last().map(|(_, parent)| parent.to_vec());
        match first.as_str() {
            "crate" => self.walk(vec![], rest, steps),
            "self" => self.walk(here.to_vec(), rest, steps),
            "super" => match rest.first().map(String::as_str) {
                Some("super") => self.resolve_in(&parent()?, rest, steps),
                _ => self.walk(parent()?, rest, steps),
            },
            _ if self.knows(here, first) => self.walk(here.to_vec(), used, steps),
            _ if used.len() > 1 => Some(Target::Outside(used.to_vec())),
            _ => None,
        }
    }

    fn knows(&self, here: &[String], name: &str) -> bool {
        let module = &self.modules[here];
        module.imported.get(name).is_some_and(|path| path.first().is_some_and(|first| first != name))
            || module.items.contains(name)
            || self.modules.contains_key(&child(here, name))
    }

    /// Follows the rest of a path from a module down, through what is imported on the way.
    fn walk(&self, mut here: ModulePath, path: &[String], steps: u32) -> Option<Target> {
        for (at, name) in path.iter().enumerate() {
            let inner = child(&here, name);
            if self.modules.contains_key(&inner) {
                here = inner;
                continue;
            }
            let module = self.modules.get(&here)?;
            if let Some(imported) = module.imported.get(name) {
                let whole = [imported, &path[at + 1..]].concat();
                return self.resolve_in(&here, &whole, steps);
            }
            if !module.items.contains(name) {
                let globs = module.globs.iter().map(|glob| [glob, &path[at..]].concat());
                let found = globs
                    .filter_map(|path| self.resolve_in(&here, &path, steps))
                    .find(|target| self.defines(target, name));
                return found.or(Some(Target::Inside(here)));
            }
            break;
        }
        Some(Target::Inside(here))
    }

    fn defines(&self, target: &Target, name: &str) -> bool {
        matches!(target, Target::Inside(path) if self.modules[path].items.contains(name))
    }
}

fn child(path: &[String], name: &str) -> ModulePath {
    [path, &[name.to_owned()]].concat()
}

/// Where a module's code is.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    /// The folder of its children's files.
    folder: &'a Path,
    path: &'a [String],
}

fn add_module(
    modules: &mut BTreeMap<ModulePath, Module>,
    place: Place<'_>,
    items: &[Item],
    read: &dyn Fn(&Path) -> Option<String>,
) {
    let mut module = Module { file: place.file.to_owned(), ..Module::default() };
    for item in items {
        module.items.extend(name_of(item));
        match item {
            item if is_for_tests(attributes(item)) => {}
            Item::Use(used) => {
                let mut used_paths = vec![];
                flatten(&used.tree, &mut vec![], &mut used_paths);
                for (path, name) in used_paths {
                    match name {
                        Some(name) => drop(module.imported.insert(name, path.clone())),
                        None => module.globs.push(path.clone()),
                    }
                    module.paths.insert(path);
                }
            }
            Item::Mod(inner) => add_child(modules, place, inner, read),
            item => Paths(&mut module.paths).visit_item(item),
        }
    }
    modules.insert(place.path.to_vec(), module);
}

fn add_child(
    modules: &mut BTreeMap<ModulePath, Module>,
    place: Place<'_>,
    inner: &ItemMod,
    read: &dyn Fn(&Path) -> Option<String>,
) {
    let name = inner.ident.to_string();
    let path = child(place.path, &name);
    let folder = place.folder.join(&name);
    if let Some((_, items)) = &inner.content {
        add_module(modules, Place { file: place.file, folder: &folder, path: &path }, items, read);
        return;
    }
    let (file, text) = file_of(place.folder, &name, read)
        .unwrap_or_else(|| panic!("no file of module {name} of {}", place.file.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    add_module(modules, Place { file: &file, folder: &folder, path: &path }, &parsed.items, read);
}

/// The file of a module, and what is in it: beside the module's folder. `folder` is that of its parent's children.
pub(crate) fn file_of(folder: &Path, name: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<(PathBuf, String)> {
    let file = folder.join(format!("{name}.rs"));
    read(&file).map(|text| (file, text))
}

/// Each path of a `use` item, and the name that it has afterwards; none where everything of it is taken.
pub(super) fn flatten(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, Option<String>)>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            flatten(&step.tree, path, found);
            path.pop();
        }
        UseTree::Name(last) if last.ident == "self" => found.push((path.clone(), path.last().cloned())),
        UseTree::Name(last) => found.push((joined(path, &last.ident), Some(last.ident.to_string()))),
        UseTree::Rename(last) if last.ident == "self" => found.push((path.clone(), Some(last.rename.to_string()))),
        UseTree::Rename(last) => found.push((joined(path, &last.ident), Some(last.rename.to_string()))),
        UseTree::Glob(_) => found.push((path.clone(), None)),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, path, found)),
    }
}

fn joined(path: &[String], last: &syn::Ident) -> Vec<String> {
    child(path, &last.to_string())
}

pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let mut is_test = false;
        if attribute.path().is_ident("cfg") {
            attribute
                .parse_nested_meta(|meta| {
                    is_test |= meta.path.is_ident("test");
                    Ok(())
                })
                .ok();
        }
        is_test
    })
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(ItemMacro { ident: Some(ident), .. }) => ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Collects the paths of code.
struct Paths<'a>(&'a mut BTreeSet<Vec<String>>);

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast Macro) {
        visit::visit_macro(self, invoked);
        self.in_tokens(&invoked.tokens.to_string());
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(crate)` says who may name an item, and names nothing itself.
    }

    fn visit_item_use(&mut self, used: &'ast syn::ItemUse) {
        let mut found = vec![];
        flatten(&used.tree, &mut vec![], &mut found);
        self.0.extend(found.into_iter().map(|(path, _)| path));
    }
}

impl Paths<'_> {
    /// What is given to a macro need not be Rust; names with `::` between them are paths all the same.
    fn in_tokens(&mut self, tokens: &str) {
        let words: Vec<_> =
            tokens.split(|character: char| !(character.is_alphanumeric() || "_:".contains(character))).collect();
        let mut path: Vec<String> = vec![];
        let mut is_open = false;
        for word in words.into_iter().filter(|word| !word.is_empty()) {
            if word == "::" {
                is_open = true;
                continue;
            }
            if !is_open {
                self.take(&mut path);
            }
            path.extend(word.split("::").filter(|name| !name.is_empty() && !name.contains(':')).map(str::to_owned));
            is_open = word.ends_with("::");
        }
        self.take(&mut path);
    }

    fn take(&mut self, path: &mut Vec<String>) {
        if path.len() > 1 {
            self.0.insert(std::mem::take(path));
        }
        path.clear();
    }
}
