//! How long functions are.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::source::Source;

/// A function with its body, from the line of its `fn` to its closing bracket.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The file it stands in, and its line there.
    pub place: String,
    /// Lines without attributes and docs.
    pub lines: usize,
}

/// Every function of the source, those inside of others too.
#[must_use]
pub fn functions(sources: &[Source]) -> Vec<Function> {
    let mut found = Vec::new();
    for source in sources {
        let mut reader = Reader { source, found: &mut found };
        source.items.iter().for_each(|item| reader.visit_item(item));
    }
    found
}

struct Reader<'a> {
    source: &'a Source,
    found: &'a mut Vec<Function>,
}

impl Reader<'_> {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let first = signature.fn_token.span().start().line;
        self.found(signature.ident.to_string(), first, body.span().end().line);
    }

    fn found(&mut self, name: String, first: usize, last: usize) {
        let place = format!("{}:{first}", self.source.path.display());
        self.found.push(Function { name, place, lines: last - first + 1 });
    }

    /// The functions that a macro writes: `fn`, a name, and the next braces before a semicolon.
    fn written(&mut self, tokens: TokenStream) {
        let mut begun: Option<(String, usize)> = None;
        let mut after_fn = None;
        for tree in tokens {
            match tree {
                TokenTree::Ident(word) if word == "fn" => after_fn = Some(word.span().start().line),
                TokenTree::Ident(word) => begun = after_fn.take().map(|line| (word.to_string(), line)).or(begun),
                TokenTree::Punct(sign) if sign.as_char() == ';' => begun = None,
                TokenTree::Group(group) => {
                    if group.delimiter() == Delimiter::Brace
                        && let Some((name, first)) = begun.take()
                    {
                        self.found(name, first, group.span_close().end().line);
                    }
                    self.written(group.stream());
                }
                _ => after_fn = None,
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_macro(&mut self, used: &'ast syn::Macro) {
        self.written(used.tokens.clone());
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.add(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}
