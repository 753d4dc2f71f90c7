//! Connections: the SSO links of a tenant. Knows what all of them have in common; what a protocol needs stands in its own file.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::email_domain::EmailDomain;
use domain::id::{ConnectionId, DirectoryId};
use domain::network::Network;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::connections::{self, ConnectionRow};
use store::{AdminScope, WriteTx, directories};
use url::Url;
use utoipa::ToSchema;

use crate::App;
use crate::access::load_policy;
use crate::error::AppError;
use crate::login::{ConnectionState, JustInTime, LinkTo, Protocol, Settings};
use crate::people::Edit;
use crate::tenants::{display_name, slug};

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
    /// Its protocol: `openid` or `saml`.
    #[schema(example = "openid")]
    pub kind: String,
    /// Whether people can sign in here.
    pub state: ConnectionState,
    /// The directory whose people sign in here.
    #[schema(value_type = String, format = Uuid)]
    pub directory: DirectoryId,
    /// Which claim names the person the first time.
    pub link_claim: String,
    /// Which attribute of the provisioned person that claim equals: `userName` or `externalId`.
    #[schema(value_type = String, example = "userName")]
    pub link_to: LinkTo,
    /// Where people land after signing in, and the only origin that they may be sent back to.
    pub return_to: String,
    /// Whether a sign-in makes people whom the directory has not sent.
    pub just_in_time: JustInTime,
    /// Whoever has a higher role than this one does not come in here.
    pub highest_role: Option<String>,
    /// The verified domains whose people are sent here from the sign-in page; without any, those of no connection are.
    pub domains: Vec<String>,
    /// The networks that people must be in when they come in, as `198.51.100.0/24`; without any, they may be anywhere.
    #[schema(value_type = Vec<String>)]
    pub allowed_networks: Vec<Network>,
    /// The provider's issuer; by SAML, its entity id.
    pub issuer: String,
    /// The name under which the provider knows us; by SAML, our entity id.
    pub client_id: String,
    /// What to register at the provider as redirect URI; by SAML, as assertion consumer service.
    pub redirect_uri: String,
    /// Whether it is one of those that the tenant signs in through only.
    pub enforced: bool,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

/// What is to be changed of a connection; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeConnection {
    /// Display name.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// Whether people can sign in here.
    pub state: Option<ConnectionState>,
    /// Where people land after signing in, and the only origin that they may be sent back to.
    pub return_to: Option<String>,
    /// Whether a sign-in makes people whom the directory has not sent.
    pub just_in_time: Option<JustInTime>,
    /// Whoever has a higher role than this one does not come in here; null lets every role in.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub highest_role: Edit,
    /// The domains whose people are sent here from the sign-in page, once they are verified. Without any, those of no
    /// connection are.
    #[schema(max_items = 100)]
    pub domains: Option<Vec<String>>,
    /// The networks that people must be in when they come in: addresses, or networks as `198.51.100.0/24`. Without any, they
    /// may be anywhere. Who is signed in stays so.
    #[schema(max_items = 100)]
    pub allowed_networks: Option<Vec<String>>,
    /// Scopes to ask for besides `openid`, in place of those that there are; by OpenID Connect only.
    #[schema(max_items = 50)]
    pub scopes: Option<Vec<String>>,
}

