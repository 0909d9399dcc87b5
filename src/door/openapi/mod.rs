//! Makes `openapi.json` from the route table and the types, and keeps it from diverging. The daemon ships the
//! document, not this generator. Write it anew with `KASPID_BLESS=1 cargo test openapi`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may")]

mod examples;
mod tests;
mod together;
mod told;
mod types;
mod words;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::routes::RouteId;
use crate::id::RequestKey;
use crate::operation::{OperationId, Row};
use told::{Told, told};
use types::Types;

/// What the operations are about, by the beginning of their paths.
const TAGS: [(&str, &str, &str); 10] = [
    ("/v1/payments", "payments", "Take, follow, cancel and pay back"),
    ("/v1/payers", "payments", ""),
    ("/v1/events", "payments", ""),
    ("/v1/configs", "organisations", "Which organisations take money, and where"),
    ("/v1/trade-points", "organisations", ""),
    ("/v1/select", "organisations", ""),
    ("/v1/log", "records", "The audit log, reports, and what an accountant needs"),
    ("/v1/reports", "records", ""),
    ("/v1/statement", "records", ""),
    ("/", "daemon", "The daemon itself: its state, identity and files"),
];

fn tag(path: &str) -> &'static str {
    TAGS.iter().find(|(begin, ..)| path.starts_with(begin)).map(|(_, tag, _)| *tag).unwrap()
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
    let (done, made) = match route.operation() {
        Some(OperationId::Create) => ("The payment that this key stands for already", Some("A new payment")),
        Some(OperationId::Adopt) => ("The payment, which was here already", Some("The payment, taken in")),
        Some(OperationId::Enrol) => ("The config, which was here already", Some("A new config")),
        _ => ("Done", None),
    };
    all.insert("200".into(), ok(done));
    all.extend(made.map(|made| ("201".to_owned(), ok(made))));
    all.into()
}

/// The request key of what a caller may repeat. In a header no blank stands at an end of it.
fn key(route: RouteId, types: &mut Types) -> Option<Value> {
    let (required, when) = match route.operation() {
        Some(OperationId::Create | OperationId::Refund) => {
            (true, "Required, unless this daemon's settings say otherwise.")
        }
        Some(OperationId::Cancel) => (false, "Welcome, and not required."),
        _ => return None,
    };
    let mut schema = RequestKey::json_schema(&mut types.written).to_value();
    schema["pattern"] = json!("^[!-~]([ -~]*[!-~])?$");
    Some(json!({
        "name": "Idempotency-Key", "in": "header", "required": required, "schema": schema,
        "description":
            format!("One intention of the caller: the same key with the same request never does it twice. {when}"),
    }))
}

fn operation(route: RouteId, types: &mut Types) -> Value {
    let Told { mut parameters, body, reply } = told(route, types);
    parameters.extend(key(route, types));
    let Row { right, summary, path, .. } = route.row();
    let mut operation = json!({
        "operationId": name(route),
        "summary": summary,
        "description": format!("Needs the right `{}`.", right.name()),
        "tags": [tag(path)],
        "x-kaspid-right": right.name(),
        "parameters": parameters,
        "responses": responses(route, &reply),
    });
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    if let (Some(json), Some(example)) =
        (operation.pointer_mut("/requestBody/content/application~1json"), examples::body(route))
    {
        json["example"] = example;
    }
    operation
}

fn paths(types: &mut Types) -> Map<String, Value> {
    let mut paths: Map<String, Value> = Map::new();
    for route in RouteId::all() {
        let Row { method, path, .. } = route.row();
        let path = paths.entry(*path).or_insert_with(|| json!({}));
        path[method.to_lowercase()] = operation(route, types);
    }
    paths
}

/// Who is told what of the document and of the daemon.
fn info() -> Value {
    json!({
        "title": "kaspid",
        "version": env!("CARGO_PKG_VERSION"),
        "description":
            "Kaspi Pay over a Unix socket. Amounts are integers of tiyn: 10000 is 100 tenge.\n\n\
             A request carries no credentials, so no security scheme is named: the permissions of the socket say who may connect, \
             the kernel says which Unix user asks, and the daemon's `[access]` says what that user may do. Each operation names \
             the right it needs: `observe`, `pay`, `refund`, `audit` or `admin`; without it the answer is 403 with the code \
             `denied`.",
        "contact": { "name": "kaspid maintainers" },
        "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
    })
}

fn problem(types: &mut Types) -> Value {
    json!({
        "description": "Why it was not done (RFC 9457)",
        "headers": {
            "Retry-After": {
                "description": "Seconds, with 429 and 503", "schema": { "type": "integer", "minimum": 0 },
            },
        },
        "content": {
            "application/problem+json": { "schema": types.reads::<Problem<'_>>(), "example": examples::problem() },
        },
    })
}

fn document() -> Value {
    let mut types = Types::new();
    let (paths, problem) = (paths(&mut types), problem(&mut types));
    let mut schemas = types.definitions();
    together::refuse(&mut schemas);
    let tags = TAGS.iter().filter(|(.., text)| !text.is_empty());
    let mut document = json!({
        "openapi": "3.1.0",
        "servers": [{ "url": "http://kaspid", "description": "Over /run/kaspid/kaspid.sock" }],
        "security": [],
        "tags": tags.map(|(_, name, text)| json!({ "name": name, "description": text })).collect::<Vec<_>>(),
        "paths": paths,
        "components": { "responses": { "Problem": problem }, "schemas": schemas },
    });
    words::tidy(&mut document);
    // It has paragraphs of its own.
    document["info"] = info();
    document
}
