//! Names for what earlier answers held. Knows `${name}`; does not know where a value came from.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// Where a value is written to, which says how it is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    /// As it is: headers, names.
    Plain,
    /// The inside of a JSON string, or a JSON value that is not a string.
    Json,
    /// Part of an address: all but the unreserved characters are percent-encoded.
    Address,
}

/// Values by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vars(BTreeMap<String, Value>);

impl Vars {
    pub(crate) fn set(
        &mut self,
        name: impl std::convert::Into<String>,
        value: impl std::convert::Into<Value>,
    ) {
        self.0.insert(name.into(), value.into());
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Value, String> {
        self.0.get(name).ok_or_else(|| format!("nothing is kept under the name {name}"))
    }

    /// The text of a kept string.
    pub(crate) fn text(&self, name: &str) -> Result<String, String> {
        self.get(name).map(|value| plain(value, Into::Plain))
    }

    /// `text` with each `${name}` replaced.
    pub(crate) fn fill(&self, text: &str, into: Into) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after.split_once('}').ok_or_else(|| format!("unclosed name in {text}"))?;
            filled.push_str(before);
            filled.push_str(&plain(self.get(name)?, into));
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// `value` with the names in all its strings replaced. A string that is a name alone becomes the value itself.
    pub(crate) fn fill_value(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) => {
                let alone = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                match alone.filter(|name| !name.contains('}')) {
                    Some(name) => self.get(name).cloned(),
                    None => self.fill(text, Into::Plain).map(Value::String),
                }
            }
            Value::Array(items) => items.iter().map(|item| self.fill_value(item)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(name, item)| Ok((self.fill(name, Into::Plain)?, self.fill_value(item)?)))
                .collect::<Result<_, String>>()
                .map(Value::Object),
            other => Ok(other.clone()),
        }
    }
}

fn plain(value: &Value, into: Into) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match into {
        Into::Json if value.is_string() => {
            let quoted = value.to_string();
            quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or_default().to_owned()
        }
        Into::Plain | Into::Json => text,
        Into::Address => encoded(&text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
    }
}

/// `text` with the bytes that `keep` does not keep percent-encoded.
pub(crate) fn encoded(text: &str, keep: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn vars() -> Vars {
        let mut vars = Vars::default();
        vars.set("tag", "W/\"1\"");
        vars.set("who", json!({"a": [1]}));
        vars
    }

    #[test]
    fn a_name_is_escaped_for_where_it_goes() {
        assert_eq!(vars().fill("<${tag}>", Into::Plain).unwrap(), "<W/\"1\">");
        assert_eq!(vars().fill("\"${tag}\"", Into::Json).unwrap(), r#""W/\"1\"""#);
        assert_eq!(vars().fill("?a=${tag}", Into::Address).unwrap(), "?a=W%2F%221%22");
        assert_eq!(vars().fill("${who}", Into::Json).unwrap(), r#"{"a":[1]}"#);
    }

    #[test]
    fn a_name_alone_is_the_value() {
        assert_eq!(
            vars().fill_value(&json!(["${who}", "x${tag}"])).unwrap(),
            json!([{"a": [1]}, "xW/\"1\""])
        );
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        assert!(vars().fill("${nobody}", Into::Plain).is_err());
        assert!(vars().fill("${unclosed", Into::Plain).is_err());
    }
}
