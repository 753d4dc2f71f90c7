//! The second half of a flow: what the browser brought back. Knows the order of the checks; does not know how each is done.

use std::fmt;

use chrono::{DateTime, Utc};

use super::id_token::{self, Expectations, Verified};
use super::{Connection, FlowSecrets, Outside, Provider, token, userinfo};
use crate::jose::{Jws, KeySet};
use crate::{SsoError, VerifiedIdentity};

const LONGEST_CODE: usize = 2048;

/// The parameters of the callback, each given at most once (the caller refuses repetitions).
#[derive(Clone, Default)]
pub struct CallbackParams {
    /// The authorization code.
    pub code: Option<String>,
    /// The state of the flow.
    pub state: Option<String>,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
    /// The error, in place of a code.
    pub error: Option<String>,
    /// Prose about the error, by whoever made the URL; never shown.
    pub error_description: Option<String>,
}

/// Codes and states are secrets, descriptions are anybody's: `Debug` tells which parameters are there.
impl fmt::Debug for CallbackParams {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CallbackParams")
            .field("code", &self.code.is_some())
            .field("state", &self.state.is_some())
            .field("iss", &self.iss)
            .field("error", &self.error.as_deref().map(ErrorCode::read))
            .field("error_description", &self.error_description.is_some())
            .finish()
    }
}

/// Errors of the authorization and the token endpoint (RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core section
/// 3.1.2.6). What the other side sent is only compared with these names, never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// `access_denied`: the person or the provider said no.
    AccessDenied,
    /// `invalid_request`.
    InvalidRequest,
    /// `invalid_client`: our credentials are wrong.
    InvalidClient,
    /// `invalid_grant`: the code is spent, expired or for somebody else.
    InvalidGrant,
    /// `unauthorized_client`.
    UnauthorizedClient,
    /// `unsupported_grant_type`.
    UnsupportedGrantType,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `invalid_scope`.
    InvalidScope,
    /// `server_error`.
    ServerError,
    /// `temporarily_unavailable`.
    TemporarilyUnavailable,
    /// `interaction_required`.
    InteractionRequired,
    /// `login_required`.
    LoginRequired,
    /// `consent_required`.
    ConsentRequired,
    /// `account_selection_required`.
    SelectionRequired,
    /// Anything else.
    Unknown,
}

impl ErrorCode {
    const NAMES: [(&'static str, Self); 14] = [
        ("access_denied", Self::AccessDenied),
        ("invalid_request", Self::InvalidRequest),
        ("invalid_client", Self::InvalidClient),
        ("invalid_grant", Self::InvalidGrant),
        ("unauthorized_client", Self::UnauthorizedClient),
        ("unsupported_grant_type", Self::UnsupportedGrantType),
        ("unsupported_response_type", Self::UnsupportedResponseType),
        ("invalid_scope", Self::InvalidScope),
        ("server_error", Self::ServerError),
        ("temporarily_unavailable", Self::TemporarilyUnavailable),
        ("interaction_required", Self::InteractionRequired),
        ("login_required", Self::LoginRequired),
        ("consent_required", Self::ConsentRequired),
        ("account_selection_required", Self::SelectionRequired),
    ];

    pub(super) fn read(name: &str) -> Self {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map_or(Self::Unknown, |(_, code)| code)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            Self::NAMES.into_iter().find(|(_, code)| code == self).map_or("unknown error", |(name, _)| name);
        formatter.write_str(name)
    }
}

/// Finishes a flow. The caller has found `flow` by the callback's state, checked that it is this browser's and this
/// connection's, and spent it.
pub async fn finish(
    outside: &Outside<'_>,
    connection: &Connection,
    provider: &Provider,
    params: &CallbackParams,
    flow: &FlowSecrets,
) -> Result<VerifiedIdentity, SsoError> {
    if provider.issuer() != connection.issuer {
        return Err(SsoError::ProviderOfAnotherIssuer);
    }
    let code = check_callback(provider, params, flow)?;
    let tokens = token::redeem(outside, connection, provider, flow, code).await?;

    let jws = Jws::parse(tokens.id_token.expose(), &connection.allowed_algs, &["JWT"])?;
    let expected = Expectations {
        connection,
        nonce: &flow.nonce,
        access_token: &tokens.access_token,
        code,
        now: outside.now,
    };
    let judge = |keys: &KeySet| verified(&jws, keys, &expected);
    let is_about_keys = |error: &SsoError| matches!(error, SsoError::KeyUnknown | SsoError::SignatureInvalid);
    let mut verified = provider.keys().judge(outside.egress, outside.now, is_about_keys, judge).await?;
    if connection.userinfo {
        let more =
            userinfo::fetch(outside, connection, provider, &tokens.access_token, &verified.sub).await?;
        userinfo::add(&mut verified.claims, more);
    }
    let mut identity = verified.into_identity(connection)?;
    identity.logout_hint = Some(tokens.id_token);
    Ok(identity)
}

/// Judges what the token endpoint answered to `code` by these keys, and asks nobody anything: the part of [`finish`] between
/// its requests.
pub fn judge(
    answer: &[u8],
    connection: &Connection,
    keys: &KeySet,
    flow: &FlowSecrets,
    code: &str,
    now: DateTime<Utc>,
) -> Result<VerifiedIdentity, SsoError> {
    let tokens = token::read(serde_json::from_slice(answer).or(Err(SsoError::TokenResponseMalformed))?)?;
    let jws = Jws::parse(tokens.id_token.expose(), &connection.allowed_algs, &["JWT"])?;
    let expected =
        Expectations { connection, nonce: &flow.nonce, access_token: &tokens.access_token, code, now };
    let mut identity = verified(&jws, keys, &expected)?.into_identity(connection)?;
    identity.logout_hint = Some(tokens.id_token);
    Ok(identity)
}

fn verified(jws: &Jws<'_>, keys: &KeySet, expected: &Expectations<'_>) -> Result<Verified, SsoError> {
    let key = keys.select(jws.key_id.as_deref(), jws.algorithm)?;
    id_token::verify(jws, key, expected)
}

/// What can be said about the callback before anybody is asked. An error is believed only with the state of this flow
/// and from this issuer: anybody can make a URL.
fn check_callback<'a>(
    provider: &Provider,
    params: &'a CallbackParams,
    flow: &FlowSecrets,
) -> Result<&'a str, SsoError> {
    if !params.state.as_deref().is_some_and(|state| flow.state.matches(state)) {
        return Err(SsoError::StateMismatch);
    }
    match params.iss.as_deref() {
        Some(issuer) if issuer != provider.issuer() => return Err(SsoError::CallbackIssuerMismatch),
        None if provider.metadata().sends_issuer => return Err(SsoError::CallbackIssuerMissing),
        _ => {}
    }
    if let Some(error) = params.error.as_deref() {
        return Err(SsoError::ProviderRefused { error: ErrorCode::read(error) });
    }
    let code = params.code.as_deref().filter(|code| !code.is_empty()).ok_or(SsoError::CodeMissing)?;
    if code.len() > LONGEST_CODE {
        return Err(SsoError::CodeTooLong);
    }
    Ok(code)
}
