//! What the product tells people: the texts in its programs, and those that are installed with it or stand in its papers.

use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

use crate::house::source::sources;
use crate::tree;

/// Folders of texts that people read.
const FOLDERS: [&str; 3] = ["docs", "systemd", "packaging/man"];

/// Texts beside them. The changelog tells of commands that there were.
const BESIDE: [&str; 7] = [
    "README.md",
    "README.ru.md",
    "SECURITY.md",
    "packaging/kaspid.toml",
    "packaging/rpm/kaspid.spec",
    "packaging/debian/kaspid.postinst",
    "packaging/debian/kaspid.postrm",
];

/// Every text: of a source file each literal and each comment that becomes documentation or help, of other files the whole.
///
/// # Errors
///
/// A file cannot be read, or is not Rust.
pub fn told(root: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let mut told = Vec::new();
    for source in sources(root)? {
        let mut texts = Vec::new();
        for item in &source.items {
            literals(item.to_token_stream(), &mut texts);
        }
        told.extend(texts.into_iter().map(|text| (source.path.clone(), text)));
    }
    let mut paths: Vec<PathBuf> = BESIDE.map(|name| root.join(name)).into();
    for folder in FOLDERS {
        paths.extend(tree::files(&root.join(folder)).map_err(|error| format!("{folder}: {error}"))?);
    }
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        told.push((path.strip_prefix(root).unwrap_or(&path).to_owned(), text));
    }
    Ok(told)
}

/// The texts in what was read, in macros, too. Lines of a comment are literals of their own, and one text.
fn literals(tokens: TokenStream, texts: &mut Vec<String>) {
    let mut comment = String::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let mut inner = Vec::new();
                literals(group.stream(), &mut inner);
                let is_doc = group.stream().into_iter().next().is_some_and(|first| first.to_string() == "doc");
                match is_doc {
                    true => comment.extend(inner.iter().flat_map(|line| [line.trim(), "\n"])),
                    false => texts.extend(inner),
                }
            }
            TokenTree::Literal(literal) => {
                if let Ok(syn::Lit::Str(text)) = syn::parse_str(&literal.to_string()) {
                    texts.push(text.value());
                }
            }
            TokenTree::Punct(_) => {}
            TokenTree::Ident(_) => {
                if !comment.is_empty() {
                    texts.push(std::mem::take(&mut comment));
                }
            }
        }
    }
    if !comment.is_empty() {
        texts.push(comment);
    }
}
