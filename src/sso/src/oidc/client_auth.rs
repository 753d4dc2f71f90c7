//! Requests that we make at a provider as its client. Knows how we prove that we are it; does not know what is asked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use openidconnect::core::CoreClientAuthMethod;
use serde_json::json;
use url::Url;

use super::{ClientAuth, Connection, Outside, Provider};
use crate::egress::{EgressError, EgressResponse};
use crate::jose::SigningKey;
use crate::{Secret, SsoError};

/// RFC 7523 section 2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Long enough for a slow provider, and for one whose clock is a little ahead.
const ASSERTION_LIFETIME: TimeDelta = TimeDelta::minutes(1);

/// What is added to a request.
enum Proof<'a> {
    Basic(&'a Secret),
    Post(&'a Secret),
    Key(&'a SigningKey),
}

/// Whether the provider takes any proof that we have.
pub(super) fn check(connection: &Connection, provider: &Provider) -> Result<(), SsoError> {
    proof(connection, provider).map(drop)
}

fn proof<'a>(connection: &'a Connection, provider: &Provider) -> Result<Proof<'a>, SsoError> {
    let secret = match &connection.client_auth {
        ClientAuth::SecretBasic(secret) => return Ok(Proof::Basic(secret)),
        ClientAuth::SecretPost(secret) => return Ok(Proof::Post(secret)),
        ClientAuth::PrivateKey(key) => return Ok(Proof::Key(key)),
        ClientAuth::Secret(secret) => secret,
    };
    // Discovery section 3: "If omitted, the default is `client_secret_basic`".
    match &provider.metadata().client_auth_methods {
        None => Ok(Proof::Basic(secret)),
        Some(methods) if methods.contains(&CoreClientAuthMethod::ClientSecretBasic) => {
            Ok(Proof::Basic(secret))
        }
        Some(methods) if methods.contains(&CoreClientAuthMethod::ClientSecretPost) => Ok(Proof::Post(secret)),
        Some(_) => Err(SsoError::ClientAuthUnsupported),
    }
}

/// Posts a form to one of the provider's endpoints, as its client.
pub(super) async fn post(
    outside: &Outside<'_>,
    connection: &Connection,
    provider: &Provider,
    endpoint: &Url,
    mut form: Vec<(&str, &str)>,
    unreachable: fn(EgressError) -> SsoError,
) -> Result<EgressResponse, SsoError> {
    let client_id = connection.client_id.as_str();
    let assertion;
    let basic = match proof(connection, provider)? {
        Proof::Basic(secret) => Some((client_id, secret)),
        Proof::Post(secret) => {
            form.push(("client_secret", secret.expose()));
            None
        }
        Proof::Key(key) => {
            assertion = client_assertion(outside, connection, key);
            form.extend([
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", assertion.expose()),
            ]);
            None
        }
    };
    // With a proof in the form our name stands beside it; what is asked may have brought it already.
    if basic.is_none() && !form.iter().any(|(name, _)| *name == "client_id") {
        form.push(("client_id", client_id));
    }
    outside.egress.post_form(endpoint, basic, &form).await.map_err(unreachable)
}

/// RFC 7523 section 3. The audience is the issuer alone, whichever endpoint it is for: an assertion that names an endpoint
/// could be made to name somebody else's (the update of RFC 7523).
fn client_assertion(outside: &Outside<'_>, connection: &Connection, key: &SigningKey) -> Secret {
    let mut id = [0_u8; 16];
    outside.entropy.fill(&mut id);
    let now = outside.now.timestamp();
    let claims = json!({
        "iss": connection.client_id,
        "sub": connection.client_id,
        "aud": connection.issuer,
        "jti": URL_SAFE_NO_PAD.encode(id),
        "iat": now,
        "exp": now + ASSERTION_LIFETIME.num_seconds(),
    });
    key.sign("JWT", &claims).into()
}
