//! Fields that the daemon judges together. They stand below a `not`, because programs that make clients take an `anyOf`
//! beside the fields of a type for other types, and leave alone what is below a `not`.

use serde_json::{Map, Value, json};

/// Adds to the types what is refused of them, each field by itself being good.
pub(super) fn refuse(schemas: &mut Map<String, Value>) {
    for (name, refused) in [
        ("CreatePayment", create()),
        ("ConfigChange", change()),
        ("ResolveBody", none_of(&resolutions())),
        ("HandedIdentity", none_of(&identities())),
    ] {
        schemas.get_mut(name).unwrap()["not"] = refused;
    }
}

/// Left out, or null, which is the same.
fn absent() -> Value {
    json!({ "type": "null" })
}

fn text() -> Value {
    json!({ "type": "string" })
}

/// An invoice without a phone, and one without the other of an unknown payment and the reason to replace it.
fn create() -> Value {
    let alone = |one: &str, other: &str| json!({ "required": [one], "properties": { one: text(), other: absent() } });
    json!({ "anyOf": [
        { "properties": { "kind": { "const": "remote" }, "phone_number": absent() } },
        alone("supersedes", "reason"),
        alone("reason", "supersedes"),
    ] })
}

/// Nothing to change. A description that is null is taken away, which is a change.
fn change() -> Value {
    let nothing = json!({ "is_active": absent(), "is_default": absent(), "trade_point_id": absent(), "description": { "not": {} } });
    json!({ "properties": nothing })
}

fn resolutions() -> [Value; 4] {
    let form = |fields: Value| form(&["attach", "abandon", "refund", "happened", "paid"], &fields);
    [
        form(json!({ "attach": text() })),
        form(json!({ "abandon": { "const": true } })),
        form(json!({ "refund": text(), "happened": { "type": "boolean" } })),
        form(json!({ "paid": { "type": "boolean" } })),
    ]
}

fn identities() -> [Value; 3] {
    let form = |fields: Value| form(&["key", "certificate", "pkcs12"], &fields);
    [
        form(json!({ "key": text(), "certificate": text() })),
        form(json!({ "key": text() })),
        form(json!({ "pkcs12": text() })),
    ]
}

/// These fields, and null for each other one of `all`.
fn form(all: &[&str], fields: &Value) -> Value {
    let field = |name: &&str| ((*name).to_owned(), fields.get(*name).cloned().unwrap_or_else(absent));
    let required: Vec<&String> = fields.as_object().unwrap().keys().collect();
    json!({ "required": required, "properties": all.iter().map(field).collect::<Map<_, _>>() })
}

fn none_of(forms: &[Value]) -> Value {
    json!({ "not": { "anyOf": forms } })
}
