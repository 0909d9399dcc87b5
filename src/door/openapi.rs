//! Makes `openapi.json` from the route table and the types, and keeps it from diverging. The daemon ships the
//! document, not this generator. Write it anew with `KASPID_BLESS=1 cargo test openapi`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may")]

use std::any::TypeId;
use std::collections::BTreeSet;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::routes::RouteId;
use crate::id::RequestKey;
use crate::operation::{Nothing, OperationId, Parameter, Request, Row, Shape, Upload, Visitor};

/// A generator for what callers write and one for what they read: an absent field may be left out of the
/// first and is null in the second.
struct Types {
    written: SchemaGenerator,
    read: SchemaGenerator,
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into())
}

impl Types {
    fn new() -> Self {
        Self {
            written: settings().for_deserialize().into_generator(),
            read: settings().for_serialize().into_generator(),
        }
    }

    fn writes<T: JsonSchema>(&mut self) -> Option<Schema> {
        Some(self.written.subschema_for::<T>())
    }

    fn reads<T: JsonSchema>(&mut self) -> Schema {
        self.read.subschema_for::<T>()
    }

    /// The query parameters in the fields of `T`.
    fn query<T: JsonSchema>(&mut self) -> Vec<Value> {
        let schema = T::json_schema(&mut self.written).to_value();
        let required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
        let field = |(name, schema): (&String, &Value)| {
            let mut schema = schema.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let schema = without_null(schema);
            json!({
                "name": name, "in": "query", "required": required.contains(&&json!(name)),
                "description": description, "schema": schema,
            })
        };
        schema["properties"].as_object().into_iter().flatten().map(field).collect()
    }

    /// Types that are written and read must look the same both ways, or the document would lie about one.
    fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.written.take_definitions(true);
        all.values_mut().for_each(optional_is_nullable);
        for (name, schema) in self.read.take_definitions(true) {
            let other = all.insert(name.clone(), schema.clone());
            assert!(other.is_none_or(|other| other == schema), "{name} is not the same written and read");
        }
        all
    }
}

/// A field that a caller may leave out may be null as well, which means the same.
fn optional_is_nullable(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, field) in fields.filter(|(name, _)| !required.contains(&json!(name))) {
        let map = field.as_object_mut().unwrap();
        let takes_null = |kinds: &Value| kinds.as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
        let is_null = |kinds: &Value| kinds.as_array().is_some_and(|kinds| kinds.contains(&json!({ "type": "null" })));
        match (map.get("type").cloned(), map.remove("$ref"), map.get("anyOf").cloned()) {
            (_, Some(named), _) => drop(map.insert("anyOf".into(), json!([{ "$ref": named }, { "type": "null" }]))),
            (Some(kinds), ..) if takes_null(&kinds) => {}
            (Some(kind), ..) if kind.is_string() => drop(map.insert("type".into(), json!([kind, "null"]))),
            (None, None, Some(kinds)) if is_null(&kinds) => {}
            other => panic!("no null is known here: {other:?}"),
        }
    }
}

/// A parameter of a query is there or not; it is never null.
fn without_null(mut schema: Value) -> Value {
    if let Some([kind, Value::String(null)]) = schema["type"].as_array().map(Vec::as_slice)
        && null == "null"
    {
        schema["type"] = kind.clone();
    }
    match schema["anyOf"].as_array().map(Vec::as_slice) {
        Some([only, null]) if null["type"] == "null" => only.clone(),
        _ => {
            // Looking for a key of a JSON object must not have made it.
            schema.as_object_mut().into_iter().for_each(|map| map.retain(|_, value| !value.is_null()));
            schema
        }
    }
}

/// What the types of an operation say of its request and reply.
struct Told {
    parameters: Vec<Value>,
    body: Option<Value>,
    /// The media types of what comes back, and their schemas.
    reply: Value,
}

impl Types {
    /// What stands in the path and behind the question mark.
    fn parameters<R: Shape>(&mut self) -> Vec<Value> {
        let place = R::Path::PLACE.trim_matches(['{', '}']);
        let named = (!place.is_empty()).then(|| {
            let schema = self.writes::<R::Path>();
            json!({ "name": place, "in": "path", "required": true, "schema": schema })
        });
        named.into_iter().chain(self.query::<R::Query>()).collect()
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
        json!({ "application/json": { "schema": schema } })
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
            "description": "The guide's table as a database, a spreadsheet or a script writes it: what it is is told from the file itself.",
            "content": { "text/csv": {}, "application/x-ndjson": {} },
        });
        let parameters = self.types.query::<R::Query>();
        Told {
            parameters: parameters.into_iter().collect(),
            body: Some(body),
            reply: self.types.document::<R::Reply>(),
        }
    }

    fn download<R: Shape>(self) -> Told {
        let Self { types, other } = self;
        let reply = other.unwrap_or_else(|| json!({ "application/octet-stream": {} }));
        Told { parameters: types.parameters::<R>(), body: types.body::<R>(), reply }
    }
}

/// The media types of a reply that is no document.
fn other(route: RouteId) -> Option<Value> {
    match route {
        RouteId::PicturePng => Some(json!({ "image/png": {} })),
        RouteId::Operation(OperationId::PaymentPicture) => Some(json!({ "image/svg+xml": {} })),
        RouteId::Operation(OperationId::Metrics) => Some(json!({ "text/plain": {} })),
        RouteId::Operation(OperationId::LogExport | OperationId::Statement) => {
            Some(json!({ "text/csv": {}, "application/x-ndjson": {} }))
        }
        RouteId::Operation(_) | RouteId::OpenApi => None,
    }
}

