//! An invitation is sent again, or taken back. Knows who may, and that either ends the link there was.

use domain::access::Policy;
use domain::audit::{Action, Audit, AuditEvent};
use domain::blueprint::Deed;
use domain::deed::{Act, deed_to};
use domain::id::InvitationId;
use scim::resource::Resource;
use scim::text::fold;
use serde::Deserialize;
use serde_json::json;
use store::audit::Outgoing;
use store::invitations::{self, InvitationRow};
use store::{AdminScope, WriteTx, users};
use utoipa::ToSchema;

use super::invite::{Invited, address_of, claims};
use super::{InvitationView, terms};
use crate::App;
use crate::access::reevaluate_decided;
use crate::error::AppError;
use crate::guards::{Acting, hold_people, subject};
use crate::people::{remove, shut_out};
use crate::provision::{Claims, claim};

/// An invitation is sent again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resend {
    /// Another address, if the one there was is wrong.
    #[schema(example = "hana@acme.example", min_length = 3, max_length = 254)]
    pub address: Option<String>,
    /// Whether a mail is sent, where mail is set up.
    pub mail: Option<bool>,
}

/// A locked person with an invitation that they have not accepted, whatever became of it.
struct Open {
    row: InvitationRow,
    document: Resource,
    is_let_in: bool,
}

impl App {
    /// Sends an invitation again, by a new link; the one before is no longer good. It may have run out, or ended with its person
    /// being shut out, if they are let in again.
    pub async fn resend_invitation(
        &self,
        admin: &AdminScope,
        tenant: &str,
        id: InvitationId,
        resend: Resend,
    ) -> Result<Invited, AppError> {
        let address = resend.address.as_deref().map(address_of).transpose()?;
        self.show_invitation(admin, id).await?;
        let policy = self.policy_for(admin).await?;
        if !terms(&policy)?.resend {
            return Err(AppError::Conflict("invitations of this product are not sent again".to_owned()));
        }
        let link = self.fresh_link(admin.scope().tenant(), tenant, &policy, resend.mail)?;
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let open = self.hold_open(&mut tx, id, &[Deed::ResendInvitation, Deed::Invite]).await?;
        if !open.is_let_in {
            return Err(AppError::Conflict("the person is not active".to_owned()));
        }
        let user = open.row.user();
        let mut events = Vec::new();
        if let Some(address) = address.as_ref().filter(|address| **address != open.row.address) {
            events = self.readdress(&mut tx, &open, address).await?;
        }
        invitations::renew(&mut tx, id, &link.kept, now).await?;
        let after = json!({"user": user, "expiresAt": link.kept.expires_at, "address": address.unwrap_or(open.row.address)});
        let mut audit = Audit::of(AuditEvent::new(Action::InvitationResend, id).after(after));
        audit.extend(events);
        // The seat that was kept has gone to others when it ran out.
        let claims = claims(&policy);
        if open.row.state == "expired" && claims != Claims::Nothing {
            audit.extend(claim(self, &mut tx, &[user], claims).await?);
        }
        self.commit(tx, audit, now).await?;
        Ok(Invited { invitation: self.just_made(admin, &policy, id).await?, link: link.address })
    }

    /// Gives a locked person who has not accepted another address. Returns what to audit.
    async fn readdress(
        &self,
        tx: &mut WriteTx,
        open: &Open,
        address: &str,
    ) -> Result<Vec<AuditEvent>, AppError> {
        let (id, user) = (open.row.invitation_id(), open.row.user());
        if fold(address) != fold(&open.row.address) && invitations::is_taken(tx, address).await? {
            return Err(AppError::Conflict("somebody of this address is there already".to_owned()));
        }
        let mut after = open.document.as_map().clone();
        after.insert("userName".to_owned(), json!(address));
        after.insert("emails".to_owned(), json!([{"value": address, "primary": true}]));
        let after = Resource::from_stored(after);
        users::update(tx, user, &open.document, &after, self.now())?;
        invitations::readdress(tx, id, address).await?;
        tx.announce(Outgoing {
            fact: "user.updated",
            subject_id: user.to_string(),
            payload: json!({"user": user, "attributes": ["emails", "userName"]}),
        });
        let event = AuditEvent::new(Action::UserUpdate, user);
        let event = event.before(json!({"userName": open.row.address})).after(json!({"userName": address}));
        let mut events = vec![event];
        events.extend(reevaluate_decided(self, tx, &[user]).await?);
        Ok(events)
    }

    /// Takes an invitation back: the link is dead and the seat is free when this is answered. Whoever was invited is shut out,
    /// where the product says so, or else gone.
    pub async fn cancel_invitation(
        &self,
        admin: &AdminScope,
        id: InvitationId,
    ) -> Result<Option<InvitationView>, AppError> {
        self.show_invitation(admin, id).await?;
        let policy = self.policy_for(admin).await?;
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let deeds = [Deed::CancelInvitation, Deed::Deactivate, Deed::Revoke, Deed::Delete, Deed::Invite];
        let Open { row, document, .. } = self.hold_open(&mut tx, id, &deeds).await?;
        if row.state == "cancelled" {
            return Err(AppError::Conflict("the invitation is taken back already".to_owned()));
        }
        let shut_out = terms(&policy)?.cancel_deactivates;
        let event = AuditEvent::new(Action::InvitationCancel, id);
        let mut audit = Audit::of(event.before(json!({"user": row.user(), "address": row.address})));
        audit.extend(take_back(self, &mut tx, &policy, &row, document).await?);
        self.commit(tx, audit, now).await?;
        if shut_out { self.just_made(admin, &policy, id).await.map(Some) } else { Ok(None) }
    }

    /// Locks whoever has an invitation that they have not accepted, if whoever acts may do one of these.
    async fn hold_open(&self, tx: &mut WriteTx, id: InvitationId, deeds: &[Deed]) -> Result<Open, AppError> {
        let missing = || AppError::NotFound("invitation");
        let user = invitations::find(tx, id).await?.ok_or_else(missing)?.user();
        hold_people(tx, &[user]).await?;
        let person = users::lock_local(tx, user).await?.ok_or_else(missing)?;
        // Read again behind the lock.
        let row = invitations::find(tx, id).await?.ok_or_else(missing)?;
        if row.state == "accepted" {
            return Err(AppError::Conflict("the invitation is accepted".to_owned()));
        }
        if let Some(acting) = Acting::now(tx).await? {
            let (policy, of) = subject(self, tx, user).await?;
            let act = deed_to(&policy, Deed::Invite, &of, acting.is(user));
            acting.check(&policy, &[Act { deeds: deeds.to_vec(), ..act }])?;
        }
        Ok(Open { row, document: person.user.resource(), is_let_in: person.is_let_in() })
    }
}

/// Takes an invitation back of a locked person, who has not accepted it and whose document this is. Returns what to audit of the
/// person.
pub(crate) async fn take_back(
    app: &App,
    tx: &mut WriteTx,
    policy: &Policy,
    row: &InvitationRow,
    document: Resource,
) -> Result<Vec<AuditEvent>, AppError> {
    let user = row.user();
    tx.announce(Outgoing {
        fact: "invitation.cancelled",
        subject_id: user.to_string(),
        payload: json!({"user": user, "invitation": row.invitation_id()}),
    });
    if terms(policy)?.cancel_deactivates {
        shut_out(app, tx, user, &document).await
    } else {
        remove(app, tx, user, document).await
    }
}
