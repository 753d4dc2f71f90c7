//! An app proves that it holds a key (RFC 9449), and gets tokens that are good for whoever holds it. Knows what is bound to which key, and
//! that no proof is taken twice; how a proof is made, `sso` knows.

use domain::token::TokenHash;
use serde_json::Value;
use sso::op::{HeldKey, Proved, verify_proof};
use store::{Scope, apps};

use super::proof::Proven;
use super::userinfo::Behind;
use crate::App;
use crate::error::{AppError, TokenRefusal};

/// An access token, as somebody shows it who wants to be told something.
#[derive(Default)]
pub struct ShownAccess {
    /// The token.
    pub token: String,
    /// The proof beside it, if it is shown as one that is bound to a key.
    pub held: Option<ShownProof>,
}

impl std::fmt::Debug for ShownAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShownAccess").field("held", &self.held).finish_non_exhaustive()
    }
}

/// A proof beside an access token.
#[derive(Debug)]
pub struct ShownProof {
    /// As it was sent; empty, if none was.
    pub proof: String,
    /// By which method.
    pub method: String,
}

impl App {
    /// The thumbprint of the key that an app holds which asks for tokens, if it shows that it holds one.
    pub(super) async fn key_for_tokens(
        &self,
        proven: &Proven,
        proof: Option<&str>,
    ) -> Result<Option<String>, AppError> {
        if proof.is_none() && proven.app.dpop_bound_access_tokens {
            let why = "the app gets no tokens without a DPoP proof".to_owned();
            return Err(TokenRefusal::Proof(why).into());
        }
        self.key_held(proven, "token", proof).await
    }

    /// The same at another endpoint that an app posts to.
    pub(super) async fn key_held(
        &self,
        proven: &Proven,
        endpoint: &str,
        proof: Option<&str>,
    ) -> Result<Option<String>, AppError> {
        let Some(proof) = proof else { return Ok(None) };
        let address = self.app_addresses(&proven.tenant).of(endpoint);
        let request = Proved { method: "POST", address: &address, access_token: None, now: self.now() };
        let held =
            verify_proof(proof, request).map_err(|refused| TokenRefusal::Proof(refused.to_string()))?;
        if !self.spend_proof(&proven.scope, proven.id(), &held).await? {
            return Err(TokenRefusal::Proof("the DPoP proof was used before".to_owned()).into());
        }
        Ok(Some(held.thumbprint))
    }

    /// RFC 9449 §7.1 and §7.2: a token that is bound to a key is shown with a proof of that key, and one that is not without.
    pub(super) async fn check_possession(
        &self,
        scope: &Scope,
        (tenant, endpoint): (&str, &str),
        shown: &ShownAccess,
        behind: &Behind,
    ) -> Result<(), AppError> {
        let refused = |why: &str| Err(AppError::from(TokenRefusal::Unproven(why.to_owned())));
        let (bound_to, shown_proof) = match (bound_to(behind), &shown.held) {
            (None, None) => return Ok(()),
            (Some(_), None) | (None, Some(_)) => return Err(TokenRefusal::OtherScheme.into()),
            (Some(key), Some(proof)) => (key, proof),
        };
        let address = self.app_addresses(tenant).of(endpoint);
        let request = Proved {
            method: &shown_proof.method,
            address: &address,
            access_token: Some(&shown.token),
            now: self.now(),
        };
        let held = verify_proof(&shown_proof.proof, request);
        let held = held.map_err(|refused| TokenRefusal::Unproven(refused.to_string()))?;
        if held.thumbprint != bound_to {
            return refused("the DPoP proof is by another key than the access token is bound to");
        }
        if !self.spend_proof(scope, behind.grant.app(), &held).await? {
            return refused("the DPoP proof was used before");
        }
        Ok(())
    }

    /// Whether the proof was not used before (RFC 9449 §11.1).
    async fn spend_proof(
        &self,
        scope: &Scope,
        app: domain::id::AppId,
        held: &HeldKey,
    ) -> Result<bool, AppError> {
        let name = TokenHash::of(&format!("DPoP proof {} {}", held.thumbprint, held.id));
        let mut tx = self.db.begin(scope).await?;
        let is_first = apps::spend(&mut tx, app, name, held.forget_at, self.now()).await?;
        tx.commit_trace_of_use().await?;
        Ok(is_first)
    }
}

/// The key that an access token is bound to.
fn bound_to(behind: &Behind) -> Option<&str> {
    behind.claims.get("cnf")?.get("jkt").and_then(Value::as_str)
}

/// What a token says that is bound to a key (RFC 9449 §6).
pub(super) fn confirmation(thumbprint: &str) -> Value {
    serde_json::json!({"jkt": thumbprint})
}
