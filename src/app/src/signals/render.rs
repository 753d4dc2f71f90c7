//! What an event says. Knows the forms of webhooks and security event tokens; does not know who gets them.
//!
//! Ids, and what somebody may do: no names and no addresses of people. Who needs more asks for it, with a credential.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::id::TenantId;
use domain::signal::SecurityEvent;
use serde_json::{Map, Value, json};
use store::deliveries::DueRow;
use uuid::Uuid;

/// Whose event, and who says so.
pub(super) struct Context<'a> {
    pub(super) tenant: TenantId,
    /// Our name as the issuer of tokens.
    pub(super) issuer: &'a str,
}

/// The body of a webhook.
pub(super) fn webhook(context: &Context<'_>, due: &DueRow) -> String {
    let data = data(context.tenant, due.payload.clone(), due.request_id);
    json!({"type": due.event, "timestamp": timestamp(due.at), "data": data}).to_string()
}

/// What a fact says, to whoever is told it under its own name.
pub(super) fn data(tenant: TenantId, payload: Value, request: Uuid) -> Map<String, Value> {
    let mut data = if let Value::Object(data) = payload { data } else { Map::new() };
    data.insert("tenant".to_owned(), json!(tenant));
    // The audit events of the same change have this as their `requestId`.
    data.insert("request".to_owned(), json!(request));
    data
}

/// When it happened.
pub(super) fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The claims of a security event token (RFC 8417 §2.2). `None` for an event that this version does not know.
pub(super) fn token(
    context: &Context<'_>,
    due: &DueRow,
    audience: &str,
    now: DateTime<Utc>,
) -> Option<Map<String, Value>> {
    let event = SecurityEvent::find(&due.event)?;
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), json!(context.issuer));
    claims.insert("aud".to_owned(), json!(audience));
    claims.insert("jti".to_owned(), json!(due.id));
    claims.insert("iat".to_owned(), json!(now.timestamp()));
    claims.insert("txn".to_owned(), json!(due.request_id));
    claims.insert("sub_id".to_owned(), subject(context, due, event));
    let mut events = Map::new();
    events.insert(event.uri().to_owned(), said(due, event));
    claims.insert("events".to_owned(), Value::Object(events));
    Some(claims)
}

/// Whom an event is about (RFC 9493, SSF §3).
fn subject(context: &Context<'_>, due: &DueRow, event: SecurityEvent) -> Value {
    let opaque = |id: Value| json!({"format": "opaque", "id": id});
    let user = || due.payload.get("user").cloned().unwrap_or_else(|| json!(due.subject_id));
    match event {
        SecurityEvent::Verification | SecurityEvent::StreamUpdated => opaque(json!(due.subject_id)),
        SecurityEvent::SessionRevoked
        | SecurityEvent::TokenClaimsChange
        | SecurityEvent::CredentialChange => {
            let mut subject = Map::new();
            subject.insert("format".to_owned(), json!("complex"));
            let person = json!({"format": "iss_sub", "iss": context.issuer, "sub": user()});
            subject.insert("user".to_owned(), person);
            subject.insert("tenant".to_owned(), opaque(json!(context.tenant)));
            if let Some(session) = due.payload.get("session") {
                subject.insert("session".to_owned(), opaque(session.clone()));
            }
            Value::Object(subject)
        }
        SecurityEvent::Created
        | SecurityEvent::Changed
        | SecurityEvent::Activated
        | SecurityEvent::Deactivated
        | SecurityEvent::Deleted => {
            // Of two who became one, the local one is gone.
            let whom = due.payload.get("was").cloned().unwrap_or_else(user);
            let whom = whom.as_str().unwrap_or_default();
            json!({"format": "scim", "uri": format!("/Users/{whom}")})
        }
    }
}

