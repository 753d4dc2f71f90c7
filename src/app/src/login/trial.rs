//! A sign-in that an administrator tries out. Knows the checks in their order and which of them a refusal is of; signs nobody in.
//!
//! Everything is done that a sign-in does, up to the session, and then undone. Each check that came before the one that
//! refused has passed, so the report follows from the outcome and no check has to report itself.

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::TrialId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sso::{Groups, VerifiedIdentity};
use store::connections::{self, ConnectionRow};
use store::trials::{self, TrialRow};
use store::{AdminScope, Scope};
use url::Url;
use utoipa::ToSchema;

use super::admission::Arrival;
use super::enforcement::what_is_set;
use crate::App;
use crate::error::{AppError, Refusal};

const KEPT: Duration = Duration::hours(24);
/// Within this time somebody must set out.
const OPEN: Duration = Duration::hours(1);
const PURPOSE: &str = "trial.report";

/// A check of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    /// The answer belongs to a sign-in of this browser at this connection, and is the first.
    Flow,
    /// What the identity provider said passed every check of its protocol.
    Proof,
    /// No message that proved it was used before.
    Replay,
    /// A name that is an address is in a domain that the tenant has verified.
    Domain,
    /// There is a person whom the identity means, or the connection makes one.
    Person,
    /// The person is active.
    Active,
    /// It was proven after the person was last signed out of everything.
    Freshness,
    /// The person has a seat.
    Seat,
    /// The person has no higher role than the connection lets in.
    Role,
    /// The person is linked to no other subject.
    Link,
}

impl Check {
    const ALL: [Self; 10] = [
        Self::Flow,
        Self::Proof,
        Self::Replay,
        Self::Domain,
        Self::Person,
        Self::Active,
        Self::Freshness,
        Self::Seat,
        Self::Role,
        Self::Link,
    ];

    fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::UnknownDoor
            | Refusal::ForeignTarget
            | Refusal::NoFlow
            | Refusal::Unasked
            | Refusal::NotSignedOut(_)
            | Refusal::Paused
            | Refusal::GoingRound
            | Refusal::OtherNetwork
            | Refusal::NotEnforced
            | Refusal::NotAccepted(_)
            | Refusal::NotAllowed
            | Refusal::Trial => Self::Flow,
            Refusal::Provider(_) => Self::Proof,
            Refusal::Replayed => Self::Replay,
            Refusal::DomainUnverified => Self::Domain,
            Refusal::Unknown
            | Refusal::Nameless(_)
            | Refusal::NotInvited
            | Refusal::Departed
            | Refusal::NotCreated(_) => Self::Person,
            Refusal::Inactive => Self::Active,
            Refusal::SignedOut => Self::Freshness,
            Refusal::NoSeat { .. } => Self::Seat,
            Refusal::AboveLimit => Self::Role,
            Refusal::LinkedToAnother => Self::Link,
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It refused the sign-in.
    Refused,
    /// It was not reached.
    NotReached,
}

/// A check and how it ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckView {
    /// Which check.
    pub check: Check,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it refused.
    pub detail: Option<String>,
}

/// What a trial came to, as it is sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    code: Option<String>,
    checks: Vec<CheckView>,
    identity: Option<Value>,
    person: Option<Value>,
}

/// A sign-in that an administrator tries out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: TrialId,
    /// Where to go with a browser within an hour.
    pub address: String,
    /// When it was asked for.
    pub started_at: DateTime<Utc>,
    /// When somebody came back from the identity provider.
    pub finished_at: Option<DateTime<Utc>>,
    /// Whether they would have been let in.
    pub passed: Option<bool>,
    /// The code that the page would have shown.
    pub code: Option<String>,
    /// Every check, in order.
    pub checks: Vec<CheckView>,
    /// What the identity provider proved: issuer, subject, claims, address, groups, times.
    pub identity: Option<Value>,
    /// Whom that means here, and how they were found.
    pub person: Option<Value>,
    /// Until when all of this is kept.
    pub forget_at: DateTime<Utc>,
}

