//! Bearer tokens and what is kept of them. Knows their shape and their hash; does not know whom they admit.
//!
//! ```text
//! usher_scim_  0198c2f07a3b7c4d8e5f0123456789ab  _  <43 characters of base64url: 32 random bytes>
//! prefix       tenant id, 32 hex characters
//! ```
//!
//! The prefix lets a person, a log filter or a secret scanner see what leaked. The tenant id lets the row be
//! looked up inside the tenant's own barrier. An operator's token has no tenant part.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::Entropy;
use crate::id::TenantId;

/// Whom a token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A provisioning client of one directory.
    Scim,
    /// A provisioning client of one directory, for some minutes: an access token (RFC 6749 §1.4).
    Access,
    /// What an OAuth client shows to fetch an access token. Opens nothing by itself.
    ClientSecret,
    /// An administrator's program, for one tenant.
    Admin,
    /// The operator, across tenants.
    Operator,
    /// A receiver of signals, for its one stream.
    Stream,
    /// What an app shows to prove that it is itself. Opens nothing by itself.
    AppSecret,
    /// What an app exchanges for tokens, once.
    AppCode,
    /// What an app exchanges for new tokens, once.
    AppRefresh,
    /// What an app on a device without a browser asks with, until somebody has let it in.
    AppDevice,
    /// An app's request to sign somebody in, which we keep.
    AppRequest,
    /// A proxy that asks for each request whether it may pass.
    Gate,
    /// What a browser brings to a host behind a gate, once.
    GateCode,
    /// What a browser shows at one host behind a gate.
    GatePass,
    /// A signed-in person.
    Session,
    /// The browser in which a login began.
    Browser,
    /// Somebody who may register one passkey, or accept one invitation, once.
    Invitation,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Scim,
        Self::Access,
        Self::ClientSecret,
        Self::Admin,
        Self::Operator,
        Self::Stream,
        Self::AppSecret,
        Self::AppCode,
        Self::AppRefresh,
        Self::AppDevice,
        Self::AppRequest,
        Self::Gate,
        Self::GateCode,
        Self::GatePass,
        Self::Session,
        Self::Browser,
        Self::Invitation,
    ];

    /// What every token of this kind begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Scim => "usher_scim_",
            Self::Access => "usher_at_",
            Self::ClientSecret => "usher_cs_",
            Self::Admin => "usher_adm_",
            Self::Operator => "usher_op_",
            Self::Stream => "usher_ssf_",
            Self::AppSecret => "usher_app_",
            Self::AppCode => "usher_ac_",
            Self::AppRefresh => "usher_rt_",
            Self::AppDevice => "usher_dc_",
            Self::AppRequest => "usher_ar_",
            Self::Gate => "usher_gate_",
            Self::GateCode => "usher_gc_",
            Self::GatePass => "usher_pass_",
            Self::Session => "usher_ses_",
            Self::Browser => "usher_brw_",
            Self::Invitation => "usher_inv_",
        }
    }
}

/// What a credential may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialScope {
    /// Ask.
    Read,
    /// Ask and change.
    #[default]
    Write,
}

impl CredentialScope {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// The one that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|scope| scope.as_str() == text)
    }

    /// Whether it may change anything.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Write)
    }
}

/// The text is not a token of this house. Says nothing about the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed token")]
pub struct MalformedToken;

/// A token in the clear. Lives for one request or one response; prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainToken {
    text: String,
    kind: TokenKind,
    tenant: Option<TenantId>,
}

const SECRET_BYTES: usize = 32;
const SECRET_CHARACTERS: usize = 43;
const TENANT_CHARACTERS: usize = 32;

/// Longer than the longest token; anything above is refused unread.
const MAX_LENGTH: usize = 128;

impl PlainToken {
    /// Makes a new token.
    ///
    /// An operator's token never carries a tenant, whatever is passed. A token of any other kind that is made
    /// without a tenant is one that nobody accepts: [`PlainToken::parse`] asks for the tenant part.
    pub fn mint(kind: TokenKind, tenant: Option<TenantId>, entropy: &dyn Entropy) -> Self {
        let tenant = if kind == TokenKind::Operator { None } else { tenant };
        let mut secret = [0_u8; SECRET_BYTES];
        entropy.fill(&mut secret);
        let mut text = String::from(kind.prefix());
        if let Some(tenant) = tenant {
            text.push_str(&tenant.as_uuid().simple().to_string());
            text.push('_');
        }
        URL_SAFE_NO_PAD.encode_string(secret, &mut text);
        Self { text, kind, tenant }
    }

