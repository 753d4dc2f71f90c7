//! Connections by SAML. Knows what they need beside what every connection has; what their provider's metadata says, `sso` reads.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::ConnectionId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sso::saml::metadata::{self, IdpMetadata};
use store::connections::{self, ConnectionRow};
use store::saml::{CertificateRow, KeyRow, MetadataRow};
use store::{AdminScope, WriteTx};
use url::Url;
use utoipa::ToSchema;

use super::sso::{ConnectionView, NewSso, document, short_text};
use crate::App;
use crate::error::AppError;
use crate::login::{LinkTo, Place, Protocol, SamlRules, SamlSettings, believe};

const LONGEST_SKEW: u16 = 300;
const MOST_CONTEXTS: usize = 20;

/// A connection by SAML to be. The provider's metadata is given by its address or as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSamlConnection {
    /// Short name, unique in the tenant: 1–63 of `a–z`, `0–9`, `-`. Part of our entity id and addresses.
    #[schema(example = "adfs", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub slug: String,
    /// Display name.
    #[schema(example = "AD FS", min_length = 1, max_length = 200)]
    pub name: String,
    /// Slug of the directory whose people sign in here; may be left out when the tenant has one directory.
    pub directory: Option<String>,
    /// Where the provider publishes its metadata. It is looked at again every six hours.
    #[schema(example = "https://adfs.example/FederationMetadata/2007-06/FederationMetadata.xml")]
    pub metadata_url: Option<String>,
    /// The metadata itself, where the provider publishes none.
    pub metadata: Option<String>,
    /// The provider's entity id, where the metadata describes several.
    pub entity_id: Option<String>,
    /// Which attribute names the person the first time, or `sub`: what names them at every sign-in.
    #[schema(example = "uid")]
    pub link_claim: String,
    /// Which attribute of the provisioned person that equals: `userName` or `externalId`.
    #[schema(value_type = String, example = "userName")]
    pub link_to: LinkTo,
    /// Where people land after signing in, and the only origin that they may be sent back to.
    #[schema(example = "https://app.example/")]
    pub return_to: String,
    /// What the provider is held to.
    #[serde(default)]
    pub rules: SamlRules,
}

/// What a connection by SAML has beside what every connection has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SamlConnectionView {
    /// What every connection has.
    pub connection: ConnectionView,
    /// Our entity id, and where our metadata is.
    pub metadata_address: String,
    /// Where logout messages go.
    pub logout_address: String,
    /// Where the provider signs people in.
    pub single_sign_on: Vec<Place>,
    /// Where it takes part in a logout.
    pub single_logout: Vec<Place>,
    /// What it is held to.
    pub rules: SamlRules,
    /// Where its metadata is published, and how the last look went.
    pub source: Option<MetadataSourceView>,
    /// Its certificates.
    pub certificates: Vec<CertificateView>,
    /// Our keys.
    pub keys: Vec<KeyView>,
}

/// Where metadata is published.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetadataSourceView {
    /// Where.
    pub url: String,
    /// When it was looked at last.
    pub checked_at: DateTime<Utc>,
    /// Why it could not be used then.
    pub failure: Option<String>,
    /// Since when it cannot be used.
    pub failing_since: Option<DateTime<Utc>>,
}

/// A certificate of a provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// SHA-256 of it, in hexadecimal digits.
    pub fingerprint: String,
    /// `active`: it counts; `pending`: it waits for an administrator.
    pub state: String,
    /// When it says that it ends.
    pub expires_at: DateTime<Utc>,
    /// When it came.
    pub added_at: DateTime<Utc>,
    /// When something signed with it was last accepted (to the hour).
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key of ours.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    /// `current`, `next` or `former`.
    pub state: String,
    /// SHA-256 of its certificate, in hexadecimal digits.
    pub fingerprint: String,
    /// When its certificate ends.
    pub expires_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// New rules for a connection; all of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeSamlConnection {
    /// What the provider is held to. What is left out is as for a new connection.
    pub rules: Option<SamlRules>,
    /// Where the provider publishes its metadata now.
    pub metadata_url: Option<String>,
    /// The metadata itself. Its certificates replace those that count.
    pub metadata: Option<String>,
}

