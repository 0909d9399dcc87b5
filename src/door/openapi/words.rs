//! The words and numbers of the types, as programs and their authors read them in the document.

use serde_json::{Map, Value, json};

/// The whole document made tidy, from the leaves up.
pub(super) fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(tidy);
            describe(map);
            listed(map);
            bounded(map);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The first paragraph of a comment is for whoever uses a type, wherever he is; what stands behind it is for readers of
/// this code.
fn describe(map: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = map.get_mut("description") {
        *text = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    }
}

/// Words to choose from become an `enum`: most generators make a type of their own for each word of a `oneOf`.
fn listed(map: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = map.get("oneOf") else { return };
    let word = |choice: &Value| Some((choice.get("const")?.as_str()?.to_owned(), choice.get("description")?.clone()));
    let Some(words) = choices.iter().map(word).collect::<Option<Vec<_>>>() else { return };
    let explained = |(word, text): &(String, Value)| format!("- `{word}`: {}", text.as_str().unwrap_or_default());
    let list = words.iter().map(explained).collect::<Vec<_>>().join("\n");
    let own = map.get("description").and_then(Value::as_str).unwrap_or_default();
    map.insert("description".into(), json!(format!("{own}\n\n{list}")));
    map.remove("oneOf");
    map.insert("type".into(), json!("string"));
    map.insert("enum".into(), words.into_iter().map(|(word, _)| word).collect());
}

/// A number that is counted in 32 or 64 bits ends there.
fn bounded(map: &mut Map<String, Value>) {
    let most = match map.get("format").and_then(Value::as_str) {
        Some("uint16") => u64::from(u16::MAX),
        Some("uint32") => u64::from(u32::MAX),
        Some("uint64") => u64::MAX,
        _ => return,
    };
    map.entry("maximum").or_insert(json!(most));
}
