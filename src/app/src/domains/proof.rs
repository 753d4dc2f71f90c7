//! A claim is proved by a TXT record, and stays proved as long as it is found. Knows the grace before it lapses.

use chrono::{DateTime, TimeDelta, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::email_domain::EmailDomain;
use serde_json::json;
use store::audit::Outgoing;
use store::domains::{self, DomainRow};
use store::{AdminScope, Scope, tenants};

use super::claims::{DomainView, domain};
use crate::App;
use crate::error::AppError;

/// A verified domain is looked up again after this long.
const CHECKED_EVERY: TimeDelta = TimeDelta::hours(24);
/// A verified domain whose record is not found lapses after this long.
pub(super) const GRACE: TimeDelta = TimeDelta::days(7);
/// What the job is called in the audit trail.
const JOB: &str = "recheck-domains";

/// Where the record of a domain stands: beside the domain's own TXT records, which others read.
pub(super) fn record_name(domain: &str) -> String {
    format!("_usher-challenge.{domain}")
}

/// What DNS said makes of a claim, and what to note of it.
fn judge(row: &mut DomainRow, found: bool, now: DateTime<Utc>) -> Option<Action> {
    row.checked_at = Some(now);
    match (found, row.verified_at, row.failing_since) {
        (true, None, _) => {
            (row.verified_at, row.lapsed_at) = (Some(now), None);
            Some(Action::DomainVerify)
        }
        (true, Some(_), _) => {
            row.failing_since = None;
            None
        }
        (false, Some(_), None) => {
            row.failing_since = Some(now);
            None
        }
        (false, Some(_), Some(since)) if now - since >= GRACE => {
            (row.verified_at, row.failing_since, row.lapsed_at) = (None, None, Some(now));
            Some(Action::DomainLapse)
        }
        (false, _, _) => None,
    }
}

impl App {
    /// Asks DNS for the proof of a claim now.
    pub async fn verify_domain(&self, admin: &AdminScope, name: &str) -> Result<DomainView, AppError> {
        let domain = domain(name).or(Err(AppError::NotFound("domain")))?;
        let mut tx = self.db.read(admin.scope()).await?;
        let row = domains::find(&mut tx, &domain).await?.ok_or(AppError::NotFound("domain"))?;
        tx.finish().await?;
        self.prove(admin.scope(), &domain, &row.challenge)
            .await?
            .map(DomainView::from)
            .ok_or(AppError::NotFound("domain"))
    }

    /// Looks up again the verified domains of every tenant whose turn it is. Returns how many those were. What DNS cannot
    /// be asked of now is left for the next time.
    pub async fn recheck_domains(&self) -> Result<usize, AppError> {
        let mut global = self.db.global().await?;
        let tenants = tenants::all(&mut global).await?;
        global.finish().await?;
        let mut checked = 0_usize;
        for tenant in &tenants {
            let scope = self.db.enter_to_work(tenant, JOB, self.request_id());
            let mut tx = self.db.read(&scope).await?;
            let rows = domains::all(&mut tx).await?;
            tx.finish().await?;
            let due = self.now() - CHECKED_EVERY;
            for row in rows.iter().filter(|row| {
                row.verified_at.is_some() && row.checked_at.is_none_or(|checked| checked <= due)
            }) {
                let Ok(domain) = EmailDomain::parse(&row.name) else { continue };
                match self.prove(&scope, &domain, &row.challenge).await {
                    Ok(_) => checked = checked.saturating_add(1),
                    Err(error) => tracing::warn!(%error, "Could not look up a verified domain"),
                }
            }
        }
        Ok(checked)
    }

    /// Asks DNS outside any transaction, then writes what follows; nothing if the claim was given up meanwhile.
    async fn prove(
        &self,
        scope: &Scope,
        domain: &EmailDomain,
        challenge: &str,
    ) -> Result<Option<DomainRow>, AppError> {
        let texts = self.dns.txt(&record_name(domain.as_str())).await?;
        let found = texts.iter().any(|text| text.trim() == challenge);
        let now = self.now();
        let mut tx = self.db.begin(scope).await?;
        let Some(mut row) = domains::lock(&mut tx, domain).await? else { return Ok(None) };
        if row.challenge != challenge {
            return Ok(None);
        }
        let action = judge(&mut row, found, now);
        domains::note(&mut tx, &row).await?;
        match action {
            Some(action) => {
                tx.announce(Outgoing {
                    fact: if action == Action::DomainVerify { "domain.verified" } else { "domain.lapsed" },
                    subject_id: domain.to_string(),
                    payload: json!({"domain": domain.as_str()}),
                });
                self.commit(tx, Audit::of(AuditEvent::new(action, domain)), now).await?;
            }
            None => tx.commit_trace_of_use().await?,
        }
        Ok(Some(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> DomainRow {
        DomainRow {
            name: "acme.example".to_owned(),
            challenge: "x".to_owned(),
            claimed_at: DateTime::UNIX_EPOCH,
            verified_at: None,
            checked_at: None,
            failing_since: None,
            lapsed_at: None,
        }
    }

    #[test]
    fn a_proof_that_is_missing_for_a_while_lapses_and_one_that_returns_in_time_does_not() {
        let start = DateTime::UNIX_EPOCH;
        let mut row = row();

        assert_eq!(judge(&mut row, false, start), None, "nothing to lose yet");
        assert_eq!(judge(&mut row, true, start), Some(Action::DomainVerify));
        assert_eq!(judge(&mut row, false, start), None);
        assert_eq!(judge(&mut row, true, start + GRACE), None, "found in time, however late");
        assert_eq!(row.failing_since, None);
        assert_eq!(judge(&mut row, false, start), None);
        assert_eq!(judge(&mut row, false, start + GRACE - TimeDelta::seconds(1)), None);
        assert_eq!(judge(&mut row, false, start + GRACE), Some(Action::DomainLapse));
        assert_eq!((row.verified_at, row.lapsed_at), (None, Some(start + GRACE)));
        assert_eq!(
            judge(&mut row, true, start + GRACE),
            Some(Action::DomainVerify),
            "it can be proved again"
        );
        assert_eq!(row.lapsed_at, None);
    }
}
