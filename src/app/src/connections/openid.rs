//! Connections by OpenID Connect. Knows what they need beside what every connection has.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::ConnectionId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::AdminScope;
use store::connections::{self, ConnectionRow};
use utoipa::ToSchema;

use super::sso::{ConnectionView, NewSso, document, scopes_of, short_text, web_address};
use crate::App;
use crate::error::AppError;
use crate::login::{ClientAuthentication, ConnectionState, LinkTo, OpenIdRules, OpenIdSettings, Protocol};
use crate::signals_in::At;

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
    /// The secret that the provider gave us. Without one, the connection gets a key of its own and proves itself by that
    /// (`private_key_jwt`); the provider fetches the public half at the address that the answer names.
    pub client_secret: Option<String>,
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
    /// What is asked of the provider and required of its answers.
    #[serde(default)]
    pub rules: OpenIdRules,
}

fn default_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

impl std::fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewConnection").field("slug", &self.slug).finish_non_exhaustive()
    }
}

/// A connection by OpenID Connect, in all that is its own.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenIdView {
    /// The provider's issuer.
    pub issuer: String,
    /// The name under which the provider knows us.
    pub client_id: String,
    /// What we prove ourselves with.
    pub client_authentication: ClientAuthentication,
    /// Scopes that are asked for besides `openid`.
    pub scopes: Vec<String>,
    /// What is asked of the provider and required of its answers.
    pub rules: OpenIdRules,
    /// To be registered at the provider: where it sends people back to.
    pub redirect_uri: String,
    /// To be registered, if the provider starts sign-ins itself.
    pub initiate_login_uri: String,
    /// To be registered, so that whoever signs out there is signed out here.
    pub backchannel_logout_uri: String,
    /// To be registered, if the provider ends everything of a person at once (Global Token Revocation).
    pub global_token_revocation_uri: String,
    /// To be registered, so that people come back who sign out here.
    pub post_logout_redirect_uri: String,
    /// To be registered where we prove ourselves by a key: where the provider finds the public half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// When the newest of our keys begins to sign: the provider may have read the ones before it a moment ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_key_signs_from: Option<DateTime<Utc>>,
    /// Whether people can sign in here.
    pub state: ConnectionState,
}

/// A secret that a provider gave.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewClientSecret {
    /// The secret.
    pub client_secret: String,
}

