//! Who is refused before they have set out. Knows what an administrator reads of it; does not know why they are refused.
//!
//! Anybody can set out, any number of times, so what is written down of it must not grow with that: a process writes the same
//! refusal at the same connection once a minute.

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::{DateTime, Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ConnectionId, TrialId};
use serde_json::json;
use store::Scope;
use store::connections::ConnectionRow;

use crate::App;
use crate::error::{AppError, Refusal};

/// The same refusal is written down once in this time.
const ONCE_IN: Duration = Duration::minutes(1);

/// A refusal by its code, at a connection.
type What = (ConnectionId, Action, &'static str);

/// When what was last written down, by this process.
#[derive(Debug, Default)]
pub(crate) struct TurnedAway {
    noted: Mutex<HashMap<What, DateTime<Utc>>>,
}

impl TurnedAway {
    /// Whether it is time to write this down, which is then taken to be done.
    fn is_new(&self, what: What, now: DateTime<Utc>) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if noted.get(&what).is_some_and(|at| (*at..*at + ONCE_IN).contains(&now)) {
            return false;
        }
        noted.retain(|_, at| (*at..*at + ONCE_IN).contains(&now));
        noted.insert(what, now);
        true
    }
}

impl App {
    /// Says why a browser could not set out: in the trial that it is for, else in the audit trail.
    pub(super) async fn turned_away<T>(
        &self,
        scope: &Scope,
        connection: &ConnectionRow,
        trial: Option<TrialId>,
        outcome: Result<T, AppError>,
    ) -> Result<T, AppError> {
        match (outcome, trial) {
            (Err(error @ AppError::SignIn(_)), Some(trial)) => {
                self.conclude_trial(scope, connection, trial, Err(error)).await?;
                Err(Refusal::Trial.into())
            }
            (Err(AppError::SignIn(refusal)), None) => {
                self.note_once(scope, connection, Action::LoginRefuse, &refusal).await?;
                Err(refusal.into())
            }
            (outcome, _) => outcome,
        }
    }

    /// Writes a refusal of whoever came into the audit trail, unless it stands there since less than a minute.
    pub(super) async fn note_once(
        &self,
        scope: &Scope,
        connection: &ConnectionRow,
        action: Action,
        refusal: &Refusal,
    ) -> Result<(), AppError> {
        let (id, now) = (connection.connection_id(), self.now());
        if !self.turned_away.is_new((id, action, refusal.code()), now) {
            return Ok(());
        }
        let event =
            AuditEvent::new(action, id).after(json!({"code": refusal.code(), "detail": refusal.to_string()}));
        let tx = self.db.begin(scope).await?;
        self.commit(tx, Audit::of(event), now).await
    }
}

#[cfg(test)]
mod tests {
    use domain::clock::{Clock as _, FixedClock};
    use domain::id::ConnectionId;

    use super::*;

    #[test]
    fn the_same_refusal_at_the_same_connection_is_noted_once_a_minute() {
        let (noted, now) = (TurnedAway::default(), FixedClock::at(DateTime::UNIX_EPOCH).now());
        let connection = |n: u128| ConnectionId::from_uuid(uuid::Uuid::from_u128(n));
        let is_new = |n, code, seconds| {
            noted.is_new((connection(n), Action::LoginRefuse, code), now + Duration::seconds(seconds))
        };

        assert!(is_new(1, "paused", 0) && is_new(2, "paused", 0) && is_new(1, "no-flow", 0));
        assert!(!is_new(1, "paused", 1) && !is_new(1, "paused", 59));
        assert!(is_new(1, "paused", 60) && !is_new(1, "paused", 61));
        assert_eq!(noted.noted.lock().unwrap().len(), 1, "what is over is not remembered");
    }
}
