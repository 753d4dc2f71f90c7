//! Connections by OpenID Connect. Knows what they need beside what every connection has.

use domain::id::ConnectionId;
use serde::Deserialize;
use sso::oidc::SigningAlg;
use store::AdminScope;
use utoipa::ToSchema;

use super::sso::{ConnectionView, NewSso, short_text, web_address};
use crate::App;
use crate::error::AppError;
use crate::login::{LinkTo, OpenIdSettings, Protocol};

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

impl App {
    /// Adds a connection by OpenID Connect.
    pub async fn create_connection(
        &self,
        admin: &AdminScope,
        tenant: &str,
        new: NewConnection,
    ) -> Result<ConnectionView, AppError> {
        let openid = settings(&new)?;
        let common = NewSso {
            slug: &new.slug,
            name: &new.name,
            directory: new.directory.as_deref(),
            link_claim: &new.link_claim,
            link_to: new.link_to,
            return_to: &new.return_to,
        };
        let now = self.now();
        let id = ConnectionId::generate(now, &*self.entropy);
        let mut tx = self.db.begin(admin.scope()).await?;
        let mut row = common.row(&mut tx, (id, now), Protocol::OPENID, &openid).await?;
        row.client_secret_sealed = Some(self.seal_client_secret(&new.client_secret)?);
        self.add_connection(tx, &row, async |_| Ok(())).await?;
        self.connection_view(tenant, &row)
    }
}

fn settings(new: &NewConnection) -> Result<OpenIdSettings, AppError> {
    web_address("issuer", &new.issuer)?;
    short_text("clientId", &new.client_id)?;
    short_text("clientSecret", &new.client_secret)?;
    Ok(OpenIdSettings {
        issuer: new.issuer.clone(),
        client_id: new.client_id.clone(),
        scopes: new.scopes.clone(),
        allowed_algs: SigningAlg::DEFAULT.iter().map(|alg| alg.name().to_owned()).collect(),
    })
}
