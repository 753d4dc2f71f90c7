//! Whom a signal is about (RFC 9493, SSF 1.0 §3). Knows the formats; does not know people.

use serde_json::{Map, Value};

/// The most identifiers of one subject that are looked at.
const MOST: usize = 20;
const LONGEST: usize = 1_024;

/// A name for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// What this issuer calls them (`iss_sub`).
    Subject {
        /// The issuer.
        issuer: String,
        /// Its name for the person.
        subject: String,
    },
    /// An e-mail address of theirs (`email`, `account`).
    Email(String),
    /// A name that both sides know (`opaque`).
    Opaque(String),
}

/// Whom a signal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Names of one person, any of which will do.
    pub names: Vec<Name>,
    /// The one session that is meant (`session` of a complex subject); without it, all.
    pub session: Option<String>,
}

/// Why a subject cannot be read. Never holds what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// It is not an object, or lacks a member that its format has.
    #[error("the subject is malformed: {0}")]
    Malformed(&'static str),
    /// Its format names nobody here.
    #[error(
        "the subject has a format that is not supported; supported are iss_sub, email, account, opaque, aliases and complex"
    )]
    Unsupported,
}

impl Subject {
    /// Reads a subject identifier, or a complex subject.
    pub fn read(value: &Value) -> Result<Self, SubjectError> {
        let Value::Object(members) = value else { return Err(SubjectError::Malformed("it is no object")) };
        // Complex subjects of earlier drafts do not say that they are.
        let is_complex = match format(members)? {
            Some(format) => format == "complex",
            None => members.contains_key("user"),
        };
        if !is_complex {
            return Ok(Self { names: names(members)?, session: None });
        }
        let user = members.get("user").and_then(Value::as_object);
        let session = match members.get("session") {
            None => None,
            Some(Value::Object(session)) => Some(session_name(session)?),
            Some(_) => return Err(SubjectError::Malformed("session is no object")),
        };
        match (user, session) {
            (Some(user), session) => Ok(Self { names: names(user)?, session }),
            (None, Some(session)) => Ok(Self { names: Vec::new(), session: Some(session) }),
            // A device, an application, a whole tenant.
            (None, None) => Err(SubjectError::Unsupported),
        }
    }
}

/// The format. Signals of before RFC 9493 call it `subject_type`, with hyphens.
fn format(members: &Map<String, Value>) -> Result<Option<String>, SubjectError> {
    match members.get("format").or_else(|| members.get("subject_type")) {
        None => Ok(None),
        Some(Value::String(format)) => Ok(Some(format.replace('-', "_"))),
        Some(_) => Err(SubjectError::Malformed("format is no text")),
    }
}

fn names(members: &Map<String, Value>) -> Result<Vec<Name>, SubjectError> {
    let format = format(members)?.ok_or(SubjectError::Malformed("format is missing"))?;
    Ok(match format.as_str() {
        "iss_sub" => {
            vec![Name::Subject { issuer: text(members, "iss")?, subject: text(members, "sub")? }]
        }
        "email" => vec![Name::Email(text(members, "email")?)],
        "account" => {
            let uri = text(members, "uri")?;
            let address = uri.strip_prefix("acct:").ok_or(SubjectError::Malformed("uri is no acct URI"))?;
            vec![Name::Email(address.to_owned())]
        }
        "opaque" => vec![Name::Opaque(text(members, "id")?)],
        "aliases" => {
            let list = members.get("identifiers").and_then(Value::as_array);
            let list = list.filter(|list| (1..=MOST).contains(&list.len()));
            let list = list.ok_or(SubjectError::Malformed("identifiers is no list of 1 to 20"))?;
            let mut all = Vec::new();
            for one in list {
                // RFC 9493 §3.2.8: aliases have no aliases.
                let one = one.as_object().filter(|it| !is_aliases(it));
                match names(one.ok_or(SubjectError::Malformed("an alias is no identifier"))?) {
                    Err(SubjectError::Unsupported) => {}
                    read => all.extend(read?),
                }
            }
            if all.is_empty() {
                return Err(SubjectError::Unsupported);
            }
            all
        }
        _ => return Err(SubjectError::Unsupported),
    })
}

