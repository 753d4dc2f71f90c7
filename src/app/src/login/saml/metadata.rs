//! Metadata in both directions: what we publish, and what a provider publishes anew. Knows when to look and what new certificates are worth.

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ConnectionId, RequestId};
use serde_json::json;
use sso::saml::Subject;
use sso::saml::metadata::{self, IdpMetadata, Ours};
use store::connections::{self, ConnectionRow};
use store::saml::{CertificateRow, MetadataRow};
use store::{Scope, WriteTx, tenants};
use url::Url;

use super::{NewCertificates, Place, SamlSettings};
use crate::App;
use crate::connections::document;
use crate::error::{AppError, Refusal};
use crate::login::settings::Protocol;

const JOB: &str = "refresh-saml-metadata";
/// Providers publish a new certificate days before they use it.
const LOOKED_AT_EVERY: Duration = Duration::hours(6);
/// After a failed signature, a provider is not asked more often, whoever makes signatures fail.
const BETWEEN_FAILURES: Duration = Duration::minutes(1);
/// When a certificate was last used is known to the hour.
const NOTED_EVERY: Duration = Duration::hours(1);

impl App {
    /// Our metadata at a connection, for its identity provider. Both keys are in it while one replaces the other.
    pub async fn saml_metadata(
        &self,
        tenant: &str,
        connection: &str,
        request: RequestId,
    ) -> Result<String, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, connection).await?.ok_or(Refusal::UnknownDoor)?;
        let Protocol::Saml(settings) = Protocol::of(&row)? else { return Err(Refusal::UnknownDoor.into()) };
        let ours = self.our_side(&mut tx, tenant, &row, &settings).await?;
        tx.finish().await?;
        let certificates: Vec<_> = ours.signing.iter().map(|key| key.certificate().clone()).collect();
        Ok(metadata::write(&Ours {
            entity_id: &ours.connection.sp_entity_id,
            acs_url: &ours.connection.acs_url,
            logout_url: self.saml_address(tenant, connection, "slo")?.as_str(),
            signing: &ours.signing,
            encryption: &certificates,
            name_id_format: match &ours.connection.subject {
                Subject::NameId { format } => Some(format),
                Subject::Attribute { .. } => None,
            },
        }))
    }

    /// Fetches a provider's metadata. The reason is for an administrator.
    pub(crate) async fn fetch_saml_metadata(
        &self,
        url: &Url,
        entity_id: Option<&str>,
    ) -> Result<IdpMetadata, String> {
        let answer = self.egress.get_metadata(url).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("the server answered with status {}", answer.status));
        }
        let text = answer.text().ok_or("the answer is not text in UTF-8")?;
        metadata::read(text, entity_id, self.now()).map_err(|refusal| refusal.to_string())
    }

    /// Looks again at the metadata of every connection whose turn it is. Returns how many those were.
    pub async fn refresh_saml_metadata(&self) -> Result<usize, AppError> {
        let mut global = self.db.global().await?;
        let all = tenants::all(&mut global).await?;
        global.finish().await?;
        let mut looked = 0_usize;
        for tenant in &all {
            let scope = self.db.enter_to_work(tenant, JOB, self.request_id());
            let mut tx = self.db.read(&scope).await?;
            let sources = store::saml::sources(&mut tx).await?;
            tx.finish().await?;
            for source in sources {
                let connection = ConnectionId::from_uuid(source.connection_id);
                if self.look(&scope, connection, LOOKED_AT_EVERY).await?.is_some() {
                    looked = looked.saturating_add(1);
                }
            }
        }
        Ok(looked)
    }

    /// After a signature that nobody made. Returns whether there is another certificate now.
    pub(super) async fn look_after_failure(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
    ) -> Result<bool, AppError> {
        let looked = self.look(scope, row.connection_id(), BETWEEN_FAILURES).await?;
        Ok(looked.is_some_and(|change| change.is_another_believed))
    }

    /// Looks now, because an administrator wants it.
    pub(crate) async fn look_now(&self, scope: &Scope, connection: ConnectionId) -> Result<bool, AppError> {
        Ok(self.look(scope, connection, Duration::zero()).await?.is_some())
    }

    /// Looks at a connection's metadata, unless somebody has within this time. Fetches outside of any transaction.
    async fn look(
        &self,
        scope: &Scope,
        connection: ConnectionId,
        within: Duration,
    ) -> Result<Option<Change>, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(scope).await?;
        let Some(source) = store::saml::take_turn(&mut tx, connection, now - within, now).await? else {
            tx.nothing_changed().await?;
            return Ok(None);
        };
        tx.commit_trace_of_use().await?;
        let mut tx = self.db.read(scope).await?;
        let Some(row) = connections::by_id(&mut tx, connection).await? else { return Ok(None) };
        tx.finish().await?;
        let Protocol::Saml(settings) = Protocol::of(&row)? else { return Ok(None) };
        let url = Url::parse(&source.url).map_err(|error| AppError::Internal(error.to_string()))?;
        let fetched = self.fetch_saml_metadata(&url, Some(&settings.entity_id)).await;
        self.learn(scope, &row.slug, source, fetched).await.map(Some)
    }

    /// Writes down what a look has found.
    async fn learn(
        &self,
        scope: &Scope,
        slug: &str,
        mut source: MetadataRow,
        fetched: Result<IdpMetadata, String>,
    ) -> Result<Change, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(scope).await?;
        let Some(mut row) = connections::lock(&mut tx, slug).await? else { return Ok(Change::default()) };
        let Protocol::Saml(mut settings) = Protocol::of(&row)? else { return Ok(Change::default()) };
        match fetched {
            Err(why) => {
                tracing::warn!(connection.id = %row.id, reason = %why, "Could not use the metadata of an identity provider");
                source.failing_since = source.failing_since.or(Some(now));
                source.failure = Some(why);
                store::saml::put_source(&mut tx, &source).await?;
                tx.commit_trace_of_use().await?;
                Ok(Change::default())
            }
            Ok(found) => {
                source.failure = None;
                source.failing_since = None;
                store::saml::put_source(&mut tx, &source).await?;
                let is_vouched_for = settings.rules.new_certificates == NewCertificates::Trust
                    && source.url.starts_with("https://");
                let change = believe(&mut tx, row.connection_id(), &found, is_vouched_for, now).await?;
                let before = settings.clone();
                settings.take(&found);
                if change == Change::default() && before == settings {
                    tx.commit_trace_of_use().await?;
                    return Ok(change);
                }
                row.protocol = document(&settings)?;
                connections::update(&mut tx, &row).await?;
                let event = AuditEvent::new(Action::ConnectionUpdate, row.connection_id())
                    .before(json!({"protocol": before}))
                    .after(json!({"protocol": settings, "certificates": change.audited()}));
                self.commit(tx, Audit::of(event), now).await?;
                Ok(change)
            }
        }
    }

    /// Notes which certificate is in use, once an hour at most.
    pub(super) async fn note_saml_certificate(
        &self,
        scope: &Scope,
        connection: ConnectionId,
        fingerprint: &str,
    ) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.read(scope).await?;
        let known = store::saml::certificates(&mut tx, Some(connection)).await?;
        tx.finish().await?;
        let noted = known.iter().find(|row| row.fingerprint == fingerprint).and_then(|row| row.last_used_at);
        if noted.is_some_and(|noted| now - noted < NOTED_EVERY) {
            return Ok(());
        }
        let mut tx = self.db.begin(scope).await?;
        store::saml::note_certificate(&mut tx, connection, fingerprint, now).await?;
        Ok(tx.commit_trace_of_use().await?)
    }
}

