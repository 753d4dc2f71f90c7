//! What of a request nobody may keep. Knows the names of secrets and the shape of tokens; does not know where a request
//! is kept.
//!
//! A value is masked by its name, wherever the name stands: as a member of an object, at the end of a dotted key or a URN,
//! as the `path` of a PATCH operation, as the `type` or `name` beside a `value`, inside JSON that was sent as a string, in a
//! filter, as a parameter of the address. Whatever was masked is also taken out of the sentence of a refusal.

use std::borrow::Cow;

use scim::schema::{ResourceType, Returned, Types};
use serde_json::{Map, Value};
use url::form_urlencoded;

/// What stands in the place of a secret.
pub(super) const MASK: &str = "***";
/// In the name of whatever is secret.
const WORDS: [&str; 9] =
    ["password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "apikey", "privatekey"];
/// Members that say what the `value` beside them is.
const LABELS: [&str; 5] = ["type", "name", "key", "path", "attribute"];
/// A shorter one is no token of ours and no JSON Web Token.
const SHORTEST_TOKEN: usize = 24;
/// A masked text shorter than this would take innocent letters out of a sentence.
const SHORTEST_ECHO: usize = 4;

/// Masks one request.
#[derive(Debug)]
pub(super) struct Masker<'a> {
    /// What the tenant has; some of it is never returned.
    types: &'a Types,
    /// What was masked.
    masked: Vec<String>,
}

impl<'a> Masker<'a> {
    /// For a request about these types.
    pub(super) fn new(types: &'a Types) -> Self {
        Self { types, masked: Vec::new() }
    }

    /// A body.
    pub(super) fn body(&mut self, value: Value) -> Value {
        match value {
            Value::Object(object) => Value::Object(self.object(object)),
            Value::Array(items) => items.into_iter().map(|item| self.body(item)).collect(),
            Value::String(text) => Value::String(self.string(&text)),
            plain => plain,
        }
    }

    fn object(&mut self, object: Map<String, Value>) -> Map<String, Value> {
        let labelled = object.iter().any(|(name, label)| {
            LABELS.iter().any(|known| known.eq_ignore_ascii_case(name))
                && label.as_str().is_some_and(|label| self.is_secret(label))
        });
        let masked =
            |own: &Self, name: &str| own.is_secret(name) || (labelled && name.eq_ignore_ascii_case("value"));
        object
            .into_iter()
            .map(|(name, value)| {
                let filter = value.as_str().filter(|text| asks(&name) && self.names_and_compares(text));
                let value = if let Some(filter) = filter {
                    self.filter(filter);
                    Value::from(MASK)
                } else if masked(self, &name) {
                    self.mask(&value)
                } else {
                    self.body(value)
                };
                (free_of_tokens(&name).into_owned(), value)
            })
            .collect()
    }

    /// JSON in a string is read as such: some clients send objects so.
    fn string(&mut self, text: &str) -> String {
        if text.trim_start().starts_with(['{', '['])
            && let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
        {
            let before = self.masked.len();
            let inner = self.body(inner);
            if self.masked.len() > before {
                return inner.to_string();
            }
        }
        free_of_tokens(text).into_owned()
    }

    fn mask(&mut self, value: &Value) -> Value {
        match value {
            Value::Null => return Value::Null,
            Value::String(text) => self.masked.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| drop(self.mask(item))),
            Value::Object(object) => object.values().for_each(|item| drop(self.mask(item))),
            plain => self.masked.push(plain.to_string()),
        }
        Value::from(MASK)
    }

    /// A filter is masked whole, and so is each word of it in a sentence.
    fn filter(&mut self, filter: &str) {
        let literals = filter.split('"').chain(filter.split([' ', '"', '[', ']', '(', ')']));
        let words: Vec<_> = literals.filter(|word| !self.is_secret(word)).map(str::to_owned).collect();
        self.masked.extend(words);
    }

    /// A path with its query.
    pub(super) fn path(&mut self, path: &str) -> String {
        let Some((path, query)) = path.split_once('?') else { return free_of_tokens(path).into_owned() };
        let pairs = query.split('&').map(|pair| {
            let Some((name, encoded)) = pair.split_once('=') else {
                return free_of_tokens(pair).into_owned();
            };
            let (decoded, value) = form_urlencoded::parse(pair.as_bytes())
                .next()
                .map(|(n, v)| (n, v.into_owned()))
                .unwrap_or_default();
            if self.is_secret(&decoded) || (asks(&decoded) && self.names_and_compares(&value)) {
                self.filter(&value);
                self.masked.extend([value, encoded.to_owned()]);
                return format!("{name}={MASK}");
            }
            free_of_tokens(pair).into_owned()
        });
        let query = pairs.collect::<Vec<_>>().join("&");
        format!("{}?{query}", free_of_tokens(path))
    }

    /// Whether this is the name, or the path, of something secret.
    fn is_secret(&self, name: &str) -> bool {
        let letters: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        WORDS.iter().any(|word| letters.contains(word))
            || never_returns(self.types.user(), name)
            || never_returns(self.types.group(), name)
    }

    /// Whether a filter names something secret and holds what it is compared with.
    fn names_and_compares(&self, filter: &str) -> bool {
        self.is_secret(filter) && filter.contains([' ', '"', '['])
    }

    /// Text that may repeat what was sent. Call it last.
    pub(super) fn sentence(&self, text: &str) -> String {
        let mut text = free_of_tokens(text).into_owned();
        for secret in self.masked.iter().filter(|secret| secret.len() >= SHORTEST_ECHO) {
            text = text.replace(secret.as_str(), MASK);
        }
        text
    }
}

