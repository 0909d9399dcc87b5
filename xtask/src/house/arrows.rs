//! Who leans on whom: an arrow from a file to each file whose things it names or whose methods it calls, through `self`
//! and through the fields of it too. `mod` is no arrow, and handing a name on (`pub use`) is none either: both lead a
//! reader in, and what stands behind them is reached by whoever uses the name.

use std::collections::{BTreeSet, HashMap};

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Pat};

use super::methods::{In, Methods};
use super::scope::{Place, Scope, imports};
use super::source::Source;

/// For each file the files it leans on.
pub type Arrows = Vec<BTreeSet<usize>>;

/// The arrows of names, and those of calls.
#[must_use]
pub fn arrows(sources: &[Source], scope: &Scope, methods: &Methods) -> (Arrows, Arrows) {
    let (mut names, mut calls) = (Vec::new(), Vec::new());
    for (file, source) in sources.iter().enumerate() {
        let place = In { scope, module: &source.module, own: None };
        let mut reader =
            Reader { methods, place, locals: HashMap::new(), names: BTreeSet::new(), calls: BTreeSet::new() };
        source.items.iter().for_each(|item| reader.visit_item(item));
        reader.names.remove(&file);
        reader.calls.remove(&file);
        names.push(reader.names);
        calls.push(reader.calls);
    }
    (names, calls)
}

struct Reader<'a> {
    methods: &'a Methods,
    place: In<'a>,
    /// What is known of names inside of a function.
    locals: HashMap<String, Place>,
    names: BTreeSet<usize>,
    calls: BTreeSet<usize>,
}

impl Reader<'_> {
    fn named(&mut self, path: &[String]) {
        match self.place.scope.find(self.place.module, path) {
            Some(Place::Thing(file, _)) => drop(self.names.insert(file)),
            // A module that is brought in is used by the paths that begin with it.
            Some(Place::Module(_)) | None => {}
        }
    }

    /// What an expression is, where that is easily seen.
    fn is(&self, expression: &Expr) -> Option<Place> {
        match expression {
            Expr::Path(path) => {
                let name = path.path.get_ident()?.to_string();
                if name == "self" { self.place.own.clone() } else { self.locals.get(&name).cloned() }
            }
            Expr::Field(field) => {
                let name = match &field.member {
                    syn::Member::Named(name) => name.to_string(),
                    syn::Member::Unnamed(number) => number.index.to_string(),
                };
                self.methods.field(&self.is(&field.base)?, &name)
            }
            Expr::MethodCall(call) => self.called(call),
            Expr::Call(call) => self.function(&call.func).and_then(|(_, gives)| gives),
            Expr::Struct(made) => self.thing(&made.path),
            Expr::Reference(inner) => self.is(&inner.expr),
            Expr::Paren(inner) => self.is(&inner.expr),
            Expr::Await(inner) => self.is(&inner.base),
            Expr::Try(inner) => self.is(&inner.expr),
            _ => None,
        }
    }

    fn called(&self, call: &syn::ExprMethodCall) -> Option<Place> {
        let of = self.is(&call.receiver)?;
        let name = call.method.to_string();
        match self.methods.method(&of, &name) {
            Some(method) => method.gives.clone(),
            // The same thing once more, or what holds it taken away.
            None if matches!(name.as_str(), "clone" | "as_ref" | "as_deref" | "unwrap_or_default" | "lock" | "get") => {
                Some(of)
            }
            None => None,
        }
    }

    fn thing(&self, path: &syn::Path) -> Option<Place> {
        if path.is_ident("Self") {
            return self.place.own.clone();
        }
        self.place.scope.find(self.place.module, &words(path)).filter(|place| matches!(place, Place::Thing(..)))
    }

    /// The file of an associated function that is named by its type, and what it gives.
    fn function(&self, named: &Expr) -> Option<(usize, Option<Place>)> {
        let Expr::Path(named) = named else { return None };
        let names = words(&named.path);
        let (last, before) = names.split_last()?;
        let of = match before {
            [only] if only == "Self" => self.place.own.clone()?,
            [] => return None,
            _ => self.place.scope.find(self.place.module, before)?,
        };
        let method = self.methods.method(&of, last)?;
        Some((method.file, method.gives.clone()))
    }

    /// The inside of a macro: expressions where it has them, else the paths and the calls of `self` among its words.
    fn words_of(&mut self, tokens: &TokenStream) {
        let parser = Punctuated::<Expr, syn::Token![,]>::parse_terminated;
        match parser.parse2(tokens.clone()) {
            Ok(expressions) => expressions.iter().for_each(|expression| self.visit_expr(expression)),
            Err(_) => self.loose(tokens),
        }
    }

    fn loose(&mut self, tokens: &TokenStream) {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        for (at, tree) in trees.iter().enumerate() {
            match tree {
                TokenTree::Group(group) => self.words_of(&group.stream()),
                TokenTree::Ident(_) => {
                    let rest: TokenStream = trees.iter().skip(at).cloned().collect();
                    self.longest(rest);
                }
                _ => {}
            }
        }
    }

    /// The expression with which some words begin.
    fn longest(&mut self, tokens: TokenStream) {
        let begin = |input: syn::parse::ParseStream<'_>| {
            let expression = input.call(Expr::parse_without_eager_brace)?;
            input.parse::<TokenStream>()?;
            Ok(expression)
        };
        if let Ok(expression) = begin.parse2(tokens)
            && matches!(
                expression,
                Expr::Path(_) | Expr::MethodCall(_) | Expr::Field(_) | Expr::Call(_) | Expr::Await(_)
            )
        {
            self.visit_expr(&expression);
        }
    }
}

