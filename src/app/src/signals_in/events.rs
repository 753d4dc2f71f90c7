//! Security events that a transmitter tells (RFC 8417, CAEP and RISC). Knows which of them end sessions; does not know how they
//! came.
//!
//! An event that means nothing here is taken all the same: by the standards, whoever sent it is not to try again.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ConnectionId, RequestId, UserId};
use domain::token::TokenHash;
use serde_json::{Map, Value, json};
use sso::signals::{Expected, HeardError, SecurityEventToken, Subject, SubjectError, verify_set};
use store::connections::{self, ConnectionRow};
use store::sessions::Meant;
use store::transmitters::{self, TransmitterRow};
use store::{Scope, WriteTx, people};

use super::{At, Sender, namers, spent_as, whom};
use crate::App;
use crate::error::AppError;
use crate::login::{End, Protocol, end_at_provider, over, sign_out_everywhere};

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

/// Why a security event token was not taken, in the terms of RFC 8935 §2.4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetRefusal {
    /// The code.
    pub err: &'static str,
    /// A sentence.
    pub description: String,
}

/// What an event means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Sessions ended there: the one that is named, else all.
    SessionsEnded,
    /// What the person signs in with, or whether they may at all, is not what it was: everything ends.
    EverythingEnds,
    /// The transmitter shows that it can reach us.
    Verification,
    /// Nothing.
    Nothing,
}

impl Meaning {
    fn of(event: &str) -> Self {
        if let Some(name) = event.strip_prefix(CAEP) {
            return match name {
                "session-revoked" => Self::SessionsEnded,
                "credential-change" => Self::EverythingEnds,
                _ => Self::Nothing,
            };
        }
        if let Some(name) = event.strip_prefix(RISC) {
            return match name {
                "sessions-revoked"
                | "account-disabled"
                | "account-purged"
                | "account-credential-change-required"
                | "credential-compromise" => Self::EverythingEnds,
                _ => Self::Nothing,
            };
        }
        match event.strip_prefix(SSF) {
            Some("verification") => Self::Verification,
            _ => Self::Nothing,
        }
    }
}

/// An event and whom it is about.
struct Told {
    event: String,
    meaning: Meaning,
    subject: Option<Subject>,
    at: DateTime<Utc>,
}