/// What of a connection ends, and when.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpiryView {
    /// Slug of the connection.
    pub connection: String,
    /// `certificate`: one of the provider's; `key`: one of ours.
    pub kind: String,
    /// `active`, `pending`, `current`, `next` or `former`.
    pub state: String,
    /// SHA-256 of the certificate, in hexadecimal digits.
    pub fingerprint: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// How many whole days are left; negative when it has ended.
    pub days_left: i64,
}

/// Metadata with the address that it came from, if any.
struct Given {
    found: IdpMetadata,
    url: Option<Url>,
}

impl App {
    /// Adds a connection by SAML, with the certificates of its metadata, which the administrator vouches for, and with a
    /// key of our own.
    pub async fn create_saml_connection(
        &self,
        admin: &AdminScope,
        tenant: &str,
        new: NewSamlConnection,
    ) -> Result<SamlConnectionView, AppError> {
        check(&new.rules)?;
        let common = NewSso {
            slug: &new.slug,
            name: &new.name,
            directory: new.directory.as_deref(),
            link_claim: &new.link_claim,
            link_to: new.link_to,
            return_to: &new.return_to,
        };
        // Who may not do this is told so before anything is asked of others.
        self.db.read(admin.scope()).await?.finish().await?;
        let given = self
            .given(new.metadata_url.as_deref(), new.metadata.as_deref(), new.entity_id.as_deref())
            .await?
            .ok_or_else(|| AppError::Invalid("give metadataUrl or metadata".to_owned()))?;
        let key = self.new_saml_key(&new.slug).await?;
        let mut settings = SamlSettings {
            entity_id: given.found.entity_id.clone(),
            single_sign_on: Vec::new(),
            single_logout: Vec::new(),
            rules: new.rules,
        };
        settings.take(&given.found);

        let now = self.now();
        let id = ConnectionId::generate(now, &*self.entropy);
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = common.row(&mut tx, (id, now), Protocol::SAML, &settings).await?;
        let key = self.key_row(id, "current", &key, now)?;
        self.add_connection(tx, &row, async |tx| {
            believe(tx, id, &given.found, true, now).await?;
            put_source(tx, id, given.url.as_ref(), now).await?;
            store::saml::add_key(tx, &key).await?;
            Ok(())
        })
        .await?;
        self.show_saml_connection(admin, tenant, &row.slug).await
    }