fn words(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if let Item::Use(item) = item {
            imports(item).iter().filter(|import| !import.is_public).for_each(|import| self.named(&import.path));
            return;
        }
        visit::visit_item(self, item);
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        self.place.own = self.place.held(&block.self_ty);
        visit::visit_item_impl(self, block);
        self.place.own = None;
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.locals = self.place.arguments(signature);
        visit::visit_signature(self, signature);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        if let (Pat::Ident(name), Some(init)) = (&local.pat, &local.init) {
            match self.is(&init.expr) {
                Some(place) => drop(self.locals.insert(name.ident.to_string(), place)),
                None => drop(self.locals.remove(&name.ident.to_string())),
            }
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if let Some(method) = self.is(&call.receiver).and_then(|of| self.methods.method(&of, &call.method.to_string()))
        {
            self.calls.insert(method.file);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let Some((file, _)) = self.function(&Expr::Path(path.clone())) {
            self.calls.insert(file);
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.named(&words(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, used: &'ast syn::Macro) {
        self.words_of(&used.tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(module: &str, text: &str) -> Source {
        let module: Vec<String> = module.split_whitespace().map(str::to_owned).collect();
        Source { path: module.join("/").into(), module, lines: 0, items: syn::parse_file(text).unwrap().items }
    }

    /// What the arrows of some files are: names, and calls.
    fn found(sources: &[Source]) -> (Arrows, Arrows) {
        let scope = Scope::of(sources);
        arrows(sources, &scope, &Methods::of(sources, &scope))
    }

    #[test]
    fn a_name_leads_to_its_definition_and_not_to_who_hands_it_on() {
        let front = source("a", "mod b; pub use b::B;");
        let sources = [front, source("a b", "pub struct B;"), source("c", "use crate::a::B; fn f(_: &B) {}")];
        assert_eq!(found(&sources).0, [[].into(), [].into(), [1].into()]);
    }

    #[test]
    fn calls_are_seen_through_self_fields_and_macros() {
        let shop = source("a", "pub struct Shop { room: std::sync::Arc<crate::b::Room> }");
        let room = source("b", "pub struct Room; impl Room { pub fn go(&self) {} }");
        let more = source("c", "impl crate::a::Shop { fn more(&self) {} }");
        let field = source("d", "impl crate::a::Shop { fn one(&self) { self.room.go(); } }");
        let own = source("e", "impl crate::a::Shop { async fn two(&self) { select! { () = self.more() => {} } } }");
        let (_, calls) = found(&[shop, room, more, field, own]);
        assert_eq!(calls, [[].into(), [].into(), [].into(), [1].into(), [2].into()]);
    }
}
