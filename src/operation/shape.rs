//! How a request stands in HTTP: what of it is in the path, in the query and in the body. It is said once; the door
//! reads requests by it, `kaspictl --api` writes them, and the OpenAPI document describes them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{FileFormat, Operation, Reply};
use crate::failure::Failure;
use crate::id::{NotAnId, OrganizationBin, PaymentRef, PhoneNumber};

/// Of a field that may be left out: null means the same in JSON. A frame has no null.
pub(super) fn null_is_usual<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
{
    match deserializer.is_human_readable() {
        true => Option::deserialize(deserializer).map(Option::unwrap_or_default),
        false => T::deserialize(deserializer),
    }
}

/// A request that is one message, whatever its answer is.
pub trait Shape: Sized + Clone + Into<Operation> {
    /// What its path names.
    type Path: Parameter;
    /// Behind the question mark.
    type Query: Fields;
    /// The JSON object.
    type Body: Fields;

    /// What a request without a body means; nothing where it must have one.
    #[must_use]
    fn without_body() -> Option<Self::Body> {
        None
    }

    /// Whether a body is written where it may be left out: of a call that moves money a reader sees where its amount goes.
    const SHOWS_BODY: bool = false;

    /// The request in these parts.
    ///
    /// # Errors
    /// `invalid_request` where they do not belong together.
    fn join(path: Self::Path, query: Self::Query, body: Self::Body) -> Result<Self, Failure>;

    /// The parts of the request.
    #[must_use]
    fn split(self) -> (Self::Path, Self::Query, Self::Body);
}

/// A request that callers ask in a message and that is answered with one.
pub trait Request: Shape {
    /// What comes back.
    type Reply: Described;

    /// The reply, as this request's own.
    ///
    /// # Errors
    /// [`OtherReply`], which a daemon of the same protocol never sends.
    fn reply(reply: Reply) -> Result<Self::Reply, OtherReply>;
}

/// A daemon answered an operation with the reply to another one: it is not the daemon of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("kaspid answered something else")]
pub struct OtherReply;

/// A request whose body is a file; HTTP only.
pub trait Upload: From<(FileFormat, Self::Query)> + Into<Operation> {
    /// Behind the question mark.
    type Query: Fields;
    /// What comes back.
    type Reply: Described;
}

/// What is done with the type of a request, by whoever knows only which operation it is.
pub trait Visitor {
    /// What comes of it.
    type Output;

    /// A message that is answered with a message.
    fn message<R: Request>(self) -> Self::Output;

    /// A file that is answered with a message.
    fn upload<R: Upload>(self) -> Self::Output;

    /// A message that is answered with a file.
    fn download<R: Shape>(self) -> Self::Output;
}

/// What can be described in the OpenAPI document, which a test makes.
#[cfg(test)]
pub trait Described: schemars::JsonSchema {}
#[cfg(test)]
impl<T: schemars::JsonSchema> Described for T {}
/// What can be described in the OpenAPI document, which a test makes.
#[cfg(not(test))]
pub trait Described {}
#[cfg(not(test))]
impl<T> Described for T {}

/// The fields of a query or a body.
pub trait Fields: Serialize + DeserializeOwned + PartialEq + Described + 'static {}
impl<T: Serialize + DeserializeOwned + PartialEq + Described + 'static> Fields for T {}

/// No query parameters, or an empty body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What a path names.
pub trait Parameter: Described + Sized {
    /// Its place in the template of a path.
    const PLACE: &'static str;

    /// Reads it, decoded.
    ///
    /// # Errors
    /// Why the text is no such thing.
    fn read(text: &str) -> Result<Self, NotAnId>;

    /// As it stands in a path.
    fn write(&self) -> String;
}

/// A path that names nothing.
impl Parameter for () {
    const PLACE: &'static str = "";

    fn read(_: &str) -> Result<Self, NotAnId> {
        Ok(())
    }

    fn write(&self) -> String {
        String::new()
    }
}

impl Parameter for OrganizationBin {
    const PLACE: &'static str = "{bin}";