impl App {
    /// Begins a trial at a connection, also at one that is paused.
    pub async fn begin_trial(
        &self,
        admin: &AdminScope,
        tenant: &str,
        connection: &str,
    ) -> Result<TrialView, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let connection =
            connections::by_slug(&mut tx, connection).await?.ok_or(AppError::NotFound("connection"))?;
        let row = TrialRow {
            id: TrialId::generate(now, &*self.entropy).as_uuid(),
            connection_id: connection.id,
            started_at: now,
            forget_at: now + KEPT,
            finished_at: None,
            passed: None,
            report_sealed: None,
            settings_hash: None,
        };
        trials::start(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::ConnectionTry, connection.connection_id())
            .after(json!({"trial": row.id}));
        self.commit(tx, Audit::of(event), now).await?;
        self.trial_view(tenant, &connection, &row)
    }

    /// A trial, and what it came to if somebody came back.
    pub async fn show_trial(
        &self,
        admin: &AdminScope,
        tenant: &str,
        connection: &str,
        id: TrialId,
    ) -> Result<TrialView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let connection =
            connections::by_slug(&mut tx, connection).await?.ok_or(AppError::NotFound("connection"))?;
        let row = trials::find(&mut tx, connection.connection_id(), id, self.now()).await?;
        tx.finish().await?;
        self.trial_view(tenant, &connection, &row.ok_or(AppError::NotFound("trial"))?)
    }

    /// Whether somebody may set out on a trial.
    pub(super) async fn check_trial(
        &self,
        scope: &Scope,
        connection: &ConnectionRow,
        trial: TrialId,
    ) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.read(scope).await?;
        let row = trials::find(&mut tx, connection.connection_id(), trial, now).await?;
        tx.finish().await?;
        let open = row.is_some_and(|row| row.finished_at.is_none() && now - row.started_at < OPEN);
        if open { Ok(()) } else { Err(Refusal::NoFlow.into()) }
    }

    /// Ends a trial with what was proven, or was not: decides like a sign-in, undoes it, and writes down what each check
    /// said. Nobody is signed in.
    pub(super) async fn conclude_trial(
        &self,
        scope: &Scope,
        connection: &ConnectionRow,
        trial: TrialId,
        arrival: Result<Arrival, AppError>,
    ) -> Result<(), AppError> {
        let (mut identity, mut person) = (None, None);
        let outcome = match arrival {
            Ok(arrival) => {
                identity = Some(described(&arrival.identity));
                self.try_out(scope, &arrival).await.map(|found| person = Some(found))
            }
            Err(error) => Err(error),
        };
        let refusal = match outcome {
            Ok(()) => None,
            Err(AppError::SignIn(refusal)) => Some(refusal),
            Err(error) => return Err(error),
        };
        let report = Report {
            code: refusal.as_ref().map(|refusal| refusal.code().to_owned()),
            checks: checks(refusal.as_ref()),
            identity,
            person,
        };
        let plain = serde_json::to_vec(&report).map_err(|error| AppError::Internal(error.to_string()))?;
        let sealed = self.sealer.seal(PURPOSE, &plain, &*self.entropy)?;
        let mut tx = self.db.begin(scope).await?;
        let said = (sealed.as_slice(), what_is_set(connection));
        trials::finish(&mut tx, trial, refusal.is_none(), said, self.now()).await?;
        tx.commit_trace_of_use().await?;
        Ok(())
    }

    /// What a sign-in would come to. Whoever would be made is not.
    async fn try_out(&self, scope: &Scope, arrival: &Arrival) -> Result<Value, AppError> {
        let mut tx = self.db.begin(scope).await?;
        let decided = self.decide(&mut tx, arrival).await;
        drop(tx); // rolled back: the link, and the messages that were noted as spent
        match decided {
            Ok(admitted) => Ok(json!({"id": admitted.user, "found": admitted.linked})),
            Err(AppError::SignIn(Refusal::Unknown)) => match self.newcomer(scope, arrival).await? {
                Some((_, body)) => Ok(json!({"id": null, "found": "made", "document": body})),
                None => Err(Refusal::Unknown.into()),
            },
            Err(error) => Err(error),
        }
    }

    fn trial_view(
        &self,
        tenant: &str,
        connection: &ConnectionRow,
        row: &TrialRow,
    ) -> Result<TrialView, AppError> {
        let report = match &row.report_sealed {
            Some(sealed) => serde_json::from_slice(&self.sealer.open(PURPOSE, sealed)?)
                .map_err(|error| AppError::Internal(format!("a report cannot be read: {error}")))?,
            None => Report { code: None, checks: Vec::new(), identity: None, person: None },
        };
        let mut address = self
            .public_url
            .join(&format!("/login/{tenant}/{}", connection.slug))
            .map_err(|error| AppError::Internal(format!("the address of a trial: {error}")))?;
        let id = TrialId::from_uuid(row.id);
        Url::query_pairs_mut(&mut address).append_pair("trial", &id.to_string());
        Ok(TrialView {
            id,
            address: address.to_string(),
            started_at: row.started_at,
            finished_at: row.finished_at,
            passed: row.passed,
            code: report.code,
            checks: report.checks,
            identity: report.identity,
            person: report.person,
            forget_at: row.forget_at,
        })
    }
}

/// Every check: those before the one that refused have passed.
fn checks(refusal: Option<&Refusal>) -> Vec<CheckView> {
    let refused = refusal.map(Check::of);
    let mut verdict = Verdict::Passed;
    let mut all = Vec::new();
    for check in Check::ALL {
        if refused == Some(check) {
            let detail = refusal.map(ToString::to_string);
            all.push(CheckView { check, verdict: Verdict::Refused, detail });
            verdict = Verdict::NotReached;
        } else {
            all.push(CheckView { check, verdict, detail: None });
        }
    }
    all
}

fn described(identity: &VerifiedIdentity) -> Value {
    json!({
        "issuer": identity.issuer,
        "subject": identity.subject,
        "claims": identity.claims,
        "email": identity.email.as_ref().map(|email| {
            json!({"address": email.address, "verified": email.verified})
        }),
        "groups": match &identity.groups {
            Groups::Known(names) => json!(names),
            Groups::Unknown => Value::Null,
        },
        "issuedAt": identity.issued_at,
        "authTime": identity.auth_time,
        "expiresHint": identity.expires_hint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_a_refusal_has_passed_and_what_would_come_after_was_not_reached() {
        let verdicts =
            |refusal: Option<&Refusal>| checks(refusal).into_iter().map(|it| it.verdict).collect::<Vec<_>>();

        assert_eq!(verdicts(None), [Verdict::Passed; 10]);
        let inactive = verdicts(Some(&Refusal::Inactive));
        assert_eq!(inactive[4..7], [Verdict::Passed, Verdict::Refused, Verdict::NotReached]);
        assert_eq!(inactive[9], Verdict::NotReached);
    }
}
