//! The source as it is measured: what ships, without its tests.

use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, Item, Meta};

use crate::tree;

/// One file below `src`.
pub struct Source {
    /// From the root of the repository.
    pub path: PathBuf,
    /// The names of its module below the crate; none for lib.rs.
    pub module: Vec<String>,
    /// Lines of it that are no tests.
    pub lines: usize,
    /// What it defines, without tests.
    pub items: Vec<Item>,
}

/// Every file of the crate that is no test: a file of tests is one that a `#[cfg(test)] mod` names, or what lies below it.
///
/// # Errors
///
/// A file cannot be read, or is not Rust.
pub fn sources(root: &Path) -> Result<Vec<Source>, String> {
    let mut tests = Vec::new();
    let mut sources = Vec::new();
    let paths = tree::files(&root.join("src")).map_err(|error| error.to_string())?;
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let below = path.strip_prefix(root).unwrap_or(path);
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", below.display()))?;
        let file = syn::parse_file(&text).map_err(|error| format!("{}: {error}", below.display()))?;
        let mut source =
            Source { path: below.to_owned(), module: module(below), lines: text.lines().count(), items: file.items };
        let mut cut = Cut { lines: 0, modules: Vec::new() };
        cut.items(&mut source.items);
        source.lines = source.lines.saturating_sub(cut.lines);
        tests.extend(cut.modules.into_iter().map(|name| [source.module.clone(), vec![name]].concat()));
        sources.push(source);
    }
    sources.retain(|source| !tests.iter().any(|test| source.module.starts_with(test)));
    Ok(sources)
}

/// The module that a file is. A program of its own (`src/bin`) is a module that nobody can name.
fn module(path: &Path) -> Vec<String> {
    let parts = path
        .with_extension("")
        .components()
        .skip(1)
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let mut names: Vec<String> = parts;
    if names.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib")) {
        names.pop();
    }
    names
}

/// Takes tests out, and remembers what they were.
struct Cut {
    lines: usize,
    modules: Vec<String>,
}

impl Cut {
    fn items(&mut self, items: &mut Vec<Item>) {
        items.retain_mut(|item| {
            if attributes(item).iter().any(is_test) {
                self.test(item);
                return false;
            }
            match item {
                Item::Impl(block) => block.items.retain(|item| self.kept(item)),
                Item::Mod(inner) => inner.content.iter_mut().for_each(|(_, items)| self.items(items)),
                _ => {}
            }
            true
        });
    }

    fn test(&mut self, item: &Item) {
        self.lines += lines(item);
        if let Item::Mod(module) = item
            && module.content.is_none()
        {
            self.modules.push(module.ident.to_string());
        }
    }

    fn kept(&mut self, item: &ImplItem) -> bool {
        let attributes = match item {
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => return true,
        };
        let is_test = attributes.iter().any(is_test);
        self.lines += if is_test { lines(item) } else { 0 };
        !is_test
    }
}

/// Lines from the first attribute to the last bracket.
pub(super) fn lines(of: &impl Spanned) -> usize {
    let span = of.span();
    span.end().line - span.start().line + 1
}

/// `#[test]`, or `#[cfg(…)]` that asks for tests.
fn is_test(attribute: &Attribute) -> bool {
    if attribute.path().is_ident("test") {
        return true;
    }
    let Meta::List(list) = &attribute.meta else { return false };
    let words = list.tokens.to_string();
    let asks = words.split(|c: char| !c.is_alphanumeric()).any(|word| word == "test");
    list.path.is_ident("cfg") && asks && !words.starts_with("not")
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