    /// One connection by SAML.
    pub async fn show_saml_connection(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
    ) -> Result<SamlConnectionView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row = connections::by_slug(&mut tx, slug).await?.ok_or(AppError::NotFound("connection"))?;
        let settings = saml_of(&row)?;
        let id = Some(row.connection_id());
        let certificates = store::saml::certificates(&mut tx, id).await?;
        let keys = store::saml::keys(&mut tx, id).await?;
        let source = store::saml::source(&mut tx, row.connection_id()).await?;
        tx.finish().await?;
        Ok(SamlConnectionView {
            metadata_address: self.saml_address(tenant, slug, "metadata")?.to_string(),
            logout_address: self.saml_address(tenant, slug, "slo")?.to_string(),
            connection: self.connection_view(tenant, &row)?,
            single_sign_on: settings.single_sign_on,
            single_logout: settings.single_logout,
            rules: settings.rules,
            source: source.map(MetadataSourceView::from),
            certificates: certificates.into_iter().map(CertificateView::from).collect(),
            keys: keys.into_iter().map(KeyView::from).collect(),
        })
    }

    /// Changes the rules of a connection, or where its metadata is, or the metadata itself.
    pub async fn change_saml_connection(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
        change: ChangeSamlConnection,
    ) -> Result<SamlConnectionView, AppError> {
        if let Some(rules) = &change.rules {
            check(rules)?;
        }
        let entity_id = self.show_saml_connection(admin, tenant, slug).await?.connection.issuer;
        let given =
            self.given(change.metadata_url.as_deref(), change.metadata.as_deref(), Some(&entity_id)).await?;
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let mut row = connections::lock(&mut tx, slug).await?.ok_or(AppError::NotFound("connection"))?;
        let before = saml_of(&row)?;
        let mut settings = before.clone();
        if let Some(rules) = change.rules {
            settings.rules = rules;
        }
        let mut certificates = json!(null);
        if let Some(given) = given {
            let change = believe(&mut tx, row.connection_id(), &given.found, true, now).await?;
            put_source(&mut tx, row.connection_id(), given.url.as_ref(), now).await?;
            settings.take(&given.found);
            certificates = change.audited();
        }
        row.protocol = document(&settings)?;
        connections::update(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::ConnectionUpdate, row.connection_id())
            .before(json!({"protocol": before}))
            .after(json!({"protocol": settings, "certificates": certificates}));
        self.commit(tx, Audit::of(event), now).await?;
        self.show_saml_connection(admin, tenant, slug).await
    }

    /// Looks at the provider's metadata now.
    pub async fn refresh_saml_connection(
        &self,
        admin: &AdminScope,
        tenant: &str,
        slug: &str,
    ) -> Result<SamlConnectionView, AppError> {
        let view = self.show_saml_connection(admin, tenant, slug).await?;
        if !self.look_now(admin.scope(), view.connection.id).await? {
            return Err(AppError::Conflict(
                "the metadata was given by hand; there is no address to look at".to_owned(),
            ));
        }
        self.show_saml_connection(admin, tenant, slug).await
    }

    /// Lets a certificate count that waits.
    pub async fn approve_certificate(
        &self,
        admin: &AdminScope,
        tenant: &str,
        (slug, fingerprint): (&str, &str),
    ) -> Result<SamlConnectionView, AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = connections::lock(&mut tx, slug).await?.ok_or(AppError::NotFound("connection"))?;
        let known = store::saml::certificates(&mut tx, Some(row.connection_id())).await?;
        let waiting = known.into_iter().find(|it| it.fingerprint == fingerprint && it.state == "pending");
        let waiting = waiting.ok_or(AppError::NotFound("certificate that waits"))?;
        let approved = CertificateRow { state: "active".to_owned(), ..waiting };
        store::saml::put_certificate(&mut tx, &approved).await?;
        self.commit_certificates(tx, &row, json!({"believed": [fingerprint]})).await?;
        self.show_saml_connection(admin, tenant, slug).await
    }

    /// Takes a certificate away. The last one that counts stays: pause the connection instead.
    pub async fn remove_certificate(
        &self,
        admin: &AdminScope,
        (slug, fingerprint): (&str, &str),
    ) -> Result<(), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        let row = connections::lock(&mut tx, slug).await?.ok_or(AppError::NotFound("connection"))?;
        saml_of(&row)?;
        let known = store::saml::certificates(&mut tx, Some(row.connection_id())).await?;
        let is_another_active = known.iter().any(|it| it.state == "active" && it.fingerprint != fingerprint);
        if known.iter().any(|it| it.fingerprint == fingerprint && it.state == "active") && !is_another_active
        {
            return Err(AppError::Conflict("it is the only certificate that counts".to_owned()));
        }
        if !store::saml::remove_certificate(&mut tx, row.connection_id(), fingerprint).await? {
            return Err(AppError::NotFound("certificate"));
        }
        self.commit_certificates(tx, &row, json!({"removed": [fingerprint]})).await
    }

    async fn commit_certificates(
        &self,
        tx: WriteTx,
        row: &ConnectionRow,
        certificates: serde_json::Value,
    ) -> Result<(), AppError> {
        let event = AuditEvent::new(Action::ConnectionUpdate, row.connection_id())
            .after(json!({"certificates": certificates}));
        self.commit(tx, Audit::of(event), self.now()).await
    }

    /// When certificates and keys of the tenant's connections end, the next first.
    pub async fn certificate_calendar(&self, admin: &AdminScope) -> Result<Vec<ExpiryView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = connections::all(&mut tx).await?;
        let certificates = store::saml::certificates(&mut tx, None).await?;
        let keys = store::saml::keys(&mut tx, None).await?;
        tx.finish().await?;
        let now = self.now();
        let slug = |id| rows.iter().find(|row| row.id == id).map(|row| row.slug.clone()).unwrap_or_default();
        let entry = |id, kind: &str, state: String, fingerprint, expires_at: DateTime<Utc>| ExpiryView {
            connection: slug(id),
            kind: kind.to_owned(),
            state,
            fingerprint,
            expires_at,
            days_left: (expires_at - now).num_seconds().div_euclid(86_400),
        };
        let theirs = certificates
            .into_iter()
            .map(|it| entry(it.connection_id, "certificate", it.state, it.fingerprint, it.expires_at));
        let ours = keys.into_iter().map(|it| {
            let view = KeyView::from(it.clone());
            entry(it.connection_id, "key", view.state, view.fingerprint, view.expires_at)
        });
        let mut all: Vec<_> = theirs.chain(ours).collect();
        all.sort_by_key(|it| it.expires_at);
        Ok(all)
    }

    /// The metadata that an administrator gives, fetched if it is an address.
    async fn given(
        &self,
        url: Option<&str>,
        text: Option<&str>,
        entity_id: Option<&str>,
    ) -> Result<Option<Given>, AppError> {
        let refused =
            |why: &dyn std::fmt::Display| AppError::Invalid(format!("the provider's metadata: {why}"));
        match (url, text) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(AppError::Invalid("give metadataUrl or metadata, not both".to_owned())),
            (None, Some(text)) => {
                let found = metadata::read(text, entity_id, self.now()).map_err(|why| refused(&why))?;
                Ok(Some(Given { found, url: None }))
            }
            (Some(url), None) => {
                let url = Url::parse(short_text("metadataUrl", url)?).map_err(|why| refused(&why))?;
                let found = self.fetch_saml_metadata(&url, entity_id).await.map_err(|why| refused(&why))?;
                Ok(Some(Given { found, url: Some(url) }))
            }
        }
    }
}

