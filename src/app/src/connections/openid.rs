//! Connections: the SSO links of a tenant.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ConnectionId, DirectoryId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sso::oidc::SigningAlg;
use store::connections::{self, ConnectionRow};
use store::{AdminScope, directories};
use url::Url;
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;
use crate::login::{LinkTo, Settings, settings_of};
use crate::tenants::{display_name, slug};

/// A connection to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewConnection {
    /// Short name, unique in the tenant: 1–63 of `a–z`, `0–9`, `-`. Part of the redirect URI.
    #[schema(
        example = "entra",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
    )]
    pub slug: String,
    /// Display name.
    #[schema(example = "Entra ID", min_length = 1, max_length = 200)]
    pub name: String,
    /// Slug of the directory whose people sign in here; may be left out when the tenant has one directory.
    pub directory: Option<String>,
    /// The OpenID provider's issuer, exactly as its discovery document says it.
    #[schema(example = "https://login.microsoftonline.com/…/v2.0")]
    pub issuer: String,
    /// The name under which the provider knows us.
    pub client_id: String,
    /// The secret that the provider gave us.
    pub client_secret: String,
    /// Scopes to ask for besides `openid`.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// Which claim names the person the first time.
    #[schema(example = "preferred_username")]
    pub link_claim: String,
    /// Which attribute of the provisioned person that claim equals: `userName` or `externalId`.
    #[schema(value_type = String, example = "userName")]
    pub link_to: LinkTo,
    /// Where people land after signing in, and the only origin that they may be sent back to.
    #[schema(example = "https://app.example/")]
    pub return_to: String,
}

fn default_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

impl std::fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewConnection").field("slug", &self.slug).finish_non_exhaustive()
    }
}

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: ConnectionId,
    /// Short name.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// The directory whose people sign in here.
    #[schema(value_type = String, format = Uuid)]
    pub directory: DirectoryId,
    /// The provider's issuer.
    pub issuer: String,
    /// The name under which the provider knows us.
    pub client_id: String,
    /// What to register at the provider as redirect URI.
    pub redirect_uri: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl App {
    /// Adds a connection.
    pub async fn create_connection(
        &self,
        admin: &AdminScope,
        tenant: &str,
        new: NewConnection,
    ) -> Result<ConnectionView, AppError> {
        let now = self.now();
        let settings = settings(&new)?;
        let mut tx = self.db.begin(admin.scope()).await?;
        let directory = match &new.directory {
            Some(slug) => directories::by_slug(&mut tx, slug)
                .await?
                .ok_or_else(|| AppError::Invalid(format!("there is no directory {slug:?}")))?,
            None => match directories::all(&mut tx).await?.as_slice() {
                [only] => DirectoryId::from_uuid(only.id),
                [] => return Err(AppError::Invalid("create a directory first".to_owned())),
                _ => return Err(AppError::Invalid("say which directory's people sign in here".to_owned())),
            },
        };
        let row = ConnectionRow {
            id: ConnectionId::generate(now, &*self.entropy).as_uuid(),
            slug: slug(&new.slug)?,
            name: display_name(&new.name)?,
            directory_id: directory.as_uuid(),
            settings: serde_json::to_value(&settings)
                .map_err(|error| AppError::Internal(error.to_string()))?,
            client_secret_sealed: self.seal_client_secret(&new.client_secret)?,
            created_at: now,
        };
        connections::create(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::ConnectionCreate, row.connection_id())
            .after(json!({"slug": row.slug, "directory": directory, "settings": row.settings}));
        tx.commit(Audit::of(event), now, &*self.entropy).await?;
        self.view(tenant, &row)
    }

    /// All connections.
    pub async fn list_connections(
        &self,
        admin: &AdminScope,
        tenant: &str,
    ) -> Result<Vec<ConnectionView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = connections::all(&mut tx).await?;
        tx.finish().await?;
        rows.iter().map(|row| self.view(tenant, row)).collect()
    }

    fn view(&self, tenant: &str, row: &ConnectionRow) -> Result<ConnectionView, AppError> {
        let settings = settings_of(row)?;
        Ok(ConnectionView {
            id: row.connection_id(),
            slug: row.slug.clone(),
            name: row.name.clone(),
            directory: row.directory(),
            issuer: settings.issuer,
            client_id: settings.client_id,
            redirect_uri: self.redirect_uri(tenant, &row.slug)?.to_string(),
            created_at: row.created_at,
        })
    }
}

fn settings(new: &NewConnection) -> Result<Settings, AppError> {
    let url = |what: &str, text: &str| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(url),
        _ => Err(AppError::Invalid(format!("{what} is not an http(s) address"))),
    };
    url("issuer", &new.issuer)?;
    let return_to = url("returnTo", &new.return_to)?;
    for (what, text) in
        [("clientId", &new.client_id), ("clientSecret", &new.client_secret), ("linkClaim", &new.link_claim)]
    {
        if text.trim().is_empty() || text.len() > 2_048 {
            return Err(AppError::Invalid(format!("{what} is empty or too long")));
        }
    }
    if matches!(new.link_claim.as_str(), "email" | "emails" | "upn") {
        return Err(AppError::Invalid(
            "linkClaim: an e-mail address does not say who somebody is; use a claim that the provider never gives to another person".to_owned(),
        ));
    }
    Ok(Settings {
        issuer: new.issuer.clone(),
        client_id: new.client_id.clone(),
        scopes: new.scopes.clone(),
        allowed_algs: SigningAlg::DEFAULT.iter().map(|alg| alg.name().to_owned()).collect(),
        link_claim: new.link_claim.clone(),
        link_to: new.link_to,
        return_to,
    })
}
