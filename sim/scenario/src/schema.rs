//! The JSON Schema of scenario files, for editors; made from the same declarations that read them.

use crate::doc::Root;
use crate::document::Doc;
use crate::shape::{Field, MapShape, Need, Shape};
use serde_json::{Map, Value, json};

/// The schema. `scenarios/scenario.schema.json` is this, pretty-printed.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let root = value(&Root::shape(), &mut definitions);
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "mirrorsim scenario",
        "allOf": [root],
        "definitions": definitions,
    })
}

fn value(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Scalar(s) => {
            let number = s.example.parse::<u64>().ok().filter(|_| !s.types.contains(&"string"));
            let example = number.map_or_else(|| json!(s.example), |n| json!(n));
            let mut out = json!({"type": types(s.types), "examples": [example]});
            if !s.pattern.is_empty() {
                out["pattern"] = json!(s.pattern);
            }
            if s.types.iter().any(|t| *t == "integer" || *t == "number") {
                out["minimum"] = json!(0);
            }
            out
        }
        Shape::Words(words) => {
            let names: Vec<&str> = words.iter().map(|(n, _)| *n).collect();
            let docs: Vec<&str> = words.iter().map(|(_, d)| d.trim()).collect();
            json!({"type": "string", "enum": names, "enumDescriptions": docs})
        }
        Shape::List(item) => json!({"type": "array", "items": value(item, definitions)}),
        Shape::Either(shapes) => {
            let all: Vec<Value> = shapes.iter().map(|s| value(s, definitions)).collect();
            json!({"anyOf": all})
        }
        Shape::Map(map) => {
            if !definitions.contains_key(map.name) {
                // Entered first: a map that holds itself would never end.
                definitions.insert(map.name.to_owned(), Value::Null);
                let made = object(map, definitions);
                definitions.insert(map.name.to_owned(), made);
            }
            json!({"$ref": format!("#/definitions/{}", map.name)})
        }
    }
}

fn types(types: &[&str]) -> Value {
    if types.len() == 1 { json!(types[0]) } else { json!(types) }
}

fn object(map: &MapShape, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for field in &map.fields {
        properties.insert(field.name.to_owned(), property(field, definitions));
    }
    let required: Vec<&str> =
        map.fields.iter().filter(|f| f.need == Need::Required).map(|f| f.name).collect();
    let one_of = |group: &&[&str]| json!({"oneOf": group.iter().map(|k| json!({"required": [k]})).collect::<Vec<_>>()});
    let mut out = json!({
        "type": "object",
        "description": map.doc,
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": false,
    });
    if !required.is_empty() {
        out["required"] = json!(required);
    }
    if !map.one_of.is_empty() {
        out["allOf"] = map.one_of.iter().map(one_of).collect();
    }
    out
}

fn property(field: &Field, definitions: &mut Map<String, Value>) -> Value {
    let description = match field.need {
        Need::Required => format!("{} Required.", field.doc),
        Need::Default(text) => format!("{} Default: {text}.", field.doc),
        Need::Optional(words) => format!("{} Without it: {words}.", field.doc),
    };
    let mut out = value(&field.shape, definitions);
    if out.get("$ref").is_some() {
        // Draft 7 ignores what stands beside a reference.
        out = json!({"allOf": [out]});
    }
    out["description"] = json!(description);
    out
}
