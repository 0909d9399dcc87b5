//! Makes `openapi.json` from the route table and the types, and keeps it from diverging. The daemon ships the
//! document, not this generator. Write it anew with `KASPID_BLESS=1 cargo test openapi`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may")]

use std::collections::BTreeSet;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::parse::ResolveBody;
use super::problem::Problem;
use super::request::{RegisterBody, RetireQuery, WaitQuery};
use super::routes::RouteId;
use crate::id::{OrganizationBin, PaymentRef, PhoneNumber, RequestKey};
use crate::operation as op;

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
        for (name, schema) in self.read.take_definitions(true) {
            let other = all.insert(name.clone(), schema.clone());
            assert!(other.is_none_or(|other| other == schema), "{name} is not the same written and read");
        }
        all
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

fn query(route: RouteId, types: &mut Types) -> Vec<Value> {
    match route {
        RouteId::ConfigList => types.query::<op::ConfigQuery>(),
        RouteId::RetireConfig => types.query::<RetireQuery>(),
        RouteId::Select | RouteId::Payer => types.query::<op::Select>(),
        RouteId::PaymentList => types.query::<op::PaymentQuery>(),
        RouteId::PaymentGet => types.query::<WaitQuery>(),
        RouteId::LogList => types.query::<op::LogQuery>(),
        RouteId::Events => types.query::<op::EventQuery>(),
        RouteId::LogExport => types.query::<op::ExportQuery>(),
        RouteId::LogVerify => types.query::<op::VerifyQuery>(),
        RouteId::ReportDay => types.query::<op::DayQuery>(),
        RouteId::ReportRange => types.query::<op::RangeQuery>(),
        RouteId::Health
        | RouteId::Version
        | RouteId::OpenApi
        | RouteId::ConfigGet
        | RouteId::TradePoints
        | RouteId::Enrol
        | RouteId::ChangeConfig
        | RouteId::VerifyConfig
        | RouteId::RegisterDevice
        | RouteId::Create
        | RouteId::Cancel
        | RouteId::Refund
        | RouteId::Resolve
        | RouteId::Adopt
        | RouteId::PictureSvg
        | RouteId::PicturePng
        | RouteId::Identity
        | RouteId::ImportConfigs
        | RouteId::ImportLog
        | RouteId::AcknowledgeRestore
        | RouteId::Backup
        | RouteId::Reload
        | RouteId::Metrics
        | RouteId::Diagnose => Vec::new(),
    }
}

fn body(route: RouteId, types: &mut Types) -> Option<Schema> {
    match route {
        RouteId::Enrol => types.writes::<op::Enrol>(),
        RouteId::ChangeConfig => types.writes::<op::ConfigChange>(),
        RouteId::Create => types.writes::<op::CreatePayment>(),
        RouteId::Refund => types.writes::<op::RefundPayment>(),
        RouteId::RegisterDevice => types.writes::<RegisterBody>(),
        RouteId::Resolve => types.writes::<ResolveBody>(),
        RouteId::Adopt => types.writes::<op::Adopt>(),
        RouteId::Health
        | RouteId::Version
        | RouteId::OpenApi
        | RouteId::ConfigList
        | RouteId::ConfigGet
        | RouteId::TradePoints
        | RouteId::RetireConfig
        | RouteId::VerifyConfig
        | RouteId::Select
        | RouteId::PaymentList
        | RouteId::PaymentGet
        | RouteId::Cancel
        | RouteId::PictureSvg
        | RouteId::PicturePng
        | RouteId::LogList
        | RouteId::LogVerify
        | RouteId::ReportDay
        | RouteId::ReportRange
        | RouteId::Events
        | RouteId::Payer
        | RouteId::LogExport
        | RouteId::Identity
        | RouteId::ImportConfigs
        | RouteId::ImportLog
        | RouteId::AcknowledgeRestore
        | RouteId::Backup
        | RouteId::Reload
        | RouteId::Metrics
        | RouteId::Diagnose => None,
    }
}

