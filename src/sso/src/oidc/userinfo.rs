//! What the provider adds about a person (OpenID Connect Core section 5.3). Knows the userinfo endpoint; does not know who may
//! come in.

use serde_json::{Map, Value};

use super::{Connection, Outside, Provider};
use crate::egress::{EgressError, EgressResponse};
use crate::jose::{Claims, Jws, JwsError, KeySet};
use crate::{Secret, SsoError};

/// Asks for the claims of the person whom the ID token names by `subject`.
pub(super) async fn fetch(
    outside: &Outside<'_>,
    connection: &Connection,
    provider: &Provider,
    access_token: &Secret,
    subject: &str,
) -> Result<Map<String, Value>, SsoError> {
    let endpoint = provider.metadata().userinfo_endpoint.as_ref().ok_or(SsoError::UserInfoNotOffered)?;
    let response =
        outside.egress.get_as(endpoint, access_token).await.map_err(SsoError::UserInfoUnreachable)?;
    if response.status != 200 {
        return Err(SsoError::UserInfoStatus(response.status));
    }
    let claims = match response.text().filter(|_| response.is_of("application/jwt")) {
        Some(token) => signed(outside, connection, provider, token.trim_ascii()).await?,
        None => plain(&response)?,
    };
    // Section 5.3.2: "The sub Claim in the UserInfo Response MUST be verified to exactly match the sub Claim in the ID Token".
    if claims.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(SsoError::UserInfoSubjectMismatch);
    }
    Ok(claims)
}

fn plain(response: &EgressResponse) -> Result<Map<String, Value>, SsoError> {
    response.json().map_err(|error| match error {
        EgressError::MalformedJson => SsoError::UserInfoMalformed,
        other => SsoError::UserInfoUnreachable(other),
    })
}

/// Section 5.3.2: a signed answer is by the issuer and for us.
async fn signed(
    outside: &Outside<'_>,
    connection: &Connection,
    provider: &Provider,
    token: &str,
) -> Result<Map<String, Value>, SsoError> {
    let jws = Jws::parse(token, &connection.allowed_algs, &["JWT"]).map_err(SsoError::UserInfoToken)?;
    let judge = |keys: &KeySet| {
        let key = keys.select(jws.key_id.as_deref(), jws.algorithm).map_err(SsoError::UserInfoToken)?;
        jws.verify(key).map_err(SsoError::UserInfoToken)
    };
    let is_about_keys =
        |error: &SsoError| matches!(error, SsoError::UserInfoToken(it) if JwsError::is_about_keys(it));
    let claims = provider.keys().judge(outside.egress, outside.now, is_about_keys, judge).await?;
    if Claims(&claims).text("iss")? != connection.issuer {
        return Err(SsoError::IssuerMismatch);
    }
    Claims(&claims).is_for(&[&connection.client_id])?;
    Ok(claims)
}

/// What the ID token says stands; what it leaves out is added. That an address is verified is about the address beside it.
pub(super) fn add(claims: &mut Map<String, Value>, more: Map<String, Value>) {
    let same_address = claims.get("email").is_none_or(|email| more.get("email") == Some(email));
    for (name, value) in more {
        if same_address || !matches!(name.as_str(), "email_verified" | "xms_edov") {
            claims.entry(name).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::add;

    fn added(claims: Value, more: Value) -> Value {
        let mut claims: Map<String, Value> = serde_json::from_value(claims).unwrap();
        add(&mut claims, serde_json::from_value(more).unwrap());
        claims.into()
    }

    #[test]
    fn the_id_token_stands_and_what_it_leaves_out_is_added() {
        let more = json!({"name": "Mallory", "email": "ceo@acme.test", "email_verified": true});

        assert_eq!(
            added(json!({"name": "Alice"}), more.clone()),
            json!({"name": "Alice", "email": "ceo@acme.test", "email_verified": true})
        );
        assert_eq!(
            added(json!({"email": "alice@acme.test"}), more),
            json!({"email": "alice@acme.test", "name": "Mallory"})
        );
    }
}
