//! Somebody decides on a request. Knows who may, and how whoever is approved is let in; how they are invited, `invitations` knows.
//!
//! Whoever decides need not be allowed to invite: that somebody asked and another decided takes its place. So of their own request
//! only those decide who could have invited anyway.

use std::sync::Arc;

use domain::access::{Policy, Reason};
use domain::audit::{Action, Audit, AuditEvent};
use domain::blueprint::Deed;
use domain::deed::Act;
use domain::id::{ExternalRequestId, GrantId, UserId};
use domain::lifecycle::{PersonState, effects};
use domain::mapping::{Outcome, ScopeRef};
use scim::resource::Resource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::audit::Outgoing;
use store::external_requests::{self, Decided, RequestRow};
use store::people::{self, Whom};
use store::users::{self, LockedUser, Slice};
use store::{AdminScope, WriteTx, grants, invitations, rules};
use utoipa::ToSchema;

use super::request::about;
use super::{ExternalRequestView, act, check_plan, is_external, role_at, terms};
use crate::App;
use crate::access::reevaluate_decided;
use crate::error::AppError;
use crate::guards::{Acting, hold_people, subject};
use crate::invitations::{Invite, Invited, claims};
use crate::people::{Placed, given, giver, place, taken};
use crate::provision::{Claims, Start, announce, claim};
use crate::tenants::gives;

/// Whether somebody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExternalDecision {
    /// They are.
    Approve,
    /// They are not.
    Reject,
}

/// What is decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DecideExternal {
    /// Whether they are let in.
    pub decision: ExternalDecision,
    /// The language of the mail with their invitation: `ja`, `en` or `fr`; the product's own, unless said otherwise.
    #[schema(example = "ja")]
    pub language: Option<String>,
    /// Whether a mail is sent, where mail is set up. Without one, the link is handed on.
    pub mail: Option<bool>,
}

/// What came of a decision.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecidedExternal {
    /// The request.
    pub request: ExternalRequestView,
    /// Their invitation, if they were not there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited: Option<Invited>,
}

/// A request that waits, locked, on which whoever acts may decide.
struct Held {
    policy: Arc<Policy>,
    row: RequestRow,
    place: ScopeRef,
}

/// Locks a request that waits, if whoever acts may decide on it. The policy is held.
async fn hold(app: &App, tx: &mut WriteTx, id: ExternalRequestId) -> Result<Held, AppError> {
    rules::hold(tx);
    let acting = Acting::now(tx).await?;
    let version = rules::version(tx).await?;
    let policy = app.policies.get(tx, version).await?;
    let row = external_requests::lock(tx, id).await?.ok_or(AppError::NotFound("external request"))?;
    let place = row.place()?;
    if let Some(acting) = acting {
        let terms = terms(&policy)?;
        let mut acts: Vec<Act<'_>> = vec![act(&policy, terms, Deed::DecideOnExternal, place)];
        if row.requested_by().is_some_and(|by| acting.is(by)) {
            acts.push(act(&policy, terms, Deed::Invite, place));
        }
        acting.check(&policy, &acts)?;
    }
    match row.state.as_str() {
        "requested" => Ok(Held { policy, row, place }),
        decided => Err(AppError::Conflict(format!("the request is {decided}"))),
    }
}