/// The media type and schema of what comes back.
fn reply(route: RouteId, types: &mut Types) -> Value {
    let schema = match route {
        RouteId::PictureSvg => return json!({ "image/svg+xml": {} }),
        RouteId::Metrics => return json!({ "text/plain": {} }),
        RouteId::PicturePng => return json!({ "image/png": {} }),
        RouteId::Backup => return json!({ "application/octet-stream": {} }),
        RouteId::LogExport => return json!({ "text/csv": {}, "application/x-ndjson": {} }),
        RouteId::OpenApi => return json!({ "application/json": { "schema": { "type": "object" } } }),
        RouteId::Health => types.reads::<op::Health>(),
        RouteId::Version => types.reads::<op::Version>(),
        RouteId::ConfigList => types.reads::<op::Configs>(),
        RouteId::ConfigGet
        | RouteId::Enrol
        | RouteId::ChangeConfig
        | RouteId::RetireConfig
        | RouteId::VerifyConfig
        | RouteId::RegisterDevice => types.reads::<op::Config>(),
        RouteId::TradePoints => types.reads::<op::TradePoints>(),
        RouteId::Select => types.reads::<op::Selected>(),
        RouteId::Create
        | RouteId::PaymentGet
        | RouteId::Cancel
        | RouteId::Refund
        | RouteId::Resolve
        | RouteId::Adopt => types.reads::<op::Payment>(),
        RouteId::PaymentList => types.reads::<op::Payments>(),
        RouteId::LogList => types.reads::<op::LogRows>(),
        RouteId::LogVerify => types.reads::<op::Verified>(),
        RouteId::ReportDay => types.reads::<op::DayReport>(),
        RouteId::ReportRange => types.reads::<op::RangeReport>(),
        RouteId::Events => types.reads::<op::Events>(),
        RouteId::Payer => types.reads::<crate::domain::Payer>(),
        RouteId::Identity => types.reads::<op::Identity>(),
        RouteId::AcknowledgeRestore => types.reads::<op::Acknowledged>(),
        RouteId::Reload => types.reads::<op::Reloaded>(),
        RouteId::Diagnose => types.reads::<op::Diagnosis>(),
        RouteId::ImportConfigs | RouteId::ImportLog => types.reads::<op::Imported>(),
    };
    json!({ "application/json": { "schema": schema } })
}

fn responses(route: RouteId, types: &mut Types) -> Value {
    let content = reply(route, types);
    let ok = |text: &str| json!({ "description": text, "content": content });
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    let mut all = Map::from_iter([("4XX".to_owned(), problem.clone()), ("5XX".to_owned(), problem)]);
    match route {
        RouteId::Create => {
            all.insert("201".into(), ok("A new payment"));
            all.insert("200".into(), ok("The payment this key stands for already"));
        }
        RouteId::Enrol => drop(all.insert("201".into(), ok("The config"))),
        _ => drop(all.insert("200".into(), ok("Done"))),
    }
    all.into()
}

fn parameters(route: RouteId, types: &mut Types) -> Vec<Value> {
    let path =
        |name: &str, schema: Option<Schema>| json!({ "name": name, "in": "path", "required": true, "schema": schema });
    let mut all = Vec::new();
    if route.template().contains("{bin}") {
        all.push(path("bin", types.writes::<OrganizationBin>()));
    }
    if route.template().contains("{ref}") {
        all.push(path("ref", types.writes::<PaymentRef>()));
    }
    if route.template().contains("{phone}") {
        all.push(path("phone", types.writes::<PhoneNumber>()));
    }
    if matches!(route, RouteId::Create | RouteId::Cancel | RouteId::Refund) {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false, "schema": types.writes::<RequestKey>(),
            "description": "One intention of the caller: the same key with the same request never does it twice. \
                            Required for creates and refunds unless [payments] require_key is off.",
        }));
    }
    all.extend(query(route, types));
    all
}

fn operation(route: RouteId, types: &mut Types) -> Value {
    let mut operation = json!({
        "operationId": format!("{route:?}"),
        "summary": route.summary(),
        "description": format!("Needs the right `{}`.", route.right().name()),
        "x-kaspid-right": route.right().name(),
        "parameters": parameters(route, types),
        "responses": responses(route, types),
    });
    if let Some(schema) = body(route, types) {
        operation["requestBody"] = json!({
            "required": route != RouteId::Refund, "content": { "application/json": { "schema": schema } },
        });
    }
    if route.takes_file() {
        operation["requestBody"] = json!({
            "required": true,
            "description": "The guide's columns by their names, in any order. CSV has a header.",
            "content": { "text/csv": {}, "application/x-ndjson": {} },
        });
    }
    operation
}

fn document() -> Value {
    let mut types = Types::new();
    let mut paths: Map<String, Value> = Map::new();
    for &route in RouteId::ALL {
        let path = paths.entry(route.template()).or_insert_with(|| json!({}));
        path[route.method().as_str().to_lowercase()] = operation(route, &mut types);
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

/// No secret has a way out: nothing that is read mentions a token.
#[test]
fn no_reply_has_a_token() {
    let mut types = Types::new();
    for &route in RouteId::ALL {
        reply(route, &mut types);
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