async fn put_source(
    tx: &mut WriteTx,
    connection: ConnectionId,
    url: Option<&Url>,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let Some(url) = url else { return Ok(store::saml::remove_source(tx, connection).await?) };
    let row = MetadataRow {
        connection_id: connection.as_uuid(),
        url: url.to_string(),
        checked_at: now,
        failure: None,
        failing_since: None,
    };
    Ok(store::saml::put_source(tx, &row).await?)
}

/// What is no connection by SAML is not there.
pub(super) fn saml_of(row: &ConnectionRow) -> Result<SamlSettings, AppError> {
    match Protocol::of(row)? {
        Protocol::Saml(settings) => Ok(*settings),
        Protocol::OpenId(_) => Err(AppError::NotFound("connection by SAML")),
    }
}

fn check(rules: &SamlRules) -> Result<(), AppError> {
    let invalid = |why: &str| Err(AppError::Invalid(why.to_owned()));
    if rules.clock_skew_seconds > LONGEST_SKEW {
        return invalid("clockSkewSeconds is 0 to 300");
    }
    short_text("nameIdFormat", &rules.name_id_format)?;
    if rules.subject_attribute.is_none() && rules.name_id_format.ends_with(":transient") {
        return invalid(
            "nameIdFormat: a transient name says nothing the next time; name a subjectAttribute instead",
        );
    }
    let attributes = [&rules.subject_attribute, &rules.email_attribute, &rules.groups_attribute];
    for name in attributes.into_iter().flatten().chain(&rules.authn_contexts) {
        short_text("the name of an attribute or means of sign-in", name)?;
    }
    if rules.authn_contexts.len() > MOST_CONTEXTS {
        return invalid("authnContexts are 20 at most");
    }
    Ok(())
}

impl From<MetadataRow> for MetadataSourceView {
    fn from(row: MetadataRow) -> Self {
        Self {
            url: row.url,
            checked_at: row.checked_at,
            failure: row.failure,
            failing_since: row.failing_since,
        }
    }
}

impl From<CertificateRow> for CertificateView {
    fn from(row: CertificateRow) -> Self {
        Self {
            fingerprint: row.fingerprint,
            state: row.state,
            expires_at: row.expires_at,
            added_at: row.added_at,
            last_used_at: row.last_used_at,
        }
    }
}

impl From<KeyRow> for KeyView {
    fn from(row: KeyRow) -> Self {
        let certificate = sso::saml::Certificate::from_der(&row.certificate);
        Self {
            state: row.state,
            fingerprint: certificate.map(|it| it.fingerprint()).unwrap_or_default(),
            expires_at: row.expires_at,
            created_at: row.created_at,
        }
    }
}