    /// Recognises a token by its prefix and shape. Whether it was ever issued is another question.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        if text.len() > MAX_LENGTH {
            return Err(MalformedToken);
        }
        let (kind, rest) = TokenKind::ALL
            .into_iter()
            .find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))
            .ok_or(MalformedToken)?;
        let (tenant, secret) = if kind == TokenKind::Operator {
            (None, rest)
        } else {
            let (hex, rest) = rest.split_at_checked(TENANT_CHARACTERS).ok_or(MalformedToken)?;
            (Some(parse_tenant(hex)?), rest.strip_prefix('_').ok_or(MalformedToken)?)
        };
        let is_secret_character = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if secret.len() != SECRET_CHARACTERS || !secret.bytes().all(is_secret_character) {
            return Err(MalformedToken);
        }
        Ok(Self { text: text.to_owned(), kind, tenant })
    }

    /// Whom it speaks for.
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The tenant it names; none for an operator's.
    pub fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    /// The token itself, to be shown once or sent.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.text)
    }

    /// Enough to tell tokens apart in a list and too little to use one: the prefix and the last four
    /// characters.
    pub fn hint(&self) -> String {
        let mut tail: Vec<char> = self.text.chars().rev().take(4).collect();
        tail.reverse();
        format!("{}…{}", self.kind.prefix(), tail.into_iter().collect::<String>())
    }
}

/// Only the spelling that [`PlainToken::mint`] writes.
fn parse_tenant(hex: &str) -> Result<TenantId, MalformedToken> {
    match Uuid::try_parse(hex) {
        Ok(uuid) if uuid.simple().encode_lower(&mut Uuid::encode_buffer()) == hex => {
            Ok(TenantId::from_uuid(uuid))
        }
        _ => Err(MalformedToken),
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The SHA-256 of a whole token, prefix included.
///
/// A plain hash is enough: the token has 256 random bits, so there is nothing to guess and no need to be slow.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of any secret text.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// The hash with these bytes, as read back from where it is stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storage.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::CountingEntropy;
    use proptest::prelude::*;

    fn tenant() -> TenantId {
        "0198c2f0-7a3b-7c4d-8e5f-0123456789ab".parse().unwrap()
    }

    #[test]
    fn a_minted_token_parses_as_what_it_is() {
        let entropy = CountingEntropy::new();
        for kind in TokenKind::ALL {
            let minted = PlainToken::mint(kind, Some(tenant()), &entropy);
            let parsed = PlainToken::parse(minted.expose()).unwrap();

            assert_eq!(parsed, minted);
            assert_eq!(parsed.kind(), kind);
            assert_eq!(parsed.tenant(), (kind != TokenKind::Operator).then(tenant));
            assert_eq!(parsed.hash(), minted.hash());
        }
    }

    #[test]
    fn two_tokens_are_never_the_same() {
        let entropy = CountingEntropy::new();
        let one = PlainToken::mint(TokenKind::Scim, Some(tenant()), &entropy);
        let two = PlainToken::mint(TokenKind::Scim, Some(tenant()), &entropy);

        assert_ne!(one.hash(), two.hash());
    }

    #[test]
    fn a_token_prints_as_stars_and_its_hint_gives_nothing_away() {
        let token = PlainToken::mint(TokenKind::Admin, Some(tenant()), &CountingEntropy::new());

        assert_eq!(format!("{token:?}"), "***");
        assert_eq!(format!("{:?}", token.hash()), "TokenHash(***)");
        let hint = token.hint();
        assert!(hint.starts_with("usher_adm_…"));
        assert_eq!(hint.chars().count(), "usher_adm_…".chars().count() + 4);
        assert!(
            token
                .expose()
                .ends_with(&hint.chars().rev().take(4).collect::<Vec<_>>().iter().rev().collect::<String>())
        );
    }

    #[test]
    fn another_shape_is_no_token() {
        let good = PlainToken::mint(TokenKind::Scim, Some(tenant()), &CountingEntropy::new());
        let good = good.expose();
        let tenantless = PlainToken::mint(TokenKind::Scim, None, &CountingEntropy::new());

        for bad in [
            "",
            "usher_scim_",
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            tenantless.expose(),
            &good.replace("usher_scim_", "usher_op_"),
            &good.to_uppercase(),
            &format!("{good}A"),
            &format!("{good} "),
            &format!(" {good}"),
            &good.replace("0198c2f0", "0198C2F0"),
            &good.replace("0198c2f0", "é98c2f0"),
            &"usher_scim_".repeat(1000),
        ] {
            assert_eq!(PlainToken::parse(bad), Err(MalformedToken), "{bad}");
        }
    }

    #[test]
    fn the_hash_is_sha_256_of_the_whole_text() {
        let token = PlainToken::mint(TokenKind::Operator, None, &CountingEntropy::new());
        let expected: [u8; 32] = Sha256::digest(token.expose()).into();

        assert_eq!(token.hash().as_bytes(), &expected);
        assert_eq!(TokenHash::from_bytes(expected), token.hash());
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_keeps_the_text(text in "(usher_(scim|at|cs|adm|op|ses|brw)_)?[ -~é]{0,90}") {
            if let Ok(token) = PlainToken::parse(&text) {
                prop_assert_eq!(token.expose(), text);
            }
        }
    }
}
