//! Which type has which method in which file, which fields, and what they are: enough to see through `self.store.find()`.

use std::collections::HashMap;

use syn::{FnArg, GenericArgument, ImplItem, Item, Pat, PathArguments, ReturnType, Type};

use super::scope::{Place, Scope};
use super::source::Source;

/// What only holds another type: a call goes through it.
const HOLDERS: [&str; 10] = ["Arc", "Rc", "Box", "Option", "Result", "Mutex", "RwLock", "OnceLock", "LazyLock", "Pin"];

/// A method: where it stands and what it gives back, where that is a type of the crate.
#[derive(Debug, Clone)]
pub struct Method {
    /// The file.
    pub file: usize,
    /// What a call of it is.
    pub gives: Option<Place>,
}

/// The types of the crate from inside.
#[derive(Debug, Default)]
pub struct Methods {
    methods: HashMap<(Place, String), Method>,
    fields: HashMap<(Place, String), Place>,
    derefs: HashMap<Place, Place>,
    /// The files in which a type has methods of its own, traits apart.
    pub homes: HashMap<Place, Vec<usize>>,
}

impl Methods {
    /// The types of all sources.
    #[must_use]
    pub fn of(sources: &[Source], scope: &Scope) -> Self {
        let mut methods = Self::default();
        for (file, source) in sources.iter().enumerate() {
            methods.items(file, &In { scope, module: &source.module, own: None }, &source.items);
        }
        methods
    }

    fn items(&mut self, file: usize, place: &In<'_>, items: &[Item]) {
        for item in items {
            match item {
                Item::Impl(block) => self.block(file, place, block),
                Item::Struct(item) => self.fields(place, item),
                _ => {}
            }
        }
    }

    fn fields(&mut self, place: &In<'_>, item: &syn::ItemStruct) {
        let Some(own) = place.scope.find(place.module, &[item.ident.to_string()]) else { return };
        for (number, field) in item.fields.iter().enumerate() {
            let name = field.ident.as_ref().map_or_else(|| number.to_string(), ToString::to_string);
            if let Some(held) = place.held(&field.ty) {
                self.fields.insert((own.clone(), name), held);
            }
        }
    }

    fn block(&mut self, file: usize, place: &In<'_>, block: &syn::ItemImpl) {
        let Some(own) = place.held(&block.self_ty) else { return };
        let inside = In { own: Some(own.clone()), ..*place };
        if block.trait_.is_none() {
            self.homes.entry(own.clone()).or_default().push(file);
        }
        for item in &block.items {
            match item {
                ImplItem::Fn(item) => {
                    let gives = match &item.sig.output {
                        ReturnType::Type(_, gives) => inside.held(gives),
                        ReturnType::Default => None,
                    };
                    let method = Method { file, gives };
                    let key = (own.clone(), item.sig.ident.to_string());
                    match block.trait_ {
                        None => drop(self.methods.insert(key, method)),
                        Some(_) => drop(self.methods.entry(key).or_insert(method)),
                    }
                }
                ImplItem::Type(item) if item.ident == "Target" => {
                    inside.held(&item.ty).map(|target| self.derefs.insert(own.clone(), target));
                }
                _ => {}
            }
        }
    }

    /// A method of a type, or of what it stands for.
    #[must_use]
    pub fn method(&self, of: &Place, name: &str) -> Option<&Method> {
        let found = self.methods.get(&(of.clone(), name.to_owned()));
        found.or_else(|| self.methods.get(&(self.derefs.get(of)?.clone(), name.to_owned())))
    }

    /// What a field of a type is.
    #[must_use]
    pub fn field(&self, of: &Place, name: &str) -> Option<Place> {
        let found = self.fields.get(&(of.clone(), name.to_owned()));
        found.or_else(|| self.fields.get(&(self.derefs.get(of)?.clone(), name.to_owned()))).cloned()
    }
}

/// Where a type is written.
#[derive(Debug, Clone)]
pub struct In<'a> {
    /// All names.
    pub scope: &'a Scope,
    /// The module.
    pub module: &'a [String],
    /// What `Self` is.
    pub own: Option<Place>,
}

impl In<'_> {
    /// The type of the crate that is written here, or that what is written here holds.
    #[must_use]
    pub fn held(&self, written: &Type) -> Option<Place> {
        match written {
            Type::Reference(reference) => self.held(&reference.elem),
            Type::Paren(paren) => self.held(&paren.elem),
            Type::Path(path) => self.path(path),
            _ => None,
        }
    }

    fn path(&self, path: &syn::TypePath) -> Option<Place> {
        let last = path.path.segments.last()?;
        if last.ident == "Self" {
            return self.own.clone();
        }
        let names: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let found = self.scope.find(self.module, &names).filter(|place| matches!(place, Place::Thing(..)));
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return found };
        let inner = || {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(inner) => Some(self.held(inner)),
                _ => None,
            })
        };
        match HOLDERS.iter().any(|holder| last.ident == holder) {
            true => inner().flatten(),
            false => found,
        }
    }

    /// The arguments of a function that are types of the crate.
    #[must_use]
    pub fn arguments(&self, signature: &syn::Signature) -> HashMap<String, Place> {
        let typed = signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        typed
            .filter_map(|typed| match &*typed.pat {
                Pat::Ident(name) => Some((name.ident.to_string(), self.held(&typed.ty)?)),
                _ => None,
            })
            .collect()
    }
}
