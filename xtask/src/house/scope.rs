//! Which file a name leads to: modules, what they define and what they import, re-exports followed to the definition.

use std::collections::HashMap;

use syn::visit::{self, Visit};
use syn::{Item, UseTree};

use super::source::Source;

/// How often a name may be another name before it is given up.
const STEPS: usize = 12;

/// Where a path ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// A thing, by the file that defines it and its name.
    Thing(usize, String),
    /// A module, by its file.
    Module(usize),
}

/// What a name in a module is.
#[derive(Debug)]
enum Meaning {
    Defined,
    Imported(Vec<String>),
}

/// One path that a `use` brings, as it is written, and the name it has from then on.
#[derive(Debug)]
pub struct Import {
    /// Its segments.
    pub path: Vec<String>,
    /// What it is called here; `*` for everything.
    pub name: String,
    /// Whether it only hands the name on.
    pub is_public: bool,
}

/// The names of the crate.
#[derive(Debug, Default)]
pub struct Scope {
    files: HashMap<Vec<String>, usize>,
    names: HashMap<(Vec<String>, String), Meaning>,
    globs: HashMap<Vec<String>, Vec<Vec<String>>>,
}

impl Scope {
    /// The names of all sources.
    #[must_use]
    pub fn of(sources: &[Source]) -> Self {
        let mut scope = Self::default();
        for (file, source) in sources.iter().enumerate() {
            scope.module(file, &source.module, &source.items);
        }
        scope
    }

    fn module(&mut self, file: usize, module: &[String], items: &[Item]) {
        self.files.insert(module.to_owned(), file);
        for item in items {
            if let Item::Mod(inner) = item
                && let Some((_, items)) = &inner.content
            {
                self.module(file, &[module, &[inner.ident.to_string()]].concat(), items);
            } else if let Item::Use(item) = item {
                imports(item).into_iter().for_each(|import| self.import(module, import));
            } else if let Some(name) = name(item) {
                self.names.insert((module.to_owned(), name), Meaning::Defined);
            }
        }
    }

    fn import(&mut self, module: &[String], import: Import) {
        if import.name == "*" {
            self.globs.entry(module.to_owned()).or_default().push(import.path);
        } else {
            // A name of its own hides what is brought under the same name.
            self.names.entry((module.to_owned(), import.name)).or_insert(Meaning::Imported(import.path));
        }
    }

    /// Where a path leads that is written in a module; `None` out of the crate, or nowhere that is known.
    #[must_use]
    pub fn find(&self, module: &[String], path: &[String]) -> Option<Place> {
        self.walk(module, path, STEPS)
    }

    fn walk(&self, module: &[String], path: &[String], steps: usize) -> Option<Place> {
        let steps = steps.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.down(&[], rest, steps),
            "self" => self.down(module, rest, steps),
            "super" => self.down(module.split_last()?.1, rest, steps),
            _ => self.down_named(module, path, steps),
        }
    }

    /// From a module along a path; a path that is over is the module itself.
    fn down(&self, module: &[String], path: &[String], steps: usize) -> Option<Place> {
        match path.first().map(String::as_str) {
            None => self.files.get(module).copied().map(Place::Module),
            Some("super" | "self") => self.walk(module, path, steps),
            Some(_) => self.down_named(module, path, steps),
        }
    }

    fn down_named(&self, module: &[String], path: &[String], steps: usize) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let inner = [module, std::slice::from_ref(first)].concat();
        match self.names.get(&(module.to_owned(), first.clone())) {
            // A module and a function may share a name: the path that goes on means the module.
            Some(Meaning::Defined) if rest.is_empty() || !self.files.contains_key(&inner) => {
                Some(Place::Thing(*self.files.get(module)?, first.clone()))
            }
            Some(Meaning::Imported(target)) => self.walk(module, &[target, rest].concat(), steps),
            _ if self.files.contains_key(&inner) => self.down(&inner, rest, steps),
            _ => self.through_globs(module, path, steps),
        }
    }

    fn through_globs(&self, module: &[String], path: &[String], steps: usize) -> Option<Place> {
        let steps = steps.checked_sub(1)?;
        let globs = self.globs.get(module)?;
        globs.iter().find_map(|glob| self.walk(module, &[glob, path].concat(), steps))
    }
}

/// The name that an item defines.
fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Every path of a `use`.
#[must_use]
pub fn imports(item: &syn::ItemUse) -> Vec<Import> {
    fn collect(tree: &UseTree, before: &[String], found: &mut Vec<(Vec<String>, String)>) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => collect(&path.tree, &with(&path.ident), found),
            UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, before, found)),
            UseTree::Glob(_) => found.push((before.to_owned(), "*".to_owned())),
            UseTree::Name(name) if name.ident == "self" => {
                found.push((before.to_owned(), before.last().cloned().unwrap_or_default()))
            }
            UseTree::Name(name) => found.push((with(&name.ident), name.ident.to_string())),
            UseTree::Rename(rename) if rename.ident == "self" => {
                found.push((before.to_owned(), rename.rename.to_string()))
            }
            UseTree::Rename(rename) => found.push((with(&rename.ident), rename.rename.to_string())),
        }
    }
    let mut found = Vec::new();
    collect(&item.tree, &[], &mut found);
    let is_public = !matches!(item.vis, syn::Visibility::Inherited);
    found.into_iter().map(|(path, name)| Import { path, name, is_public }).collect()
}

/// The structs and enums of a source, those inside of functions too.
#[must_use]
pub fn types(source: &Source) -> Vec<String> {
    struct Types(Vec<String>);
    impl<'ast> Visit<'ast> for Types {
        fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
            self.0.push(item.ident.to_string());
        }
        fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
            self.0.push(item.ident.to_string());
        }
        fn visit_item(&mut self, item: &'ast Item) {
            visit::visit_item(self, item);
        }
    }
    let mut types = Types(Vec::new());
    source.items.iter().for_each(|item| types.visit_item(item));
    types.0
}