/// Notes that a request is approved: this locked person has been given what it asked for. Returns what to audit.
pub(crate) async fn note_approved(
    app: &App,
    tx: &mut WriteTx,
    id: ExternalRequestId,
    user: UserId,
) -> Result<AuditEvent, AppError> {
    let Held { policy, row, place } = hold(app, tx, id).await?;
    let what = role_at(&policy, terms(&policy)?, place)?;
    let given = grants::of_person(tx, user).await?.into_iter().find(|grant| grant.what == what);
    let grant = given.ok_or_else(|| AppError::Internal("what was asked for was not given".to_owned()))?.id;
    let (by, now) = (giver(tx).await?, app.now());
    external_requests::decide(tx, id, Decided::Approved { user, grant }, (&by, now)).await?;
    let mut said = about(&policy, &row, place);
    said.insert("decision".to_owned(), json!("approved"));
    said.insert("user".to_owned(), json!(user));
    if let Some(invitation) = invitations::unaccepted_of(tx, user).await? {
        said.insert("invitation".to_owned(), json!(invitation.invitation_id()));
    }
    tx.announce(Outgoing {
        fact: "external.decided",
        subject_id: id.to_string(),
        payload: Value::Object(said),
    });
    let after = json!({"address": row.address, "user": user, "until": row.until});
    Ok(AuditEvent::new(Action::ExternalApprove, id).after(after))
}

impl App {
    /// Decides on a request. Who is approved is invited, or has the place besides those that they have.
    pub async fn decide_external(
        &self,
        admin: &AdminScope,
        tenant: &str,
        id: ExternalRequestId,
        decide: DecideExternal,
    ) -> Result<DecidedExternal, AppError> {
        self.show_external_request(admin, id).await?;
        let invited = match decide.decision {
            ExternalDecision::Approve => self.approve_external(admin, tenant, id, decide).await?,
            ExternalDecision::Reject => {
                self.reject_external(admin, id).await?;
                None
            }
        };
        Ok(DecidedExternal { request: self.show_external_request(admin, id).await?, invited })
    }

    async fn reject_external(&self, admin: &AdminScope, id: ExternalRequestId) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        hold_people(&mut tx, &[]).await?;
        let Held { policy, row, place } = hold(self, &mut tx, id).await?;
        let by = giver(&mut tx).await?;
        external_requests::decide(&mut tx, id, Decided::Rejected, (&by, now)).await?;
        let mut said = about(&policy, &row, place);
        said.insert("decision".to_owned(), json!("rejected"));
        tx.announce(Outgoing {
            fact: "external.decided",
            subject_id: id.to_string(),
            payload: Value::Object(said),
        });
        let event = AuditEvent::new(Action::ExternalReject, id).after(json!({"address": row.address}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(())
    }

    async fn approve_external(
        &self,
        admin: &AdminScope,
        tenant: &str,
        id: ExternalRequestId,
        decide: DecideExternal,
    ) -> Result<Option<Invited>, AppError> {
        // Whoever may not decide is told so before anything about who is there.
        let mut tx = self.db.begin(admin.scope()).await?;
        hold_people(&mut tx, &[]).await?;
        let Held { policy, row, place } = hold(self, &mut tx, id).await?;
        tx.nothing_changed().await?;
        let terms = terms(&policy)?;
        check_plan(&policy, terms)?;
        let what = role_at(&policy, terms, place)?;
        if row.is_over(self.now()) {
            return Err(AppError::Conflict("the time that was asked for is over".to_owned()));
        }
        let mut tx = self.db.read(admin.scope()).await?;
        let whom = Whom { address: Some(row.address.clone()), ..Whom::default() };
        let there = people::list(&mut tx, whom, Slice { offset: 0, limit: 2 }).await?;
        tx.finish().await?;
        match there.as_slice() {
            [] => {
                let local = self.local_people(admin).await?;
                let invite = Invite {
                    address: row.address,
                    language: decide.language,
                    mail: decide.mail,
                    ..Invite::default()
                };
                let start =
                    Start { gives: vec![gives(what, &policy)], approved: Some(id), ..Start::default() };
                let (id, link) = self.bring_with(&local, tenant, &policy, invite, start).await?;
                Ok(Some(Invited { invitation: self.just_made(admin, &policy, id).await?, link }))
            }
            [one] => self.let_in_besides(admin, id, one.id).await.map(|()| None),
            _ => Err(is_there()),
        }
    }

    /// Gives somebody who is there the place that was asked for, if they are of another company too. Whoever was shut out is let in
    /// again, with nothing but roles for such people.
    async fn let_in_besides(
        &self,
        admin: &AdminScope,
        id: ExternalRequestId,
        user: UserId,
    ) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        hold_people(&mut tx, &[user]).await?.pop().ok_or_else(is_there)?;
        let (policy, _) = subject(self, &mut tx, user).await?;
        let person = users::lock_local(&mut tx, user).await?.filter(|person| person.frozen_at.is_none());
        let person = person.ok_or_else(is_there)?;
        let row =
            external_requests::lock(&mut tx, id).await?.ok_or(AppError::NotFound("external request"))?;
        let what = role_at(&policy, terms(&policy)?, row.place()?)?;
        let mut events = Vec::new();
        if !person.user.resource().active() {
            events.extend(self.forget_places(&mut tx, &policy, user).await?);
        }
        let Placed { grant, replaced } = place(self, &mut tx, user, what).await?;
        external_requests::replace(&mut tx, &replaced).await?;
        let mut audit = Audit::of(given(grant, &policy, user));
        audit.extend(events);
        audit.push(note_approved(self, &mut tx, id, user).await?);
        audit.extend(self.let_back_in(&mut tx, &policy, &person).await?);
        self.commit(tx, audit, now).await?;
        Ok(())
    }