impl App {
    /// All connections.
    pub async fn list_connections(
        &self,
        admin: &AdminScope,
        tenant: &str,
    ) -> Result<Vec<ConnectionView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = connections::all(&mut tx).await?;
        tx.finish().await?;
        rows.iter().map(|row| self.connection_view(tenant, row)).collect()
    }

    /// One connection.
    pub async fn show_connection(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
    ) -> Result<ConnectionView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row = connections::by_slug(&mut tx, slug).await?.ok_or(AppError::NotFound("connection"))?;
        tx.finish().await?;
        self.connection_view(tenant, &row)
    }

    /// Changes what every connection has.
    pub async fn change_connection(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
        change: ChangeConnection,
    ) -> Result<ConnectionView, AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let mut row = connections::lock(&mut tx, slug).await?.ok_or(AppError::NotFound("connection"))?;
        let before = audited(&row);
        if let Some(name) = change.name {
            row.name = display_name(&name)?;
        }
        if let Some(state) = change.state {
            state.name().clone_into(&mut row.state);
        }
        let mut settings = Settings::of(&row)?;
        if let Some(return_to) = change.return_to {
            settings.return_to = web_address("returnTo", &return_to)?;
        }
        if let Some(just_in_time) = change.just_in_time {
            settings.just_in_time = just_in_time;
        }
        match change.highest_role {
            Edit::Keep => {}
            Edit::Clear => settings.highest_role = None,
            Edit::Set(role) => settings.highest_role = Some(known_role(&mut tx, role).await?),
        }
        if let Some(domains) = change.domains {
            settings.domains = domains_of(&domains)?;
        }
        if let Some(networks) = change.allowed_networks {
            settings.allowed_networks = networks_of(&networks)?;
        }
        row.settings = document(&settings)?;
        if let Some(scopes) = change.scopes {
            let Protocol::OpenId(mut openid) = Protocol::of(&row)? else {
                return Err(AppError::Invalid("scopes: a connection by SAML asks for none".to_owned()));
            };
            openid.scopes = scopes_of(&scopes)?;
            row.protocol = document(&*openid)?;
        }
        if audited(&row) == before {
            tx.nothing_changed().await?;
            return self.connection_view(tenant, &row);
        }
        connections::update(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::ConnectionUpdate, row.connection_id())
            .before(before)
            .after(audited(&row));
        self.commit(tx, Audit::of(event), self.now()).await?;
        self.connection_view(tenant, &row)
    }

    /// A new connection is written down, with what is audited of it.
    pub(super) async fn add_connection(
        &self,
        mut tx: WriteTx,
        row: &ConnectionRow,
        add_more: impl AsyncFnOnce(&mut WriteTx) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
        connections::create(&mut tx, row).await?;
        add_more(&mut tx).await?;
        let event = AuditEvent::new(Action::ConnectionCreate, row.connection_id()).after(audited(row));
        self.commit(tx, Audit::of(event), row.created_at).await?;
        Ok(())
    }

    pub(super) fn connection_view(
        &self,
        tenant: &str,
        row: &ConnectionRow,
    ) -> Result<ConnectionView, AppError> {
        let settings = Settings::of(row)?;
        let (issuer, client_id, redirect_uri) = match Protocol::of(row)? {
            Protocol::OpenId(openid) => {
                (openid.issuer, openid.client_id, self.redirect_uri(tenant, &row.slug)?)
            }
            Protocol::Saml(saml) => {
                let entity_id = self.saml_address(tenant, &row.slug, "metadata")?.to_string();
                (saml.entity_id, entity_id, self.saml_address(tenant, &row.slug, "acs")?)
            }
        };
        Ok(ConnectionView {
            id: row.connection_id(),
            slug: row.slug.clone(),
            name: row.name.clone(),
            kind: row.kind.clone(),
            state: ConnectionState::of(row),
            directory: row.directory(),
            link_claim: settings.link_claim,
            link_to: settings.link_to,
            return_to: settings.return_to.to_string(),
            just_in_time: settings.just_in_time,
            highest_role: settings.highest_role,
            domains: settings.domains,
            allowed_networks: settings.allowed_networks,
            issuer,
            client_id,
            redirect_uri: redirect_uri.to_string(),
            enforced: row.enforced,
            created_at: row.created_at,
        })
    }
}

/// What the audit trail says of a connection: everything but what is sealed.
fn audited(row: &ConnectionRow) -> Value {
    json!({
        "slug": row.slug,
        "name": row.name,
        "kind": row.kind,
        "state": row.state,
        "directory": row.directory_id,
        "settings": row.settings,
        "protocol": row.protocol,
    })
}

/// What every connection to be has in common.
pub(super) struct NewSso<'a> {
    pub(super) slug: &'a str,
    pub(super) name: &'a str,
    pub(super) directory: Option<&'a str>,
    pub(super) link_claim: &'a str,
    pub(super) link_to: LinkTo,
    pub(super) return_to: &'a str,
}

