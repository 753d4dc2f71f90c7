//! Whether a token is good now, for an app that was shown it (RFC 7662).

use domain::id::RequestId;
use domain::token::TokenKind as PlainKind;
use serde_json::{Map, Value, json};
use store::app_grants;

use super::claims;
use super::exchange::{asked_in, plain};
use super::issue::token_type;
use super::possession::confirmation;
use super::proof::{Claimed, Proven};
use super::userinfo::{Behind, named};
use crate::App;
use crate::error::AppError;

/// A token that an app shows or wants to know about.
#[derive(Default)]
pub struct Shown {
    /// Who asks.
    pub claimed: Claimed,
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown").field("claimed", &self.claimed).finish_non_exhaustive()
    }
}

impl App {
    /// What there is to say of a token. One that is not good, or that is neither the app's nor for a resource of the app, is
    /// said to be inactive and nothing else (§2.2).
    pub async fn introspect(
        &self,
        tenant: &str,
        shown: &Shown,
        request: RequestId,
    ) -> Result<Value, AppError> {
        let proven = self.prove_app(tenant, "introspect", &shown.claimed, request).await?.confidential()?;
        let mut tx = self.db.read(&proven.scope).await?;
        let said = if let Some(refresh) = plain(&shown.token, PlainKind::AppRefresh) {
            self.refresh_said(&mut tx, &proven, refresh.hash()).await?
        } else {
            let behind = self.behind(&mut tx, &proven.tenant, &shown.token).await?;
            behind.filter(|behind| concerns(&proven, behind)).map(access_said)
        };
        tx.finish().await?;
        let mut said = said.unwrap_or_default();
        said.insert("active".to_owned(), json!(!said.is_empty()));
        Ok(Value::Object(said))
    }

    async fn refresh_said(
        &self,
        tx: &mut store::ReadTx,
        proven: &Proven,
        hash: domain::token::TokenHash,
    ) -> Result<Option<Map<String, Value>>, AppError> {
        let Some(id) = app_grants::of_refresh(tx, hash).await? else { return Ok(None) };
        let grant = app_grants::find(tx, id).await?.filter(|grant| grant.app() == proven.id());
        let Some(grant) = grant else { return Ok(None) };
        if !app_grants::is_unused(tx, hash).await? {
            return Ok(None);
        }
        let Some(live) = self.live_behind(tx, &grant).await? else { return Ok(None) };
        let mut said = claims::of_session(&live);
        said.insert("iss".to_owned(), json!(self.app_addresses(&proven.tenant).issuer));
        said.insert("client_id".to_owned(), json!(proven.id()));
        said.insert("scope".to_owned(), json!(asked_in(&grant)?.scopes.join(" ")));
        said.extend(grant.bound_to.as_deref().map(|key| ("cnf".to_owned(), confirmation(key))));
        Ok(Some(said))
    }
}

/// Whether a token is the app's, or for a resource of the app.
fn concerns(proven: &Proven, behind: &Behind) -> bool {
    behind.grant.app() == proven.id() || proven.app.resources.iter().any(|resource| behind.is_for(resource))
}

/// What the token says, and of the person what holds now.
fn access_said(behind: Behind) -> Map<String, Value> {
    let scopes = behind.scopes();
    let mut said = behind.claims;
    let is_bound = said.contains_key("cnf");
    said.insert("token_type".to_owned(), json!(token_type(is_bound)));
    said.remove("left_out");
    if let Some(live) = &behind.live {
        said.extend(claims::of_session(live));
        said.extend(claims::of_access(&scopes, &live.access).into_iter().map(named));
        said.insert("username".to_owned(), json!(live.resource.user_name()));
    }
    said
}