impl App {
    /// Takes a security event token that was pushed: the sessions that its events end are over when this returns. One
    /// transaction, in which the token is spent; one that was shown before changes nothing and is taken again.
    ///
    /// # Errors
    /// None for a token that does not hold: that is the [`SetRefusal`].
    pub async fn take_security_events(
        &self,
        at: At<'_>,
        token: &str,
        request: RequestId,
    ) -> Result<Result<(), SetRefusal>, AppError> {
        let (scope, row) = self.told_at(at, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let transmitter = transmitters::find(&mut tx, row.connection_id()).await?;
        tx.finish().await?;
        match transmitter {
            Some(transmitter) => self.take_of(&scope, &row, transmitter, token).await,
            None => Ok(Err(refused(&HeardError::IssuerMismatch))),
        }
    }

    /// The same for a transmitter that is known already.
    pub(super) async fn take_of(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        transmitter: TransmitterRow,
        token: &str,
    ) -> Result<Result<(), SetRefusal>, AppError> {
        let audience = transmitter.audience.clone();
        let Some(sender) = self.transmitting(row, transmitter, token).await? else {
            return Ok(Err(refused(&HeardError::IssuerMismatch)));
        };
        let expected = Expected {
            issuer: &sender.issuer,
            audience: &audience,
            algorithms: &sender.algorithms,
            now: self.now(),
        };
        let verified = match verify_set(&self.egress, &sender.keys, token, expected).await {
            Ok(verified) => verified,
            Err(error) => return Ok(Err(refused(&error))),
        };
        let told = match read(&verified, self.now()) {
            Ok(told) => told,
            Err(error) => {
                return Ok(Err(SetRefusal { err: "invalid_request", description: error.to_string() }));
            }
        };
        let tx = self.db.begin(scope).await?;
        self.act_on(tx, row, &sender, &verified, told).await?;
        Ok(Ok(()))
    }

    async fn act_on(
        &self,
        mut tx: WriteTx,
        row: &ConnectionRow,
        sender: &Sender,
        token: &SecurityEventToken,
        told: Vec<Told>,
    ) -> Result<(), AppError> {
        let (now, connection) = (self.now(), row.connection_id());
        let spent = (spent_as("set", &sender.issuer, &token.id), token.forget_at);
        if !connections::spend(&mut tx, connection, &[spent], now).await? {
            return Ok(tx.nothing_changed().await?);
        }
        transmitters::note_heard(&mut tx, connection, now).await?;
        let protocol = Protocol::of(row)?;
        let issuers = namers(&protocol, sender);
        let mut audit: Option<Audit> = None;
        for Told { event, meaning, subject, at } in told {
            let events = match (meaning, subject) {
                (Meaning::SessionsEnded | Meaning::EverythingEnds, Some(subject)) => {
                    let people = whom(&mut tx, row, &subject.names, &issuers).await?;
                    let session = subject.session.filter(|_| meaning == Meaning::SessionsEnded);
                    end(&mut tx, connection, (people, session), (at, now)).await?
                }
                (Meaning::Verification, _) => {
                    transmitters::note_verified(&mut tx, connection, now).await?;
                    None
                }
                _ => None,
            };
            let Some((people, ended)) = events else {
                tracing::info!(connection.id = %connection, "Took a security event that ends nothing here");
                continue;
            };
            let what = json!({"event": event, "people": people, "sessions": ended.len()});
            let said = AuditEvent::new(Action::SecurityEventHeard, connection).after(what);
            match &mut audit {
                Some(audit) => audit.push(said),
                None => audit = Some(Audit::of(said)),
            }
            if let Some(audit) = &mut audit {
                audit.extend(ended);
            }
        }
        match audit {
            Some(audit) => self.commit(tx, audit, now).await?,
            None => tx.commit_trace_of_use().await?,
        }
        Ok(())
    }
}

/// Ends sessions of these people: everything, or what may be the one that is named. Returns whose and what to audit, if it is
/// about anybody here.
async fn end(
    tx: &mut WriteTx,
    connection: ConnectionId,
    (people, session): (Vec<UserId>, Option<String>),
    (at, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Option<(Vec<UserId>, Vec<AuditEvent>)>, AppError> {
    let people = people::lock_all(tx, &people).await?;
    let Some(session) = session.map(|session| TokenHash::of(&session)) else {
        if people.is_empty() {
            return Ok(None);
        }
        let ended = sign_out_everywhere(tx, &people, now).await?;
        return Ok(Some((people, ended)));
    };
    let mut ended = Vec::new();
    if people.is_empty() {
        ended = end_at_provider(tx, connection, Meant::ProviderSession(session), Vec::new(), at).await?;
    }
    for &person in &people {
        let meant = Meant::PerhapsOf(person, session);
        ended.extend(end_at_provider(tx, connection, meant, vec![person], at).await?);
    }
    let mut whose: Vec<UserId> = people.into_iter().chain(ended.iter().map(|(_, user)| *user)).collect();
    whose.sort_unstable();
    whose.dedup();
    if whose.is_empty() {
        return Ok(None);
    }
    let audit = ended.into_iter().map(|(session, user)| over(tx, End::Revoked, user, session)).collect();
    Ok(Some((whose, audit)))
}

/// The events of a token, each with whom it is about: by `sub_id`, or by the event itself, as in earlier drafts.
fn read(token: &SecurityEventToken, now: DateTime<Utc>) -> Result<Vec<Told>, SubjectError> {
    let read = |(event, payload): (&String, &Value)| {
        let meaning = Meaning::of(event);
        let payload = payload.as_object();
        let said = token.subject.as_ref().or_else(|| payload?.get("subject"));
        let ends = matches!(meaning, Meaning::SessionsEnded | Meaning::EverythingEnds);
        let subject = match said {
            Some(said) if ends => match Subject::read(said) {
                // Whom we cannot know is nobody of ours.
                Err(SubjectError::Unsupported) => None,
                read => Some(read?),
            },
            None if ends => return Err(SubjectError::Malformed("sub_id is missing")),
            _ => None,
        };
        let at = payload.and_then(moment).map_or(now, |at| at.min(now));
        Ok(Told { event: event.clone(), meaning, subject, at })
    };
    token.events.iter().map(read).collect()
}

/// When it happened (CAEP §2).
fn moment(payload: &Map<String, Value>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(payload.get("event_timestamp")?.as_i64()?, 0)
}

/// Anybody can come to this door, so a refusal is a line in the log and not in the audit trail.
fn refused(error: &HeardError) -> SetRefusal {
    tracing::info!(%error, "Refused a security event token");
    let err = match error {
        HeardError::IssuerMismatch => "invalid_issuer",
        HeardError::AudienceMismatch => "invalid_audience",
        error if error.is_about_keys() => "invalid_key",
        _ => "invalid_request",
    };
    SetRefusal { err, description: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_that_ends_something_is_known_by_its_whole_name() {
        let of = |prefix: &str, name: &str| Meaning::of(&format!("{prefix}{name}"));

        assert_eq!(of(CAEP, "session-revoked"), Meaning::SessionsEnded);
        assert_eq!(of(CAEP, "credential-change"), Meaning::EverythingEnds);
        for name in ["account-disabled", "account-purged", "sessions-revoked", "credential-compromise"] {
            assert_eq!(of(RISC, name), Meaning::EverythingEnds, "{name}");
        }
        assert_eq!(of(SSF, "verification"), Meaning::Verification);
        for nothing in
            ["", "session-revoked", &format!("{RISC}session-revoked"), &format!("{RISC}account-enabled")]
        {
            assert_eq!(Meaning::of(nothing), Meaning::Nothing, "{nothing}");
        }
    }
}
