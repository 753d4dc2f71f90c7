//! Directories that believe access tokens which somebody else issued: Entra ID's, where no secret token is given to it.
//!
//! Such a token names no tenant of ours, so it is taken only at an address that does (`/scim/{tenant}/v2`).

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{CredentialId, DirectoryId, RequestId};
use domain::token::{CredentialScope, PlainToken, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sso::access_token::{self, AccessTokenError, Trust};
use store::credentials::{self, CredentialRow, Opened};
use store::token_issuers::{self, TrustRow, Trusted};
use store::{AdminScope, directories};
use url::Url;
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

const LONGEST: usize = 200;

/// An issuer to be trusted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewTokenIssuer {
    /// Slug of the directory that its tokens open.
    #[schema(example = "entra")]
    pub directory: String,
    /// `iss` of its tokens, under which its metadata is published.
    #[schema(example = "https://sts.windows.net/00000000-0000-0000-0000-000000000000/")]
    pub issuer: String,
    /// `aud`: the id of the application's template, which is this one for applications of one's own making.
    #[schema(example = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621")]
    pub audience: String,
    /// `tid`: the Entra tenant.
    pub entra_tenant: String,
    /// `appid`: the application that asks for the tokens. The audience is shared by many, so this one is needed.
    pub application: String,
    /// What its tokens may do: `read`, or `write`, which includes reading and is the default.
    #[serde(default)]
    #[schema(value_type = String, example = "write")]
    pub scope: CredentialScope,
}

/// A trusted issuer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenIssuerView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: CredentialId,
    /// The directory that its tokens open.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub directory: Option<DirectoryId>,
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `tid`.
    pub entra_tenant: String,
    /// `appid`.
    pub application: String,
    /// What its tokens may do.
    #[schema(value_type = String, example = "write")]
    pub scope: CredentialScope,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When the trust was ended.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When one of its tokens was last taken (to the minute).
    pub last_used_at: Option<DateTime<Utc>>,
}

impl App {
    /// Lets a directory believe an issuer's tokens.
    pub async fn trust_token_issuer(
        &self,
        admin: &AdminScope,
        new: NewTokenIssuer,
    ) -> Result<TokenIssuerView, AppError> {
        let now = self.now();
        self.check_issuer(&new)?;
        let mut tx = self.db.begin(admin.scope()).await?;
        let directory = directories::lock(&mut tx, &new.directory)
            .await?
            .ok_or_else(|| AppError::Invalid(format!("there is no directory {:?}", new.directory)))?;
        let same =
            |(trust, row): &(TrustRow, CredentialRow)| row.is_live(now) && trusts(trust) == wanted(&new);
        if token_issuers::all(&mut tx).await?.iter().any(same) {
            return Err(AppError::Conflict("these tokens open a directory already".to_owned()));
        }
        // Nobody is ever given this one: the row stands for the issuer's word.
        let token = PlainToken::mint(TokenKind::Scim, Some(admin.scope().tenant()), &*self.entropy);
        let id = CredentialId::generate(now, &*self.entropy);
        let row = CredentialRow {
            id: id.as_uuid(),
            kind: "scim".to_owned(),
            directory_id: Some(directory.id),
            hint: new.issuer.clone(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            scope: new.scope.as_str().to_owned(),
            form: "issuer".to_owned(),
            client_id: None,
        };
        let trust = TrustRow {
            credential_id: row.id,
            issuer: new.issuer,
            audience: new.audience,
            entra_tenant: new.entra_tenant,
            application: new.application,
        };
        credentials::add(&mut tx, &row, token.hash()).await?;
        token_issuers::add(&mut tx, &trust).await?;
        let event = AuditEvent::new(Action::CredentialIssue, id).after(json!({
            "form": row.form, "directory": row.directory_id, "scope": row.scope, "issuer": trust.issuer,
            "audience": trust.audience, "entraTenant": trust.entra_tenant, "application": trust.application,
        }));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(view((trust, row)))
    }

    /// All issuers that directories of the tenant trust or trusted.
    pub async fn list_token_issuers(&self, admin: &AdminScope) -> Result<Vec<TokenIssuerView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = token_issuers::all(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// Ends a trust: the next request with such a token is refused.
    pub async fn revoke_token_issuer(&self, admin: &AdminScope, id: CredentialId) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        if !token_issuers::revoke(&mut tx, id, now).await? {
            return Err(AppError::NotFound("trusted token issuer"));
        }
        let event = AuditEvent::new(Action::CredentialRevoke, id);
        self.commit(tx, Audit::of(event), now).await?;
        self.token_issuers.forget(id);
        Ok(())
    }

    /// What a token that somebody else issued opens in the tenant that the address names, if anything.
    pub async fn authenticate_issued(
        &self,
        tenant: &str,
        token: &str,
        request: RequestId,
    ) -> Result<Option<Opened>, AppError> {
        let Some((issuer, audience)) = access_token::claimed(token) else { return Ok(None) };
        let now = self.now();
        let trusted = self.db.trusted_issuers(tenant, (&issuer, &audience), request, now).await?;
        for candidate in trusted {
            match self.verify_issued(&candidate, token).await {
                Ok(()) => {
                    self.db.note_issuer(&candidate, now).await?;
                    return Ok(Some(candidate.opens));
                }
                Err(error) => tracing::info!(%error, "Refused an access token of another issuer"),
            }
        }
        Ok(None)
    }

    async fn verify_issued(&self, trusted: &Trusted, token: &str) -> Result<(), AccessTokenError> {
        let (row, now) = (&trusted.trust, self.now());
        let trust = Trust {
            issuer: row.issuer.clone(),
            audience: row.audience.clone(),
            entra_tenant: row.entra_tenant.clone(),
            application: row.application.clone(),
        };
        let id = CredentialId::from_uuid(row.credential_id);
        let issuer = self.token_issuers.get(&self.egress, id, &trust.issuer, now).await?;
        access_token::verify(&self.egress, &issuer, token, &trust, now).await
    }

    fn check_issuer(&self, new: &NewTokenIssuer) -> Result<(), AppError> {
        for (what, text) in [
            ("issuer", &new.issuer),
            ("audience", &new.audience),
            ("entraTenant", &new.entra_tenant),
            ("application", &new.application),
        ] {
            if text.trim().is_empty() || text.len() > LONGEST {
                return Err(AppError::Invalid(format!("{what} has 1 to {LONGEST} characters")));
            }
        }
        let refused = |why: String| AppError::Invalid(format!("issuer: {why}"));
        let url = Url::parse(&new.issuer).map_err(|error| refused(error.to_string()))?;
        self.egress.check(&url).map_err(|error| refused(error.to_string()))
    }
}

/// The four claims, by which no two trusts of a tenant may be the same: a token opens one directory.
fn trusts(row: &TrustRow) -> [&str; 4] {
    [&row.issuer, &row.audience, &row.entra_tenant, &row.application]
}

fn wanted(new: &NewTokenIssuer) -> [&str; 4] {
    [&new.issuer, &new.audience, &new.entra_tenant, &new.application]
}

fn view((trust, row): (TrustRow, CredentialRow)) -> TokenIssuerView {
    TokenIssuerView {
        id: CredentialId::from_uuid(row.id),
        directory: row.directory_id.map(DirectoryId::from_uuid),
        issuer: trust.issuer,
        audience: trust.audience,
        entra_tenant: trust.entra_tenant,
        application: trust.application,
        scope: CredentialScope::parse(&row.scope).unwrap_or(CredentialScope::Read),
        created_at: row.created_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
    }
}