impl NewSso<'_> {
    /// Its row, of this kind and with what the protocol needs to know.
    pub(super) async fn row(
        &self,
        tx: &mut WriteTx,
        (id, now): (ConnectionId, DateTime<Utc>),
        kind: &str,
        protocol: &impl Serialize,
    ) -> Result<ConnectionRow, AppError> {
        let link_claim = short_text("linkClaim", self.link_claim)?;
        if matches!(link_claim, "email" | "emails" | "upn") {
            return Err(AppError::Invalid(
                "linkClaim: an e-mail address does not say who somebody is; use a claim that the provider never gives to another person".to_owned(),
            ));
        }
        let settings = Settings {
            link_claim: link_claim.to_owned(),
            link_to: self.link_to,
            return_to: web_address("returnTo", self.return_to)?,
            just_in_time: JustInTime::Off,
            highest_role: None,
            domains: Vec::new(),
            allowed_networks: Vec::new(),
        };
        Ok(ConnectionRow {
            id: id.as_uuid(),
            slug: slug(self.slug)?,
            name: display_name(self.name)?,
            directory_id: directory(tx, self.directory).await?.as_uuid(),
            kind: kind.to_owned(),
            state: ConnectionState::Active.name().to_owned(),
            settings: document(&settings)?,
            protocol: document(protocol)?,
            client_secret_sealed: None,
            created_at: now,
            enforced: false,
        })
    }
}

/// A role that the tenant's blueprint has.
async fn known_role(tx: &mut WriteTx, role: String) -> Result<String, AppError> {
    let policy = load_policy(tx).await?;
    match policy.blueprint.role(&role) {
        Some(_) => Ok(role),
        None => Err(AppError::Invalid(format!("highestRole: there is no role {role:?}"))),
    }
}

const MOST_DOMAINS: usize = 100;

fn domains_of(names: &[String]) -> Result<Vec<String>, AppError> {
    if names.len() > MOST_DOMAINS {
        return Err(AppError::Invalid(format!("domains: at most {MOST_DOMAINS}")));
    }
    let parse = |name: &String| match EmailDomain::parse(name) {
        Ok(domain) => Ok(domain.as_str().to_owned()),
        Err(error) => Err(AppError::Invalid(format!("domains: {name:?}: {error}"))),
    };
    names.iter().map(parse).collect()
}

const MOST_SCOPES: usize = 50;
const LONGEST_SCOPE: usize = 256;

/// Scopes as RFC 6749 §3.3 writes them.
pub(super) fn scopes_of(scopes: &[String]) -> Result<Vec<String>, AppError> {
    let is_scope = |scope: &String| {
        let written = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        (1..=LONGEST_SCOPE).contains(&scope.len()) && scope.bytes().all(written)
    };
    if scopes.len() > MOST_SCOPES || !scopes.iter().all(is_scope) {
        let what = format!("scopes: at most {MOST_SCOPES}, each without spaces, quotes and backslashes");
        return Err(AppError::Invalid(what));
    }
    Ok(scopes.to_vec())
}

const MOST_NETWORKS: usize = 100;

fn networks_of(networks: &[String]) -> Result<Vec<Network>, AppError> {
    if networks.len() > MOST_NETWORKS {
        return Err(AppError::Invalid(format!("allowedNetworks: at most {MOST_NETWORKS}")));
    }
    let parse = |network: &String| {
        network.parse().map_err(|error| AppError::Invalid(format!("allowedNetworks: {error}")))
    };
    networks.iter().map(parse).collect()
}

/// The directory that is named, or the tenant's only one.
async fn directory(tx: &mut WriteTx, named: Option<&str>) -> Result<DirectoryId, AppError> {
    match named {
        Some(slug) => directories::by_slug(tx, slug)
            .await?
            .ok_or_else(|| AppError::Invalid(format!("there is no directory {slug:?}"))),
        None => match directories::all(tx).await?.as_slice() {
            [only] => Ok(DirectoryId::from_uuid(only.id)),
            [] => Err(AppError::Invalid("create a directory first".to_owned())),
            _ => Err(AppError::Invalid("say which directory's people sign in here".to_owned())),
        },
    }
}

pub(crate) fn document(settings: &impl Serialize) -> Result<Value, AppError> {
    serde_json::to_value(settings).map_err(|error| AppError::Internal(error.to_string()))
}

/// Text that is neither empty nor long.
pub(super) fn short_text<'a>(what: &str, text: &'a str) -> Result<&'a str, AppError> {
    if text.trim().is_empty() || text.len() > 2_048 {
        return Err(AppError::Invalid(format!("{what} is empty or too long")));
    }
    Ok(text)
}

pub(super) fn web_address(what: &str, text: &str) -> Result<Url, AppError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(url),
        _ => Err(AppError::Invalid(format!("{what} is not an http(s) address"))),
    }
}