/// What an event says of it.
fn said(due: &DueRow, event: SecurityEvent) -> Value {
    let of = |name: &str| due.payload.get(name).cloned();
    let timestamp = due.at.timestamp();
    match event {
        SecurityEvent::SessionRevoked if due.fact == "session.ended" => {
            json!({"event_timestamp": timestamp, "initiating_entity": "user"})
        }
        SecurityEvent::SessionRevoked => json!({"event_timestamp": timestamp}),
        SecurityEvent::TokenClaimsChange => {
            json!({"event_timestamp": timestamp, "claims": {"access": of("access")}})
        }
        SecurityEvent::CredentialChange => json!({
            "event_timestamp": timestamp, "credential_type": "federated-identity", "change_type": "update",
        }),
        SecurityEvent::Created | SecurityEvent::Changed => {
            json!({"attributes": of("attributes").unwrap_or_else(|| json!([]))})
        }
        SecurityEvent::Activated | SecurityEvent::Deactivated | SecurityEvent::Deleted => json!({}),
        SecurityEvent::Verification => of("state").map_or_else(|| json!({}), |state| json!({"state": state})),
        SecurityEvent::StreamUpdated => {
            let mut said = Map::new();
            for name in ["status", "reason"] {
                if let Some(value) = of(name).filter(|value| !value.is_null()) {
                    said.insert(name.to_owned(), value);
                }
            }
            Value::Object(said)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(fact: &str, event: &str, payload: Value) -> DueRow {
        DueRow {
            id: Uuid::from_u128(1),
            event: event.to_owned(),
            subject_id: "someone".to_owned(),
            attempts: 0,
            at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            fact: fact.to_owned(),
            payload,
            request_id: Uuid::from_u128(2),
            n: 0,
        }
    }

    fn context() -> Context<'static> {
        Context { tenant: TenantId::from_uuid(Uuid::from_u128(3)), issuer: "https://usher.example" }
    }

    fn claims(due: &DueRow) -> Value {
        Value::Object(token(&context(), due, "https://app.example", due.at).unwrap())
    }

    #[test]
    fn a_webhook_has_a_type_a_time_and_data_with_the_request_of_the_audit_trail() {
        let due = due("user.deactivated", "user.deactivated", json!({"user": "mina"}));

        let body: Value = serde_json::from_str(&webhook(&context(), &due)).unwrap();

        let data = json!({"user": "mina", "tenant": context().tenant, "request": due.request_id});
        assert_eq!(
            body,
            json!({"type": "user.deactivated", "timestamp": "2023-11-14T22:13:20.000Z", "data": data})
        );
    }

    #[test]
    fn a_revoked_session_is_named_with_its_person_and_tenant() {
        let uri = SecurityEvent::SessionRevoked.uri();
        let one = claims(&due("session.revoked", uri, json!({"user": "mina", "session": "s"})));
        let all = claims(&due("user.deactivated", uri, json!({"user": "mina"})));

        assert_eq!(one["sub_id"]["session"], json!({"format": "opaque", "id": "s"}));
        assert_eq!(
            all["sub_id"],
            json!({
                "format": "complex",
                "user": {"format": "iss_sub", "iss": "https://usher.example", "sub": "mina"},
                "tenant": {"format": "opaque", "id": context().tenant},
            })
        );
        assert_eq!(all["events"], json!({uri: {"event_timestamp": 1_700_000_000}}));
        assert!(all.get("sub").is_none() && all.get("exp").is_none());
    }

    #[test]
    fn a_scim_event_names_the_resource_and_which_attributes_it_is_about() {
        let uri = SecurityEvent::Changed.uri();
        let changed = claims(&due("user.updated", uri, json!({"user": "mina", "attributes": ["title"]})));

        assert_eq!(changed["sub_id"], json!({"format": "scim", "uri": "/Users/mina"}));
        assert_eq!(changed["events"], json!({uri: {"attributes": ["title"]}}));
    }

    #[test]
    fn of_two_who_became_one_the_local_one_is_deleted() {
        let merged = json!({"user": "mina", "was": "mina-before"});
        let gone = claims(&due("user.merged", SecurityEvent::Deleted.uri(), merged.clone()));
        let credential = claims(&due("user.merged", SecurityEvent::CredentialChange.uri(), merged));

        assert_eq!(gone["sub_id"]["uri"], "/Users/mina-before");
        assert_eq!(credential["sub_id"]["user"]["sub"], "mina");
    }
}
