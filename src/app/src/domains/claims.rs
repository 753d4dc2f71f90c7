//! Claims to domains: made, shown, given up.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::email_domain::EmailDomain;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::AdminScope;
use store::domains::{self, DomainRow};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// A domain to be claimed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDomain {
    /// The domain, as it stands behind the `@`; it does not cover those below it.
    #[schema(example = "acme.example")]
    pub name: String,
}

/// Where a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DomainState {
    /// The record was not found yet.
    Pending,
    /// It is the tenant's.
    Verified,
    /// It is still the tenant's, but its record was not found any more.
    Failing,
    /// It was the tenant's, and its record was not found for too long.
    Lapsed,
}

/// A claim to a domain.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainView {
    /// The domain, in ASCII.
    #[schema(example = "acme.example")]
    pub name: String,
    /// Where it stands.
    pub state: DomainState,
    /// Where to publish the TXT record.
    #[schema(example = "_usher-challenge.acme.example")]
    pub record_name: String,
    /// What it must say.
    #[schema(example = "usher-domain-verification=6f1c…")]
    pub record_value: String,
    /// When it was claimed.
    pub claimed_at: DateTime<Utc>,
    /// Since when it is verified.
    pub verified_at: Option<DateTime<Utc>>,
    /// When DNS was asked last.
    pub checked_at: Option<DateTime<Utc>>,
    /// When it lapses unless the record is found again.
    pub lapses_at: Option<DateTime<Utc>>,
}

impl From<DomainRow> for DomainView {
    fn from(row: DomainRow) -> Self {
        let state = match (row.verified_at, row.failing_since, row.lapsed_at) {
            (Some(_), None, _) => DomainState::Verified,
            (Some(_), Some(_), _) => DomainState::Failing,
            (None, _, Some(_)) => DomainState::Lapsed,
            (None, _, None) => DomainState::Pending,
        };
        Self {
            state,
            record_name: super::proof::record_name(&row.name),
            record_value: row.challenge,
            claimed_at: row.claimed_at,
            verified_at: row.verified_at,
            checked_at: row.checked_at,
            lapses_at: row.failing_since.map(|since| since + super::proof::GRACE),
            name: row.name,
        }
    }
}

/// A domain as somebody wrote it, in whatever script.
pub(super) fn domain(text: &str) -> Result<EmailDomain, AppError> {
    let ascii = match url::Host::parse(text) {
        Ok(url::Host::Domain(ascii)) => ascii,
        _ => text.to_owned(),
    };
    EmailDomain::parse(&ascii).map_err(|error| AppError::Invalid(error.to_string()))
}

impl App {
    /// Claims a domain. Claimed again, it is shown as it stands.
    pub async fn claim_domain(&self, admin: &AdminScope, new: NewDomain) -> Result<DomainView, AppError> {
        let domain = domain(&new.name)?;
        let now = self.now();
        let mut secret = [0; 16];
        self.entropy.fill(&mut secret);
        let challenge = format!("usher-domain-verification={}", uuid::Uuid::from_bytes(secret).simple());
        let mut tx = self.db.begin(admin.scope()).await?;
        let fresh = domains::claim(&mut tx, &domain, &challenge, now).await?;
        let row = domains::find(&mut tx, &domain).await?.ok_or(AppError::NotFound("domain"))?;
        if fresh {
            let event =
                AuditEvent::new(Action::DomainClaim, &domain).after(json!({"challenge": row.challenge}));
            self.commit(tx, Audit::of(event), now).await?;
        } else {
            tx.nothing_changed().await?;
        }
        Ok(row.into())
    }

    /// The tenant's claims.
    pub async fn list_domains(&self, admin: &AdminScope) -> Result<Vec<DomainView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = domains::all(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(DomainView::from).collect())
    }

    /// Gives a claim up: the domain is anybody's to prove.
    pub async fn release_domain(&self, admin: &AdminScope, name: &str) -> Result<(), AppError> {
        let domain = domain(name).or(Err(AppError::NotFound("domain")))?;
        let mut tx = self.db.begin(admin.scope()).await?;
        if !domains::release(&mut tx, &domain).await? {
            return Err(AppError::NotFound("domain"));
        }
        let event = AuditEvent::new(Action::DomainRelease, &domain);
        self.commit(tx, Audit::of(event), self.now()).await
    }
}
