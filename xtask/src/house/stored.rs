//! Stored types and the test that pins their bytes (data-file §8).

use std::collections::BTreeSet;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item};

use super::scope::{Place, Scope};
use super::source::Source;
use crate::tree;

/// The fixture with the bytes: a test that reads it pins what it names.
const FIXTURE: &str = "stored.hex";

/// Every stored type by its name, and whether its bytes are pinned.
///
/// # Errors
///
/// The tests of the store cannot be read.
pub fn stored(root: &Path, sources: &[Source], scope: &Scope) -> std::io::Result<Vec<(String, bool)>> {
    let mut open: Vec<Place> = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/store")) {
        let serialised = source.items.iter().filter(|item| is_serialised(item));
        open.extend(serialised.filter_map(|item| scope.find(&source.module, &[ident(item)?.to_string()])));
    }
    let mut found = BTreeSet::new();
    while let Some(place) = open.pop() {
        let Place::Thing(file, name) = &place else { continue };
        if found.insert((*file, name.clone()))
            && let Some(source) = sources.get(*file)
        {
            open.extend(inside(source, name, scope));
        }
    }
    let pinned = pinned(root)?;
    Ok(found.into_iter().map(|(_, name)| (name.clone(), pinned.contains(&name))).collect())
}

/// The types that the fields of a stored type are of.
fn inside(source: &Source, name: &str, scope: &Scope) -> Vec<Place> {
    struct Fields<'a>(&'a Source, &'a Scope, Vec<Place>);
    impl<'ast> Visit<'ast> for Fields<'_> {
        fn visit_attribute(&mut self, _: &'ast Attribute) {}
        fn visit_type_path(&mut self, path: &'ast syn::TypePath) {
            let words: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.2.extend(self.1.find(&self.0.module, &words));
            visit::visit_type_path(self, path);
        }
    }
    let mut fields = Fields(source, scope, Vec::new());
    let own = source.items.iter().filter(|item| ident(item).is_some_and(|ident| ident == name));
    own.for_each(|item| fields.visit_item(item));
    fields.2
}

fn ident(item: &Item) -> Option<&syn::Ident> {
    match item {
        Item::Struct(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        _ => None,
    }
}

fn is_serialised(item: &Item) -> bool {
    let attributes = match item {
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        _ => return false,
    };
    let mut derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    derives.any(|derive| match &derive.meta {
        syn::Meta::List(list) => list.tokens.to_string().split(',').any(|word| word.trim().ends_with("Serialize")),
        _ => false,
    })
}

/// The words of the tests that read the fixture.
fn pinned(root: &Path) -> std::io::Result<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    for path in
        tree::files(&root.join("src/store"))?.iter().filter(|path| path.extension().is_some_and(|end| end == "rs"))
    {
        let text = std::fs::read_to_string(path)?;
        if text.contains(FIXTURE) {
            words.extend(text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
        }
    }
    Ok(words)
}