    /// Takes from somebody who was shut out the places that they had: nobody has asked for these again.
    async fn forget_places(
        &self,
        tx: &mut WriteTx,
        policy: &Policy,
        user: UserId,
    ) -> Result<Vec<AuditEvent>, AppError> {
        let role = terms(policy)?.role.get_ref();
        let so_far = grants::of_person(tx, user).await?;
        if so_far.iter().any(|it| !matches!(&it.what, Outcome::Role { role: held, .. } if held == role)) {
            return Err(is_there());
        }
        let ids: Vec<GrantId> = so_far.iter().map(|grant| grant.id).collect();
        grants::take(tx, &ids).await?;
        external_requests::replace(tx, &ids).await?;
        Ok(so_far.into_iter().map(|grant| taken(grant, policy, user)).collect())
    }

    /// Computes the access of somebody who was given a place, and lets them in again if they were shut out.
    async fn let_back_in(
        &self,
        tx: &mut WriteTx,
        policy: &Policy,
        person: &LockedUser,
    ) -> Result<Vec<AuditEvent>, AppError> {
        let (user, before) = (person.user.user_id(), person.user.resource());
        let comes_back = !before.active();
        let mut events = Vec::new();
        if comes_back {
            let mut after = before.as_map().clone();
            after.insert("active".to_owned(), Value::Bool(true));
            users::update(tx, user, &before, &Resource::from_stored(after), self.now())?;
            let event = AuditEvent::new(Action::UserReactivate, user);
            events.push(event.before(json!({"active": false})).after(json!({"active": true})));
        }
        events.extend(reevaluate_decided(self, tx, &[user]).await?);
        let (_, access) = subject(self, tx, user).await?;
        let is_given = |reasons: &[Reason]| reasons.iter().any(Reason::gives);
        if access.roles.iter().any(|held| is_given(&held.reasons) && !is_external(policy, held))
            || access.flags.iter().any(|held| is_given(&held.reasons))
        {
            return Err(is_there());
        }
        if comes_back {
            events.extend(claim(self, tx, &[user], claims_of_comer(policy)).await?);
            let effects = effects(PersonState::Inactive, PersonState::Active);
            announce(tx, user, &effects, &["active".to_owned()]);
        }
        Ok(events)
    }
}

/// Whoever comes back is in, so that they are counted whatever the product does with those who were invited.
fn claims_of_comer(policy: &Policy) -> Claims {
    match claims(policy) {
        Claims::Nothing => Claims::ByWhoeverActs,
        claims => claims,
    }
}

fn is_there() -> AppError {
    AppError::Conflict("somebody of this address is there already".to_owned())
}
