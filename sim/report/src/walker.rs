//! A validator for the part of JSON Schema that the report's schema uses. A keyword that it does not know is an error,
//! so it cannot pass what it does not check. CI validates with a foreign one, too.

use serde_json::{Map, Value};

/// Everything that is wrong, with its place.
pub(crate) fn validate(schema: &Value, value: &Value) -> Vec<String> {
    let mut walk = Walk { root: schema, wrong: Vec::new() };
    walk.value(schema, value, "$");
    walk.wrong
}

struct Walk<'a> {
    root: &'a Value,
    wrong: Vec<String>,
}

impl Walk<'_> {
    fn value(&mut self, schema: &Value, value: &Value, at: &str) {
        let Some(schema) = schema.as_object() else {
            return self.expect(schema == &Value::Bool(true), at, "is not allowed");
        };
        for (keyword, rule) in schema {
            match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" | "format" => {}
                "type" => self.expect(types(rule).any(|t| is(t, value)), at, &format!("is not {rule}")),
                "const" => self.expect(rule == value, at, &format!("is not {rule}")),
                "enum" => self.expect(
                    rule.as_array().is_some_and(|a| a.contains(value)),
                    at,
                    &format!("is not one of {rule}"),
                ),
                "minimum" => {
                    // It says nothing of what is no number.
                    self.expect(
                        value.as_f64().is_none_or(|v| Some(v) >= rule.as_f64()),
                        at,
                        &format!("is less than {rule}"),
                    )
                }
                "maximum" => {
                    self.expect(value.as_f64() <= rule.as_f64(), at, &format!("is more than {rule}"))
                }
                "pattern" => {
                    self.expect(fits(rule.as_str(), value.as_str()), at, &format!("does not fit {rule}"))
                }
                "$ref" => self.reference(rule, value, at),
                "oneOf" => {
                    let fit = self.fitting(rule, value, at);
                    self.expect(fit == 1, at, &format!("fits {fit} of oneOf"));
                }
                "anyOf" => {
                    let fit = self.fitting(rule, value, at);
                    self.expect(fit > 0, at, "fits none of anyOf");
                }
                "items" => self.items(rule, value, at),
                "required" => self.required(rule, value, at),
                "properties" => self.properties(rule, value, at),
                "additionalProperties" => self.additional(schema, rule, value, at),
                other => self.wrong.push(format!("{at}: the schema says `{other}`, which is not known here")),
            }
        }
    }

    fn expect(&mut self, holds: bool, at: &str, what: &str) {
        if !holds {
            self.wrong.push(format!("{at} {what}"));
        }
    }

    fn reference(&mut self, rule: &Value, value: &Value, at: &str) {
        let root = self.root;
        let target = rule.as_str().and_then(|r| r.strip_prefix('#')).and_then(|p| root.pointer(p));
        match target {
            Some(target) => self.value(target, value, at),
            None => self.wrong.push(format!("{at}: nothing is at {rule}")),
        }
    }

    /// How many of several schemas it fits.
    fn fitting(&self, rule: &Value, value: &Value, at: &str) -> usize {
        let root = self.root;
        let fitting = |s: &&Value| {
            let mut walk = Walk { root, wrong: Vec::new() };
            walk.value(s, value, at);
            walk.wrong.is_empty()
        };
        rule.as_array().map_or(0, |a| a.iter().filter(fitting).count())
    }

    fn items(&mut self, rule: &Value, value: &Value, at: &str) {
        for (i, item) in value.as_array().into_iter().flatten().enumerate() {
            self.value(rule, item, &format!("{at}[{i}]"));
        }
    }

    fn required(&mut self, rule: &Value, value: &Value, at: &str) {
        let Some(object) = value.as_object() else {
            return;
        };
        for name in rule.as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.expect(object.contains_key(name), at, &format!("lacks {name}"));
        }
    }

    fn properties(&mut self, rule: &Value, value: &Value, at: &str) {
        for (name, schema) in rule.as_object().into_iter().flatten() {
            if let Some(member) = value.get(name) {
                self.value(schema, member, &format!("{at}.{name}"));
            }
        }
    }

    fn additional(&mut self, schema: &Map<String, Value>, rule: &Value, value: &Value, at: &str) {
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, member) in value.as_object().into_iter().flatten() {
            if !known.is_some_and(|k| k.contains_key(name)) {
                self.value(rule, member, &format!("{at}.{name}"));
            }
        }
    }
}

fn types(rule: &Value) -> impl Iterator<Item = &str> {
    let many = rule.as_array().into_iter().flatten();
    std::iter::once(rule).chain(many).filter_map(Value::as_str)
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}

/// The patterns of the schema, by hand.
fn fits(pattern: Option<&str>, text: Option<&str>) -> bool {
    let (Some(pattern), Some(text)) = (pattern, text) else {
        return false;
    };
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    match pattern {
        "^[0-9]{1,20}$" => (1..=20).contains(&text.len()) && shape.chars().all(|c| c == '0'),
        "^[0-9a-f]{16}$" => text.len() == 16 && shape.chars().all(|c| matches!(c, '0' | 'a'..='f')),
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$" => shape == "0000-00-00T00:00:00Z",
        _ => false,
    }
}
