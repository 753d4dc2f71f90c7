//! Tokens for apps. Knows their types, how large they may become, and how one of ours is read again; does not know what they say.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::OpKey;
use crate::jose::{Jws, KeySet, SigningAlg};

/// No token is longer: it has to fit into a header, beside others.
pub const LONGEST_TOKEN: usize = 4_096;

/// What a token is, which its header says, so that none is taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Who signed in (OpenID Connect Core §2).
    Id,
    /// What opens an API (RFC 9068).
    Access,
    /// That a session is over (OpenID Connect Back-Channel Logout §2.4).
    Logout,
}

impl TokenKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Access => "at+jwt",
            Self::Logout => "logout+jwt",
        }
    }
}

/// The hash of an access token in an ID token (OpenID Connect Core §3.1.3.6), for ES256 and RS256.
pub fn at_hash(access_token: &str) -> String {
    let hash = Sha256::digest(access_token);
    URL_SAFE_NO_PAD.encode(hash.iter().take(16).copied().collect::<Vec<u8>>())
}

/// A token of these claims and of as many of those behind as fit, the first of them first. Where some are left out, the claim
/// `left_out` names them and says where to ask. None, if the cryptographic library cannot sign.
pub fn sized(
    key: &OpKey,
    kind: TokenKind,
    claims: &Map<String, Value>,
    more: &[(&'static str, Value)],
    ask: &str,
) -> Option<String> {
    for fitting in (0..=more.len()).rev() {
        let (kept, left_out) = more.split_at_checked(fitting).unwrap_or((more, &[]));
        let mut all = claims.clone();
        all.extend(kept.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if !left_out.is_empty() {
            let names: Vec<&str> = left_out.iter().map(|(name, _)| *name).collect();
            all.insert("left_out".to_owned(), json!({"claims": names, "ask": ask}));
        }
        let token = key.sign(kind, &all)?;
        if token.len() <= LONGEST_TOKEN || fitting == 0 {
            return Some(token);
        }
    }
    key.sign(kind, claims)
}

/// The claims of a token of this kind that one of these keys signed. When it ends, and for whom it is, is yet to be judged.
pub fn read(token: &str, kind: TokenKind, keys: &Value) -> Option<Map<String, Value>> {
    let jws = Jws::parse(token, &[SigningAlg::Es256, SigningAlg::Rs256], &[kind.name()]).ok()?;
    let keys = KeySet::read(keys.clone()).ok()?;
    let key = keys.select(Some(jws.key_id.as_deref()?), jws.algorithm).ok()?;
    jws.verify(key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> OpKey {
        OpKey::derive(&[7; 32], "0198c2f0-7a3b-7c4d-8e5f-0123456789ab".parse().unwrap(), 1).unwrap()
    }

    fn claims() -> Map<String, Value> {
        json!({"iss": "https://usher.example/op/acme", "sub": "x"}).as_object().unwrap().clone()
    }

    #[test]
    fn a_token_is_read_as_what_it_is_and_as_nothing_else() {
        let (key, other) =
            (key(), OpKey::derive(&[8; 32], "0198c2f0-7a3b-7c4d-8e5f-0123456789ab".parse().unwrap(), 1));
        let published = json!({"keys": [key.public()]});
        let token = key.sign(TokenKind::Access, &claims()).unwrap();

        assert_eq!(read(&token, TokenKind::Access, &published), Some(claims()));
        assert_eq!(read(&token, TokenKind::Id, &published), None);
        assert_eq!(read(&token, TokenKind::Logout, &published), None);
        assert_eq!(read(&token, TokenKind::Access, &json!({"keys": [other.unwrap().public()]})), None);
        assert_eq!(read(&format!("{token}A"), TokenKind::Access, &published), None);
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(read(&format!("{signed}."), TokenKind::Access, &published), None);
    }

    #[test]
    fn what_does_not_fit_is_named_and_the_token_stays_short() {
        let key = key();
        let published = json!({"keys": [key.public()]});
        let large = |n: usize| json!(vec!["abcdefghijklmnopqrstuvwxyz"; n]);
        let more = [("roles", large(10)), ("workspaces", large(200)), ("permissions", large(10))];

        let token =
            sized(&key, TokenKind::Access, &claims(), &more, "https://usher.example/userinfo").unwrap();

        assert!(token.len() <= LONGEST_TOKEN, "{}", token.len());
        let said = read(&token, TokenKind::Access, &published).unwrap();
        assert_eq!(said["roles"].as_array().unwrap().len(), 10);
        assert!(said.get("workspaces").is_none() && said.get("permissions").is_none());
        assert_eq!(
            said["left_out"],
            json!({"claims": ["workspaces", "permissions"], "ask": "https://usher.example/userinfo"})
        );
        let small = sized(&key, TokenKind::Access, &claims(), more.get(..1).unwrap(), "x").unwrap();
        assert!(read(&small, TokenKind::Access, &published).unwrap().get("left_out").is_none());
    }

    /// OpenID Connect Core, appendix A.3, whose hash is by SHA-256, too.
    #[test]
    fn the_hash_of_an_access_token_is_the_left_half_in_base64url() {
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