impl SamlSettings {
    /// Takes over what metadata says of addresses.
    pub(crate) fn take(&mut self, found: &IdpMetadata) {
        self.single_sign_on = found.single_sign_on.iter().map(|endpoint| Place::of(endpoint, None)).collect();
        self.single_logout = found
            .single_logout
            .iter()
            .map(|(endpoint, answers)| Place::of(endpoint, Some(answers)))
            .collect();
    }
}

/// What new metadata has changed about whom a connection believes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) is_another_believed: bool,
    pub(crate) believed: Vec<String>,
    pub(crate) waiting: Vec<String>,
    pub(crate) removed: Vec<String>,
}

impl Change {
    pub(crate) fn audited(&self) -> serde_json::Value {
        json!({"believed": self.believed, "waiting": self.waiting, "removed": self.removed})
    }
}

/// Takes over the certificates of metadata. New ones count if somebody vouches for them, else they wait. What is not named
/// any more counts no more either, if something that is named does.
pub(crate) async fn believe(
    tx: &mut WriteTx,
    connection: ConnectionId,
    found: &IdpMetadata,
    is_vouched_for: bool,
    now: DateTime<Utc>,
) -> Result<Change, AppError> {
    let known = store::saml::certificates(tx, Some(connection)).await?;
    let mut change = Change::default();
    for certificate in &found.certificates {
        let fingerprint = certificate.fingerprint();
        if known
            .iter()
            .any(|row| row.fingerprint == fingerprint && (row.state == "active" || !is_vouched_for))
        {
            continue;
        }
        let state = if is_vouched_for { "active" } else { "pending" };
        let row = CertificateRow {
            connection_id: connection.as_uuid(),
            fingerprint: fingerprint.clone(),
            certificate: certificate.der().to_vec(),
            state: state.to_owned(),
            expires_at: certificate.not_after().unwrap_or(now),
            added_at: now,
            last_used_at: None,
        };
        store::saml::put_certificate(tx, &row).await?;
        change.is_another_believed |= is_vouched_for;
        if is_vouched_for { change.believed.push(fingerprint) } else { change.waiting.push(fingerprint) }
    }
    let named =
        |row: &CertificateRow| found.certificates.iter().any(|it| it.fingerprint() == row.fingerprint);
    let is_one_named_believed =
        !change.believed.is_empty() || known.iter().any(|row| row.state == "active" && named(row));
    for row in known
        .iter()
        .filter(|row| !named(row) && (row.state == "pending" || (is_vouched_for && is_one_named_believed)))
    {
        store::saml::remove_certificate(tx, connection, &row.fingerprint).await?;
        change.removed.push(row.fingerprint.clone());
    }
    Ok(change)
}