impl std::fmt::Debug for NewClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewClientSecret").finish_non_exhaustive()
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
        let mut openid = settings(&new)?;
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
        let sealed = match &new.client_secret {
            Some(secret) => self.seal_client_secret(secret)?,
            None => self.seal_new_client_key(&row, &mut openid)?,
        };
        row.client_secret_sealed = Some(sealed);
        self.add_connection(tx, &row, async |_| Ok(())).await?;
        self.connection_view(tenant, &row)
    }

    /// What is a connection's own by OpenID Connect.
    pub async fn show_openid(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
    ) -> Result<OpenIdView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row = connections::by_slug(&mut tx, slug).await?.ok_or(AppError::NotFound("connection"))?;
        tx.finish().await?;
        self.openid_view(tenant, &row)
    }

    /// Replaces what is asked of the provider and required of its answers.
    pub async fn set_openid_rules(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
        rules: OpenIdRules,
    ) -> Result<OpenIdView, AppError> {
        self.change_openid(admin, tenant, slug, |_, row, openid| {
            rules.check(&openid.issuer)?;
            openid.rules = rules;
            Ok(row.client_secret_sealed.clone())
        })
        .await
    }

    /// Puts another secret in place of what the connection proved itself with.
    pub async fn set_client_secret(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
        new: NewClientSecret,
    ) -> Result<OpenIdView, AppError> {
        short_text("clientSecret", &new.client_secret)?;
        self.change_openid(admin, tenant, slug, |app, _, openid| {
            openid.client_authentication = ClientAuthentication::Secret;
            openid.new_key_signs_from = None;
            Ok(Some(app.seal_client_secret(&new.client_secret)?))
        })
        .await
    }

    /// Gives the connection a key of its own, or a new one: it is published at once, and signs as soon as nobody can remember a
    /// key set without it. The one before stays published.
    pub async fn renew_client_key(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
    ) -> Result<OpenIdView, AppError> {
        self.change_openid(admin, tenant, slug, |app, row, openid| {
            let sealed = app.seal_new_client_key(row, openid)?;
            openid.client_authentication = ClientAuthentication::PrivateKey;
            Ok(Some(sealed))
        })
        .await
    }

    async fn change_openid(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
        change: impl FnOnce(&Self, &ConnectionRow, &mut OpenIdSettings) -> Result<Option<Vec<u8>>, AppError>,
    ) -> Result<OpenIdView, AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let mut row = connections::lock(&mut tx, slug).await?.ok_or(AppError::NotFound("connection"))?;
        let mut openid = openid_of(&row)?;
        let before = json!({"slug": row.slug, "protocol": row.protocol});
        let sealed = change(self, &row, &mut openid)?;
        // What is sealed is not audited, that it is another is.
        let proof_changed = sealed != row.client_secret_sealed;
        row.client_secret_sealed = sealed;
        row.protocol = document(&openid)?;
        let after = json!({"slug": row.slug, "protocol": row.protocol, "proofRenewed": proof_changed});
        if !proof_changed && after.get("protocol") == before.get("protocol") {
            tx.nothing_changed().await?;
            return self.openid_view(tenant, &row);
        }
        connections::update(&mut tx, &row).await?;
        let event =
            AuditEvent::new(Action::ConnectionUpdate, row.connection_id()).before(before).after(after);
        self.commit(tx, Audit::of(event), self.now()).await?;
        self.openid_view(tenant, &row)
    }

    fn openid_view(&self, tenant: &str, row: &ConnectionRow) -> Result<OpenIdView, AppError> {
        let openid = openid_of(row)?;
        let address =
            |what: &str| Ok::<_, AppError>(self.openid_address(tenant, &row.slug, what)?.to_string());
        let has_key = openid.client_authentication == ClientAuthentication::PrivateKey;
        Ok(OpenIdView {
            issuer: openid.issuer,
            client_id: openid.client_id,
            client_authentication: openid.client_authentication,
            scopes: openid.scopes,
            rules: openid.rules,
            redirect_uri: address("callback")?,
            initiate_login_uri: address("initiate")?,
            backchannel_logout_uri: address("backchannel-logout")?,
            global_token_revocation_uri: self.revocation_address(At { tenant, connection: &row.slug }),
            post_logout_redirect_uri: address("signed-out")?,
            jwks_uri: has_key.then(|| address("jwks.json")).transpose()?,
            new_key_signs_from: openid.new_key_signs_from,
            state: ConnectionState::of(row),
        })
    }
}

fn openid_of(row: &ConnectionRow) -> Result<OpenIdSettings, AppError> {
    match Protocol::of(row)? {
        Protocol::OpenId(settings) => Ok(*settings),
        Protocol::Saml(_) => Err(AppError::NotFound("connection by OpenID Connect")),
    }
}

fn settings(new: &NewConnection) -> Result<OpenIdSettings, AppError> {
    web_address("issuer", &new.issuer)?;
    short_text("clientId", &new.client_id)?;
    new.rules.check(&new.issuer)?;
    let client_authentication = match &new.client_secret {
        Some(secret) => short_text("clientSecret", secret).map(|_| ClientAuthentication::Secret)?,
        None => ClientAuthentication::PrivateKey,
    };
    Ok(OpenIdSettings {
        issuer: new.issuer.clone(),
        client_id: new.client_id.clone(),
        scopes: scopes_of(&new.scopes)?,
        client_authentication,
        rules: new.rules.clone(),
        new_key_signs_from: None,
    })
}