fn told(route: RouteId, types: &mut Types) -> Told {
    let this_document = json!({ "application/json": { "schema": { "type": "object" } } });
    let plain = Told { parameters: Vec::new(), body: None, reply: this_document };
    route.operation().map_or(plain, |id| id.visit(Teller { types, other: other(route) }))
}

/// What programs made from the document call the operation.
fn name(route: RouteId) -> String {
    match route {
        RouteId::Operation(OperationId::PaymentPicture) => "PictureSvg".to_owned(),
        RouteId::Operation(id) => format!("{id:?}"),
        RouteId::PicturePng | RouteId::OpenApi => format!("{route:?}"),
    }
}

fn responses(route: RouteId, content: &Value) -> Value {
    let ok = |text: &str| json!({ "description": text, "content": content });
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    let mut all = Map::from_iter([("4XX".to_owned(), problem.clone()), ("5XX".to_owned(), problem)]);
    match route.operation() {
        Some(OperationId::Create) => {
            all.insert("201".into(), ok("A new payment"));
            all.insert("200".into(), ok("The payment this key stands for already"));
        }
        Some(OperationId::Enrol) => drop(all.insert("201".into(), ok("The config"))),
        _ => drop(all.insert("200".into(), ok("Done"))),
    }
    all.into()
}

/// The request key of what a caller may repeat.
fn key(types: &mut Types) -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false, "schema": types.writes::<RequestKey>(),
        "description": "One intention of the caller: the same key with the same request never does it twice. \
                        Required for creates and refunds unless [payments] require_key is off.",
    })
}

fn operation(route: RouteId, types: &mut Types) -> Value {
    let Told { mut parameters, body, reply } = told(route, types);
    if let Some(OperationId::Create | OperationId::Cancel | OperationId::Refund) = route.operation() {
        parameters.push(key(types));
    }
    let Row { right, summary, .. } = route.row();
    let mut operation = json!({
        "operationId": name(route),
        "summary": summary,
        "description": format!("Needs the right `{}`.", right.name()),
        "x-kaspid-right": right.name(),
        "parameters": parameters,
        "responses": responses(route, &reply),
    });
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    operation
}

fn document() -> Value {
    let mut types = Types::new();
    let mut paths: Map<String, Value> = Map::new();
    for route in RouteId::all() {
        let Row { method, path, .. } = route.row();
        let path = paths.entry(*path).or_insert_with(|| json!({}));
        path[method.to_lowercase()] = operation(route, &mut types);
    }
    let problem = json!({
        "description": "Why it was not done (RFC 9457)",
        "headers": { "Retry-After": { "description": "Seconds, with 429 and 503", "schema": { "type": "integer" } } },
        "content": { "application/problem+json": { "schema": types.reads::<Problem<'_>>() } },
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "kaspid",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Kaspi Pay over a Unix socket. Amounts are integers of tiyn: 10000 is 100 tenge.",
        },
        "servers": [{ "url": "http://kaspid", "description": "Over /run/kaspid/kaspid.sock" }],
        "paths": paths,
        "components": { "responses": { "Problem": problem }, "schemas": types.definitions() },
    })
}

#[test]
fn openapi_json_is_what_the_types_and_routes_say() {
    let made = format!("{:#}\n", document());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/door/openapi.json");
    if std::env::var_os("KASPID_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == made, "openapi.json is old: look at the change with KASPID_BLESS=1 cargo test openapi");
}

/// Gives a field that may be left out as null.
struct Nulls;

impl Visitor for Nulls {
    type Output = Vec<String>;

    /// What is wrong with null for a field of the body that the document calls optional.
    fn message<R: Request>(self) -> Vec<String> {
        let schema = R::Body::json_schema(&mut settings().for_deserialize().into_generator()).to_value();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let fields = schema["properties"].as_object().cloned().unwrap_or_default();
        let read = |name: &String| serde_json::from_value::<R::Body>(json!({ name: null })).err();
        let wrong = |name: &String| read(name).map(|error| format!("{name}: {error}"));
        // Where others must be there, their absence is what is told.
        let others = |text: &String| !text.contains("missing field") && !text.contains("invalid type: map");
        fields.keys().filter(|name| !required.contains(&json!(name))).filter_map(wrong).filter(others).collect()
    }

    fn upload<R: Upload>(self) -> Vec<String> {
        Vec::new()
    }

    fn download<R: Shape>(self) -> Vec<String> {
        Vec::new()
    }
}

/// Promise: the document says of each field that may be left out that it may be null, and the code takes it.
#[test]
fn what_may_be_left_out_may_be_null() {
    let wrong: Vec<String> = RouteId::all().filter_map(RouteId::operation).flat_map(|id| id.visit(Nulls)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let document = document();
    let field = |pointer: &str| document.pointer(&format!("/components/schemas/{pointer}")).unwrap().clone();
    assert_eq!(field("CreatePayment/properties/repeat_invoice/type"), json!(["boolean", "null"]));
    assert_eq!(field("HandedIdentity/properties/unchecked/type"), json!(["boolean", "null"]));
    assert_eq!(field("CreatePayment/properties/kind/$ref"), json!("#/components/schemas/Kind"));
}

/// No secret has a way out: nothing that is read mentions a token.
#[test]
fn no_reply_has_a_token() {
    let mut types = Types::new();
    for route in RouteId::all() {
        told(route, &mut types);
    }
    let read = Value::from(types.read.take_definitions(true)).to_string();
    assert!(!read.contains("device_token"));
}

/// Every reference leads somewhere.
#[test]
fn references_are_whole() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("local");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}
