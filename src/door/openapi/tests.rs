//! What the document promises.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::super::routes::RouteId;
use super::document;
use super::told::told;
use super::types::{Types, settings};
use crate::operation::{Request, Shape, Upload, Visitor};

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

/// The document is read by people who have no other paper of ours, and no code.
#[test]
fn the_document_stands_by_itself() {
    fn texts(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                let own = ["description", "summary"].into_iter().filter_map(|key| map.get(key)?.as_str());
                found.extend(own.map(str::to_owned));
                map.values().for_each(|value| texts(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    texts(&document(), &mut found);
    assert!(found.len() > 400, "{}", found.len());
    let ours = [
        "\u{a7}",
        "[`",
        "::",
        "the guide",
        "guide's",
        ".md",
        "`Debug`",
        "architecture",
        "the design",
        "(step",
        "Serialis",
    ];
    let told = |text: &&String| ours.iter().any(|word| text.to_lowercase().contains(&word.to_lowercase()));
    assert_eq!(found.iter().filter(told).collect::<Vec<_>>(), Vec::<&String>::new());
}