    fn read(text: &str) -> Result<Self, NotAnId> {
        text.parse()
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Parameter for PaymentRef {
    const PLACE: &'static str = "{ref}";

    fn read(text: &str) -> Result<Self, NotAnId> {
        text.parse()
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Parameter for PhoneNumber {
    const PLACE: &'static str = "{phone}";

    fn read(text: &str) -> Result<Self, NotAnId> {
        text.parse()
    }

    fn write(&self) -> String {
        self.with_prefix('7')
    }
}

/// A request as it is written for HTTP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// What stands in its path in place of the template's part in braces.
    pub parameter: String,
    /// The query parameters that say something.
    pub query: Map<String, Value>,
    /// The fields of the body that say something; nothing where the body may be left out and says nothing.
    pub body: Option<Map<String, Value>>,
    /// How the file is written that is the body.
    pub file: Option<FileFormat>,
}

impl Written {
    /// `request` in its parts.
    pub(super) fn of<R: Shape>(request: R) -> Self {
        let (path, query, body) = request.split();
        let is_needed = R::SHOWS_BODY || R::without_body().is_none_or(|usual| usual != body);
        Self { parameter: path.write(), query: telling(&query), body: is_needed.then(|| telling(&body)), file: None }
    }

    /// A request whose body is a file.
    pub(super) fn upload<T: Fields>(format: FileFormat, query: &T) -> Self {
        Self { file: Some(format), query: telling(query), ..Self::default() }
    }
}

/// The fields that say something: a null stands for what was left out, and a flag without which the rest reads the same
/// says nothing either.
fn telling<T: Fields>(value: &T) -> Map<String, Value> {
    let Ok(Value::Object(mut said)) = serde_json::to_value(value) else { return Map::new() };
    said.retain(|_, value| !value.is_null());
    let flags = said.iter().filter(|(_, value)| value.is_boolean()).map(|(name, _)| name.clone());
    for name in flags.collect::<Vec<_>>() {
        let mut rest = said.clone();
        rest.remove(&name);
        if serde_json::from_value::<T>(Value::Object(rest.clone())).is_ok_and(|rest| rest == *value) {
            said = rest;
        }
    }
    said
}

/// The usual shapes, by their word in a row of the table; `file` and `own` are written beside the request.
macro_rules! shape {
    (bare $request:ident) => {
        impl Shape for $request {
            type Path = ();
            type Query = Nothing;
            type Body = Nothing;

            fn without_body() -> Option<Nothing> {
                Some(Nothing {})
            }

            fn join((): (), _: Nothing, _: Nothing) -> Result<Self, Failure> {
                Ok(Self)
            }

            fn split(self) -> ((), Nothing, Nothing) {
                ((), Nothing {}, Nothing {})
            }
        }
    };
    (query $request:ident) => {
        impl Shape for $request {
            type Path = ();
            type Query = Self;
            type Body = Nothing;

            fn without_body() -> Option<Nothing> {
                Some(Nothing {})
            }

            fn join((): (), query: Self, _: Nothing) -> Result<Self, Failure> {
                Ok(query)
            }

            fn split(self) -> ((), Self, Nothing) {
                ((), self, Nothing {})
            }
        }
    };
    (body $request:ident) => {
        impl Shape for $request {
            type Path = ();
            type Query = Nothing;
            type Body = Self;

            fn join((): (), _: Nothing, body: Self) -> Result<Self, Failure> {
                Ok(body)
            }

            fn split(self) -> ((), Nothing, Self) {
                ((), Nothing {}, self)
            }
        }
    };
    (bin $request:ident) => {
        shape! { path $request organization_bin OrganizationBin }
    };
    (payment $request:ident) => {
        shape! { path $request payment PaymentRef }
    };
    (path $request:ident $field:ident $type:ident) => {
        impl Shape for $request {
            type Path = $type;
            type Query = Nothing;
            type Body = Nothing;

            fn without_body() -> Option<Nothing> {
                Some(Nothing {})
            }

            fn join($field: $type, _: Nothing, _: Nothing) -> Result<Self, Failure> {
                Ok(Self { $field })
            }

            fn split(self) -> ($type, Nothing, Nothing) {
                (self.$field, Nothing {}, Nothing {})
            }
        }
    };
    (file $request:ident) => {};
    (own $request:ident) => {};
}
pub(super) use shape;
