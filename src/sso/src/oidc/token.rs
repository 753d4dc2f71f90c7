//! Redeeming a code. Knows the token endpoint (RFC 6749 section 4.1.3); does not look inside the tokens.

use serde::Deserialize;

use super::callback::ErrorCode;
use super::metadata::ClientAuth;
use super::{Connection, FlowSecrets, Provider};
use crate::egress::{Egress, EgressError};
use crate::{Secret, SsoError};

/// What a code was worth.
pub(super) struct Tokens {
    pub(super) id_token: Secret,
    pub(super) access_token: Secret,
}

/// RFC 6749 section 5.1, and OpenID Connect Core section 3.1.3.3.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    id_token: Option<String>,
}

/// RFC 6749 section 5.2.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// Sends the code, the PKCE verifier and our credentials to the token endpoint of this provider.
pub(super) async fn redeem(
    egress: &Egress,
    connection: &Connection,
    provider: &Provider,
    flow: &FlowSecrets,
    code: &str,
) -> Result<Tokens, SsoError> {
    let metadata = provider.metadata();
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", connection.redirect_uri.as_str()),
        ("code_verifier", flow.pkce_verifier.expose()),
    ];
    let basic_auth = match metadata.client_auth {
        ClientAuth::Basic => Some((connection.client_id.as_str(), &connection.client_secret)),
        ClientAuth::Post => {
            form.push(("client_id", &connection.client_id));
            form.push(("client_secret", connection.client_secret.expose()));
            None
        }
    };
    let response = egress
        .post_form(&metadata.token_endpoint, basic_auth, &form)
        .await
        .map_err(SsoError::TokenEndpointUnreachable)?;

    if response.status != 200 {
        let error =
            response.json::<Refused>().map_or(ErrorCode::Unknown, |body| ErrorCode::read(&body.error));
        return Err(SsoError::TokenRefused { status: response.status, error });
    }
    let granted: Granted = response.json().map_err(|error| match error {
        EgressError::MalformedJson => SsoError::TokenResponseMalformed,
        other => SsoError::TokenEndpointUnreachable(other),
    })?;
    if !granted.token_type.eq_ignore_ascii_case("Bearer") {
        return Err(SsoError::TokenTypeRefused);
    }
    let id_token = granted.id_token.ok_or(SsoError::IdTokenMissing)?;
    Ok(Tokens { id_token: id_token.into(), access_token: granted.access_token.into() })
}
