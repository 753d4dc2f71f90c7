//! What is done about invitations without anybody asking: mails leave, and what has run out ends. Knows whose turn it is; how a
//! mail is handed over, `mail` knows.
//!
//! A mail is a row until it has left or was given up, and is taken for two minutes: a process that dies in between leaves it to
//! the next, which may send it twice and never not at all.

use std::sync::Arc;
use std::time::Duration;

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{InvitationId, TenantId};
use domain::lifecycle::Effects;
use serde_json::{Value, json};
use store::audit::Outgoing;
use store::invitations::{self, End, InvitationRow, Mailed};
use store::{Scope, people, tenants};

use super::invite::LINK;
use super::words;
use crate::App;
use crate::access::parse_blueprint;
use crate::error::AppError;
use crate::mail::{Handed, Mailer};
use crate::provision::leave;

/// How often it is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The most mails that are taken at once in a tenant.
const AT_ONCE: i64 = 8;

impl App {
    /// Sends mails and ends what has run out for as long as the process lives.
    pub async fn keep_invitations(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.tenants_with_invitations().await {
                Ok(due) => {
                    for tenant in due {
                        self.runtime.spawn(Arc::clone(&self).keep_invitations_in(tenant));
                    }
                }
                Err(error) => tracing::warn!(%error, "Could not look for invitations to send"),
            }
        }
    }

    async fn tenants_with_invitations(&self) -> Result<Vec<TenantId>, AppError> {
        Ok(invitations::tenants(self.db.global().await?).await?)
    }

    async fn keep_invitations_in(self: Arc<Self>, tenant: TenantId) {
        if let Err(error) = self.end_invitations(tenant).await {
            tracing::warn!(tenant.id = %tenant, %error, "Could not end invitations; trying again");
        }
        if let Err(error) = self.end_externals(tenant).await {
            tracing::warn!(tenant.id = %tenant, %error, "Could not end stays; trying again");
        }
        if let Err(error) = self.send_invitations(tenant).await {
            tracing::warn!(tenant.id = %tenant, %error, "Could not send invitations; trying again");
        }
    }

    /// Ends a tenant's invitations that have run out: the seats that were kept for them are free.
    pub async fn end_invitations(&self, tenant: TenantId) -> Result<(), AppError> {
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let mut tx = self.db.read(&scope).await?;
        let over = invitations::run_out(&mut tx, self.now()).await?;
        tx.finish().await?;
        for row in over {
            self.end_invitation(&scope, &row).await?;
        }
        Ok(())
    }

    async fn end_invitation(&self, scope: &Scope, row: &InvitationRow) -> Result<(), AppError> {
        let (id, user, now) = (row.invitation_id(), row.user(), self.now());
        let mut tx = self.db.begin(scope).await?;
        people::lock(&mut tx, user).await?;
        // Sent again meanwhile, it has another time.
        let still = invitations::find(&mut tx, id).await?.is_some_and(|row| row.expires_at <= now);
        if !still || !invitations::end(&mut tx, id, user, End::Expired, now).await? {
            return Ok(tx.nothing_changed().await?);
        }
        let gives_back = Effects {
            revoke_sessions: false,
            release_seat: true,
            claim_seat: false,
            reevaluate: false,
            facts: Vec::new(),
        };
        tx.announce(Outgoing {
            fact: "invitation.expired",
            subject_id: user.to_string(),
            payload: payload(row),
        });
        let mut audit = Audit::of(AuditEvent::new(Action::InvitationExpire, id).after(json!({"user": user})));
        audit.extend(leave(self, &mut tx, user, &gives_back).await?);
        self.commit(tx, audit, now).await?;
        Ok(())
    }

    /// Sends a tenant's mails that are due.
    pub async fn send_invitations(&self, tenant: TenantId) -> Result<(), AppError> {
        let Some(mailer) = &self.mailer else { return Ok(()) };
        let scope = self.db.enter_to_send(tenant, self.request_id());
        loop {
            let mut tx = self.db.begin(&scope).await?;
            let taken = invitations::take_mails(&mut tx, AT_ONCE).await?;
            tx.commit_trace_of_use().await?;
            if taken.is_empty() {
                return Ok(());
            }
            for id in taken {
                self.send_invitation(mailer, &scope, id).await?;
            }
        }
    }

    async fn send_invitation(
        &self,
        mailer: &Mailer,
        scope: &Scope,
        id: InvitationId,
    ) -> Result<(), AppError> {
        let mut tx = self.db.read(scope).await?;
        let row = invitations::find(&mut tx, id).await?;
        let sealed = invitations::sealed_link(&mut tx, id).await?;
        let (tenant, blueprint) = tenants::current(&mut tx).await?;
        tx.finish().await?;
        let (Some(row), Some(sealed)) = (row, sealed) else { return Ok(()) };
        let link = self.sealer.open(LINK, &sealed)?;
        let link = String::from_utf8_lossy(&link);
        let product = parse_blueprint(&blueprint)?;
        let name = product.name(&row.language);
        let letter = words::letter(&row, name, &tenant.name, &link);
        let named = format!("{id}.{}", row.sent_at.timestamp_millis());
        let handed = mailer.send(&row.address, letter, &named, self.now()).await;
        self.note_mail(scope, &row, handed, mailer).await
    }

    async fn note_mail(
        &self,
        scope: &Scope,
        row: &InvitationRow,
        handed: Handed,
        mailer: &Mailer,
    ) -> Result<(), AppError> {
        let (how, answer) = match handed {
            Handed::Taken => (Mailed::Sent, None),
            Handed::Refused(why) => (Mailed::Refused, Some(why)),
            Handed::Later(why) => match mailer.pause_after(row.mail_attempts) {
                Some(pause) => {
                    (Mailed::Again(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)), Some(why))
                }
                None => (Mailed::GivenUp, Some(why)),
            },
        };
        let mut tx = self.db.begin(scope).await?;
        let noted = invitations::note_mail(&mut tx, row, &how, answer.as_deref()).await?;
        let failed = matches!(how, Mailed::Refused | Mailed::GivenUp);
        if !noted || !failed {
            return Ok(tx.commit_trace_of_use().await?);
        }
        tracing::info!(invitation.id = %row.id, "A mail with an invitation could not be delivered");
        tx.announce(Outgoing {
            fact: "invitation.undelivered",
            subject_id: row.user().to_string(),
            payload: payload(row),
        });
        let event = AuditEvent::new(Action::InvitationUndelivered, row.invitation_id());
        let after = json!({"user": row.user(), "answer": answer});
        self.commit(tx, Audit::of(event.after(after)), self.now()).await?;
        Ok(())
    }
}

fn payload(row: &InvitationRow) -> Value {
    json!({"user": row.user(), "invitation": row.invitation_id()})
}
