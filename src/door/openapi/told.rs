//! What the types of an operation say of its request and reply.

use std::any::TypeId;

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::super::routes::RouteId;
use super::examples;
use super::types::Types;
use crate::operation::{Nothing, OperationId, Parameter, Request, Shape, Upload, Visitor};

/// What the types of an operation say of its request and reply.
pub(super) struct Told {
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    /// The media types of what comes back, and their schemas.
    pub(super) reply: Value,
}

impl Types {
    /// What stands in the path and behind the question mark.
    fn parameters<R: Shape>(&mut self) -> Vec<Value> {
        let place = R::Path::PLACE.trim_matches(['{', '}']);
        let part = (!place.is_empty()).then(|| {
            let schema = self.writes::<R::Path>();
            json!({ "name": place, "in": "path", "required": true, "description": named(place), "schema": schema })
        });
        part.into_iter().chain(self.query::<R::Query>()).collect()
    }

    fn body<R: Shape>(&mut self) -> Option<Value> {
        if TypeId::of::<R::Body>() == TypeId::of::<Nothing>() {
            return None;
        }
        let schema = self.writes::<R::Body>();
        let required = R::without_body().is_none();
        Some(json!({ "required": required, "content": { "application/json": { "schema": schema } } }))
    }

    fn document<T: JsonSchema>(&mut self) -> Value {
        let schema = self.reads::<T>();
        let mut document = json!({ "schema": schema });
        if let Some(example) = examples::recorded(&self.fields::<T>()) {
            document["example"] = example;
        }
        json!({ "application/json": document })
    }
}

/// Tells of an operation.
struct Teller<'t> {
    types: &'t mut Types,
    /// The media types of a reply that is no document.
    other: Option<Value>,
}

impl Visitor for Teller<'_> {
    type Output = Told;

    fn message<R: Request>(self) -> Told {
        let Self { types, other } = self;
        let (parameters, body) = (types.parameters::<R>(), types.body::<R>());
        Told { parameters, body, reply: other.unwrap_or_else(|| types.document::<R::Reply>()) }
    }

    fn upload<R: Upload>(self) -> Told {
        let body = json!({
            "required": true,
            "description": "The table as a database, a spreadsheet or a script writes it: what it is is told from the file itself.",
            "content": table(&json!({ "type": "string", "format": "binary" })),
        });
        let parameters = self.types.query::<R::Query>();
        Told { parameters, body: Some(body), reply: self.types.document::<R::Reply>() }
    }

    fn download<R: Shape>(self) -> Told {
        let Self { types, other } = self;
        let reply = other.unwrap_or_else(|| binary("application/octet-stream"));
        Told { parameters: types.parameters::<R>(), body: types.body::<R>(), reply }
    }
}

fn text(kind: &str) -> Value {
    json!({ kind: { "schema": { "type": "string" } } })
}

fn binary(kind: &str) -> Value {
    json!({ kind: { "schema": { "type": "string", "format": "binary" } } })
}

/// A table in either of its two forms, as text or, of a file that says itself how it is written, as bytes.
fn table(schema: &Value) -> Value {
    json!({ "text/csv": { "schema": schema }, "application/x-ndjson": { "schema": schema } })
}

/// What stands in a path at this place.
fn named(place: &str) -> &'static str {
    match place {
        "bin" => "The organisation",
        "ref" => "The payment: our id of it, or Kaspi's number",
        "phone" => "The customer's number",
        other => panic!("{other} is new: say here what it is"),
    }
}

/// The media types of a reply that is no document.
fn other(route: RouteId) -> Option<Value> {
    match route {
        RouteId::PicturePng => Some(binary("image/png")),
        RouteId::Operation(OperationId::PaymentPicture) => Some(text("image/svg+xml")),
        RouteId::Operation(OperationId::Metrics) => Some(text("text/plain")),
        RouteId::Operation(OperationId::LogExport | OperationId::Statement) => {
            Some(table(&json!({ "type": "string" })))
        }
        RouteId::Operation(_) | RouteId::OpenApi => None,
    }
}

pub(super) fn told(route: RouteId, types: &mut Types) -> Told {
    let this_document = json!({ "application/json": { "schema": { "type": "object" } } });
    let plain = Told { parameters: Vec::new(), body: None, reply: this_document };
    route.operation().map_or(plain, |id| id.visit(Teller { types, other: other(route) }))
}