/// Text in which no token of ours, no JSON Web Token and no bearer's is left, and nothing that Postgres cannot keep.
pub(super) fn free_of_tokens(text: &str) -> Cow<'_, str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '~' | '+' | '/');
    let secret = |word: &str| {
        word.len() >= SHORTEST_TOKEN
            && (word.contains("usher_") || (word.starts_with("eyJ") && word.contains('.')))
    };
    if !text.contains('\0') && !text.split(|c| !is_part(c)).any(secret) {
        return Cow::Borrowed(text);
    }
    let mut free = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        if secret(word) {
            free.push_str(MASK);
            free.extend(piece.strip_prefix(word));
        } else {
            free.push_str(piece);
        }
    }
    Cow::Owned(free.replace('\0', ""))
}

/// Whether this is where a filter stands.
fn asks(name: &str) -> bool {
    ["filter", "path"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a type has an attribute of this name that nobody may read (RFC 7643 §7): a client may set it.
fn never_returns(of: &ResourceType, name: &str) -> bool {
    let leaf = name.rsplit([':', '.']).next().unwrap_or(name);
    let schemas = std::iter::once(&of.schema).chain(of.extensions.iter().map(|extension| &extension.schema));
    schemas.flat_map(|schema| &schema.attributes).any(|attribute| {
        let mut all = std::iter::once(attribute).chain(&attribute.sub_attributes);
        all.any(|one| one.returned == Returned::Never && one.name.eq_ignore_ascii_case(leaf))
    })
}

#[cfg(test)]
mod tests {
    use domain::clock::CountingEntropy;
    use domain::id::TenantId;
    use domain::token::{PlainToken, TokenKind};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The ways in which a secret can stand in a request.
    fn carriers(secret: &str) -> Vec<Value> {
        let inside = json!({"password": secret}).to_string();
        vec![
            json!({"userName": "a", "password": secret}),
            json!({"PassWord": secret, "x": [{"y": {"client_secret": secret}}]}),
            json!({"urn:ietf:params:scim:schemas:core:2.0:User:password": secret}),
            json!({"urn:acme:2.0:User": {"apiKey": [secret, {"deep": secret}]}}),
            json!({"Operations": [{"op": "replace", "path": "password", "value": secret}]}),
            json!({"Operations": [{"Op": "Add", "Path": "urn:ietf:params:scim:schemas:core:2.0:User:password", "Value": {"v": secret}}]}),
            json!({"Operations": [{"op": "replace", "value": {"password": secret, "name.givenName": "b"}}]}),
            json!({"Operations": [{"op": "add", "path": "roles", "value": [{"value": inside}]}]}),
            json!({"Operations": [{"op": "remove", "path": format!("keys[token eq \"{secret}\"]")}]}),
            json!({"credentials": [{"type": "pin", "value": secret}]}),
            json!({"attributes": [{"name": "initialPassword", "value": secret}]}),
            json!({"filter": format!("password eq \"{secret}\"")}),
        ]
    }

    proptest! {
        #[test]
        fn no_secret_is_left_whatever_carries_it(secret in "[A-Za-z0-9!@#%^*+~]{8,40}", which in 0_usize..12) {
            let body = carriers(&secret).swap_remove(which);
            let types = Types::general();
            let mut masker = Masker::new(&types);

            let kept = masker.body(body).to_string();

            prop_assert!(!kept.contains(&secret), "{kept}");
            prop_assert!(kept.contains(MASK));
            let echoed = masker.sentence(&format!("The value '{secret}' is too short"));
            prop_assert_eq!(echoed, "The value '***' is too short");
        }

        #[test]
        fn no_secret_is_left_in_an_address(secret in "[A-Za-z0-9]{8,40}") {
            for path in [
                format!("/Users?filter=password%20eq%20%22{secret}%22&count=1"),
                format!("/Users?count=1&access_token={secret}"),
                format!("/Users?filter=urn:x:User:clientSecret+co+%22{secret}%22"),
            ] {
                let kept = Masker::new(&Types::general()).path(&path);
                prop_assert!(!kept.contains(&secret), "{kept}");
            }
        }
    }

    #[test]
    fn tokens_are_masked_wherever_they_stand() {
        let tenant = TenantId::from_uuid(uuid::Uuid::nil());
        for kind in TokenKind::ALL {
            let token = PlainToken::mint(kind, Some(tenant), &CountingEntropy::new()).expose().to_owned();
            let types = Types::general();
            let mut masker = Masker::new(&types);
            let kept = masker.body(json!({"nickName": format!("see {token}, please"), "title": token}));
            assert_eq!(kept, json!({"nickName": "see ***, please", "title": "***"}));
            assert_eq!(masker.path(&format!("/Users/{token}")).find(&token), None);
        }
        assert_eq!(free_of_tokens("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."), "Bearer ***");
    }

    #[test]
    fn what_is_not_secret_is_kept_as_it_came() {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "hana@acme.example", "active": "True",
            "emails": [{"type": "work", "value": "hana@acme.example"}], "x509Certificates": [{"value": "MIIB"}],
            "roles": [{"value": "{\"id\":\"1\",  \"value\":\"a\"}"}], "password": null,
        });

        assert_eq!(Masker::new(&Types::general()).body(body.clone()), body);
        let path = "/Users?filter=userName+eq+%22hana%40acme.example%22&attributes=password";
        assert_eq!(Masker::new(&Types::general()).path(path), path);
    }
}