fn is_aliases(members: &Map<String, Value>) -> bool {
    format(members).is_ok_and(|format| format.as_deref() == Some("aliases"))
}

/// A session is known by the name that its provider gave it (`sid`).
fn session_name(members: &Map<String, Value>) -> Result<String, SubjectError> {
    match format(members)?.as_deref() {
        Some("opaque") => text(members, "id"),
        Some("iss_sub") => text(members, "sub"),
        _ => Err(SubjectError::Unsupported),
    }
}

fn text(members: &Map<String, Value>, name: &'static str) -> Result<String, SubjectError> {
    match members.get(name) {
        Some(Value::String(text)) if (1..=LONGEST).contains(&text.len()) && !text.contains('\0') => {
            Ok(text.clone())
        }
        _ => Err(SubjectError::Malformed(name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn opaque(id: &str) -> Name {
        Name::Opaque(id.to_owned())
    }

    fn named(value: &Value) -> Vec<Name> {
        let subject = Subject::read(value).unwrap();
        assert_eq!(subject.session, None);
        subject.names
    }

    #[test]
    fn a_person_is_named_in_each_format() {
        let mina =
            vec![Name::Subject { issuer: "https://idp.example".to_owned(), subject: "mina".to_owned() }];
        let address = vec![Name::Email("mina@acme.example".to_owned())];

        let iss_sub = json!({"format": "iss_sub", "iss": "https://idp.example", "sub": "mina"});
        assert_eq!(named(&iss_sub), mina);
        let before = json!({"subject_type": "iss-sub", "iss": "https://idp.example", "sub": "mina"});
        assert_eq!(named(&before), mina);
        let email = json!({"format": "email", "email": "mina@acme.example"});
        assert_eq!(named(&email), address);
        assert_eq!(named(&json!({"format": "account", "uri": "acct:mina@acme.example"})), address);
        assert_eq!(named(&json!({"format": "opaque", "id": "7"})), [opaque("7")]);
        let phone = json!({"format": "phone_number", "phone_number": "+81300000000"});
        assert_eq!(
            named(&json!({"format": "aliases", "identifiers": [iss_sub, phone, email]})),
            [mina, address].concat()
        );
    }

    #[test]
    fn a_complex_subject_names_a_person_a_session_or_both() {
        let user = json!({"format": "opaque", "id": "mina"});
        let session = json!({"format": "opaque", "id": "s1"});
        let read = |value: Value| Subject::read(&value).unwrap();

        let both = Subject { names: vec![opaque("mina")], session: Some("s1".to_owned()) };
        assert_eq!(read(json!({"format": "complex", "user": user, "session": session})), both);
        assert_eq!(read(json!({"user": user, "session": session})), both);
        let all = Subject { session: None, ..both.clone() };
        assert_eq!(read(json!({"format": "complex", "user": user, "tenant": session})), all);
        assert_eq!(read(json!({"format": "complex", "session": session})), Subject { names: vec![], ..both });
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for wrong in [
            json!("mina"),
            json!({}),
            json!({"format": 7}),
            json!({"format": "iss_sub", "iss": "x"}),
            json!({"format": "email", "email": ""}),
            json!({"format": "opaque", "id": "a\u{0}b"}),
            json!({"format": "opaque", "id": "x".repeat(2_000)}),
            json!({"format": "account", "uri": "mailto:mina@acme.example"}),
            json!({"format": "aliases", "identifiers": []}),
            json!({"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": []}]}),
            json!({"format": "complex", "user": {"format": "opaque", "id": "m"}, "session": "s1"}),
        ] {
            assert!(matches!(Subject::read(&wrong), Err(SubjectError::Malformed(_))), "{wrong}");
        }
        for foreign in [
            json!({"format": "phone_number", "phone_number": "+81300000000"}),
            json!({"format": "complex", "device": {"format": "opaque", "id": "d"}}),
            json!({"format": "aliases", "identifiers": [{"format": "did", "url": "did:example:1"}]}),
        ] {
            assert_eq!(Subject::read(&foreign), Err(SubjectError::Unsupported), "{foreign}");
        }
    }
}
