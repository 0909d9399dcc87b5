//! The types of the vocabulary as schemas.

use std::collections::BTreeSet;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// A generator for what callers write and one for what they read: an absent field may be left out of the
/// first and is null in the second.
pub(super) struct Types {
    pub(super) written: SchemaGenerator,
    pub(super) read: SchemaGenerator,
}

pub(super) fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into())
}

impl Types {
    pub(super) fn new() -> Self {
        Self {
            written: settings().for_deserialize().into_generator(),
            read: settings().for_serialize().into_generator(),
        }
    }

    pub(super) fn writes<T: JsonSchema>(&mut self) -> Option<Schema> {
        Some(self.written.subschema_for::<T>())
    }

    pub(super) fn reads<T: JsonSchema>(&mut self) -> Schema {
        self.read.subschema_for::<T>()
    }

    /// The names of the fields of `T` as it is read.
    pub(super) fn fields<T: JsonSchema>(&mut self) -> BTreeSet<String> {
        let schema = T::json_schema(&mut self.read).to_value();
        schema["properties"].as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect()
    }

    /// The query parameters in the fields of `T`.
    pub(super) fn query<T: JsonSchema>(&mut self) -> Vec<Value> {
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
    pub(super) fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.written.take_definitions(true);
        all.values_mut().for_each(optional_is_nullable);
        for (name, schema) in self.read.take_definitions(true) {
            let other = all.insert(name.clone(), schema.clone());
            assert!(other.is_none_or(|other| other == schema), "{name} is not the same written and read");
        }
        all
    }
}

/// A field that a caller may leave out may be null as well, which means the same. Its default is not told: it is null, false
/// or nothing, and openapi-typescript takes a field that has one for one that is always written.
fn optional_is_nullable(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, field) in fields.filter(|(name, _)| !required.contains(&json!(name))) {
        let map = field.as_object_mut().unwrap();
        map.remove("default");
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
