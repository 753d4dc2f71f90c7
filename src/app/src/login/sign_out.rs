//! Somebody signs out.

use domain::audit::{Action, Audit, AuditEvent};
use serde_json::json;
use store::audit::Outgoing;
use store::{LiveSession, sessions};

use crate::App;
use crate::error::AppError;

impl App {
    /// Ends this session, and only this one.
    pub async fn sign_out(&self, session: &LiveSession) -> Result<(), AppError> {
        let mut tx = self.db.begin(&session.scope).await?;
        if !sessions::end(&mut tx, session.id).await? {
            return Ok(tx.nothing_changed().await?);
        }
        tx.announce(Outgoing {
            fact: "session.ended",
            subject_id: session.user.to_string(),
            payload: json!({"user": session.user, "session": session.id}),
        });
        let event = AuditEvent::new(Action::SessionEnd, session.id).before(json!({"user": session.user}));
        tx.commit(Audit::of(event), self.now(), &*self.entropy).await?;
        Ok(())
    }
}
