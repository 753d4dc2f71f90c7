//! The time of people of other companies is over. Knows what ends with it; that it is time, the duty of invitations finds out.

use domain::access::Reason;
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ExternalRequestId, GrantId, TenantId, UserId};
use serde_json::{Value, json};
use store::audit::Outgoing;
use store::external_requests;
use store::{Scope, WriteTx, grants, invitations, people, rules, users};

use super::request::about;
use crate::App;
use crate::access::reevaluate_decided;
use crate::error::AppError;
use crate::guards::subject;
use crate::invitations::take_back;
use crate::people::{shut_out, taken};

impl App {
    /// Ends the stays and requests of a tenant whose time is over: the role, and everything with it of those who have nothing else.
    pub async fn end_externals(&self, tenant: TenantId) -> Result<(), AppError> {
        let scope = self.db.enter_to_send(tenant, self.request_id());
        let mut tx = self.db.read(&scope).await?;
        let over = external_requests::run_out(&mut tx, self.now()).await?;
        tx.finish().await?;
        for row in over {
            self.end_external(&scope, row.request_id(), row.grant()).await?;
        }
        Ok(())
    }

    async fn end_external(
        &self,
        scope: &Scope,
        id: ExternalRequestId,
        grant: Option<GrantId>,
    ) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(scope).await?;
        // Whoever has it now: a local person may have become one whom a directory manages, and what was taken is nobody's.
        let user = match grant {
            Some(grant) => grants::holder(&mut tx, grant).await?,
            None => None,
        };
        if let Some(user) = user {
            people::lock(&mut tx, user).await?;
        }
        rules::hold(&mut tx);
        let row = external_requests::lock(&mut tx, id).await?;
        let Some(row) = row.filter(|row| row.is_over(now) && row.grant() == grant) else {
            return Ok(tx.nothing_changed().await?);
        };
        let version = rules::version(&mut tx).await?;
        let policy = self.policies.get(&mut tx, version).await?;
        external_requests::end(&mut tx, id).await?;
        let mut said = about(&policy, &row, row.place()?);
        said.remove("by");
        said.insert("user".to_owned(), json!(user));
        tx.announce(Outgoing {
            fact: "external.ended",
            subject_id: id.to_string(),
            payload: Value::Object(said),
        });
        let event = AuditEvent::new(Action::ExternalExpire, id);
        let mut audit = Audit::of(event.after(json!({"address": row.address, "user": user})));
        if let (Some(user), Some(grant)) = (user, grant) {
            audit.extend(self.end_stay(&mut tx, user, grant).await?);
        }
        self.commit(tx, audit, now).await?;
        Ok(())
    }

    /// Takes the role at the place from a locked person. Whoever holds nothing else is shut out, or gone if they have never accepted
    /// and the product keeps nobody whom it invited in vain. Whom a directory manages, it alone shuts out.
    async fn end_stay(
        &self,
        tx: &mut WriteTx,
        user: UserId,
        grant: GrantId,
    ) -> Result<Vec<AuditEvent>, AppError> {
        let given = grants::of_person(tx, user).await?.into_iter().find(|given| given.id == grant);
        // Handed over or taken before this transaction held the person.
        let Some(given) = given else {
            return Err(AppError::Busy("the grant is changed just now".to_owned()));
        };
        let (policy, _) = subject(self, tx, user).await?;
        grants::take(tx, &[grant]).await?;
        let mut events = vec![taken(given, &policy, user)];
        events.extend(reevaluate_decided(self, tx, &[user]).await?);
        let (_, left) = subject(self, tx, user).await?;
        let mut reasons = left.roles.iter().map(|held| &held.reasons);
        let keeps = reasons.any(|reasons| reasons.iter().any(Reason::gives))
            || left.flags.iter().any(|held| held.reasons.iter().any(Reason::gives));
        let local = users::lock_local(tx, user).await?.map(|person| person.user.resource());
        let Some(document) = local.filter(|document| document.active() && !keeps) else { return Ok(events) };
        let gone = match invitations::unaccepted_of(tx, user).await? {
            Some(invitation) => take_back(self, tx, &policy, &invitation, document).await?,
            None => shut_out(self, tx, user, &document).await?,
        };
        events.extend(gone);
        Ok(events)
    }
}
