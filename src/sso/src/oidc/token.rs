//! Redeeming a code. Knows the token endpoint (RFC 6749 section 4.1.3); does not look inside the tokens.

use serde::Deserialize;

use super::{Connection, FlowSecrets, Outside, Provider, Said, client_auth};
use crate::egress::EgressError;
use crate::{Secret, SsoError};

/// What a code was worth. A refresh token, should one come, is not kept: nobody would use it.
pub(super) struct Tokens {
    pub(super) id_token: Secret,
    pub(super) access_token: Secret,
}

/// RFC 6749 section 5.1, and OpenID Connect Core section 3.1.3.3.
#[derive(Deserialize)]
pub(super) struct Granted {
    access_token: String,
    token_type: String,
    id_token: Option<String>,
}

/// Sends the code, the PKCE verifier and our proof to the token endpoint of this provider.
pub(super) async fn redeem(
    outside: &Outside<'_>,
    connection: &Connection,
    provider: &Provider,
    flow: &FlowSecrets,
    code: &str,
) -> Result<Tokens, SsoError> {
    let form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", connection.redirect_uri.as_str()),
        ("code_verifier", flow.pkce_verifier.expose()),
    ];
    let endpoint = &provider.metadata().token_endpoint;
    let unreachable = SsoError::TokenEndpointUnreachable;
    let response = client_auth::post(outside, connection, provider, endpoint, form, unreachable).await?;
    if response.status != 200 {
        return Err(SsoError::TokenRefused { status: response.status, said: Said::code_in(&response) });
    }
    read(response.json().map_err(|error| match error {
        EgressError::MalformedJson => SsoError::TokenResponseMalformed,
        other => SsoError::TokenEndpointUnreachable(other),
    })?)
}

/// The tokens in an answer of the token endpoint.
pub(super) fn read(granted: Granted) -> Result<Tokens, SsoError> {
    if !granted.token_type.eq_ignore_ascii_case("Bearer") {
        return Err(SsoError::TokenTypeRefused);
    }
    let id_token = granted.id_token.ok_or(SsoError::IdTokenMissing)?;
    Ok(Tokens { id_token: id_token.into(), access_token: granted.access_token.into() })
}
