//! Handing the authorization request to the provider before the browser goes there (RFC 9126). Knows the endpoint; does not
//! know what is asked.

use serde::Deserialize;

use super::{Connection, Outside, Provider, Said, client_auth};
use crate::SsoError;
use crate::egress::EgressError;

/// RFC 9126 section 2.2.
#[derive(Deserialize)]
struct Pushed {
    request_uri: String,
}

/// The name under which the provider keeps the request, where it takes such requests.
pub(super) async fn push(
    outside: &Outside<'_>,
    connection: &Connection,
    provider: &Provider,
    request: &[(&'static str, String)],
) -> Result<Option<String>, SsoError> {
    let metadata = provider.metadata();
    let Some(endpoint) =
        metadata.push_endpoint.as_ref().filter(|_| connection.push || metadata.push_required)
    else {
        return Ok(None);
    };
    let form = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let unreachable = SsoError::PushUnreachable;
    let response = client_auth::post(outside, connection, provider, endpoint, form, unreachable).await?;
    if response.status != 201 && response.status != 200 {
        return Err(SsoError::PushRefused { status: response.status, said: Said::in_answer(&response) });
    }
    let pushed: Pushed = response.json().map_err(|error| match error {
        EgressError::MalformedJson => SsoError::PushMalformed,
        other => SsoError::PushUnreachable(other),
    })?;
    Ok(Some(pushed.request_uri))
}
