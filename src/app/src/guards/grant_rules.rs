//! The grant rules of the product, held to whoever acts in person. An administrator's program that acts for nobody is the
//! operator's, who is bound by invariants alone; so is an identity provider.
//!
//! Whoever acts is locked with those to whom something is done, so that what they may is what they may until the end of the
//! transaction: of two people who take each other's rights one comes too late.

use std::sync::Arc;

use domain::access::{EffectiveAccess, Policy};
use domain::blueprint::{Deed, EmailChange};
use domain::deed::{Act, Sight, Verdict, deed_to, deeds_between, may, sight};
use domain::id::UserId;
use store::{AdminScope, Reads, WriteTx, access, people, rules};

use crate::App;
use crate::error::AppError;

/// Whoever acts in person, as they are now.
pub(crate) struct Acting {
    user: UserId,
    access: EffectiveAccess,
}

/// Locks these people, and whoever acts in person with them. Returns whom of these there are.
pub(crate) async fn hold_people(tx: &mut WriteTx, to: &[UserId]) -> Result<Vec<UserId>, AppError> {
    let actor = tx.scope().actor().person();
    let everybody: Vec<UserId> = to.iter().copied().chain(actor).collect();
    let mut found = people::lock_all(tx, &everybody).await?;
    if actor.is_some_and(|actor| !found.contains(&actor)) {
        return Err(nobody_acts());
    }
    found.retain(|user| to.contains(user));
    Ok(found)
}

pub(crate) fn nobody_acts() -> AppError {
    AppError::Forbidden("The person who acts is not there or not active.".to_owned())
}

impl Acting {
    /// Whoever acts in person in this transaction, which has locked them.
    pub(crate) async fn now(tx: &mut WriteTx) -> Result<Option<Self>, AppError> {
        let Some(user) = tx.scope().actor().person() else { return Ok(None) };
        rules::hold(tx);
        let access = access::of_person(tx, user).await?.ok_or_else(nobody_acts)?;
        Ok(Some(Self { user, access }))
    }

    /// Refuses what one of these acts must not be.
    pub(crate) fn check(&self, policy: &Policy, acts: &[Act<'_>]) -> Result<(), AppError> {
        for act in acts {
            let deed = act.deeds.first().copied().unwrap_or(Deed::ChangePermission);
            match may(policy, &self.access, act) {
                Verdict::Allowed { .. } => {}
                Verdict::Denied { by } => return Err(AppError::GrantRule { deed, rule: Some(by) }),
                Verdict::NotAllowed => return Err(AppError::GrantRule { deed, rule: None }),
            }
        }
        Ok(())
    }

    /// Refuses to change what somebody may do from `before` to `after`.
    pub(crate) fn check_change(
        &self,
        policy: &Policy,
        user: UserId,
        before: Option<&EffectiveAccess>,
        after: Option<&EffectiveAccess>,
    ) -> Result<(), AppError> {
        self.check(policy, &deeds_between(policy, before, after, self.is(user)))
    }

    /// Whether they act on themselves.
    pub(crate) fn is(&self, user: UserId) -> bool {
        self.user == user
    }
}

/// Whom this caller sees: an administrator's program everybody; a person in person those to whom they may do this, or anything
/// at all if nothing is named.
pub(crate) async fn sight_of(
    tx: &mut impl Reads,
    admin: &AdminScope,
    policy: &Policy,
    deed: Option<Deed>,
) -> Result<Sight, AppError> {
    let Some(actor) = admin.scope().actor().person() else { return Ok(Sight::Everybody) };
    let access = access::of_person(tx, actor).await?.ok_or_else(nobody_acts)?;
    Ok(sight(policy, &access, deed))
}

/// What a locked person may do now, without regard to seats, and the policy in force, which the transaction holds.
pub(crate) async fn subject(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
) -> Result<(Arc<Policy>, EffectiveAccess), AppError> {
    rules::hold(tx);
    let person = access::facts(tx, &[user]).await?.pop().ok_or(AppError::NotFound("user"))?;
    let policy = app.policies.get(tx, person.policy_version).await?;
    let stored = person.stored.ok_or(AppError::NotFound("user"))?;
    Ok((policy, EffectiveAccess::clone(&*stored.access()?)))
}

/// Refuses to delete a locked person.
pub(crate) async fn may_delete(app: &App, tx: &mut WriteTx, user: UserId) -> Result<(), AppError> {
    let Some(acting) = Acting::now(tx).await? else { return Ok(()) };
    let (policy, of) = subject(app, tx, user).await?;
    acting.check_change(&policy, user, Some(&of), None)
}

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Refuses to edit these attributes of a locked person. What follows from the edit for their access is checked when it is
/// computed.
pub(crate) async fn may_edit(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    attributes: &[String],
) -> Result<(), AppError> {
    let readdressed = attributes.iter().any(|attribute| attribute == "emails");
    let acting = Acting::now(tx).await?;
    if acting.is_none() && !(readdressed && tx.scope().actor().by_hand()) {
        return Ok(());
    }
    let (policy, of) = subject(app, tx, user).await?;
    if let Some(acting) = acting {
        check_edit(&policy, &acting, (user, &of), attributes)?;
    }
    let email = policy.blueprint.product().email.as_ref();
    if readdressed && email.is_some_and(|email| email.change == EmailChange::ByNewPerson) {
        return Err(AppError::Conflict(
            "in this product nobody's address is changed: add a new person who holds the same (`like`), then remove this one"
                .to_owned(),
        ));
    }
    Ok(())
}

fn check_edit(
    policy: &Policy,
    acting: &Acting,
    (user, of): (UserId, &EffectiveAccess),
    attributes: &[String],
) -> Result<(), AppError> {
    for attribute in attributes {
        let deed = match attribute.as_str() {
            "emails" => Deed::ChangeEmail,
            ENTERPRISE => Deed::ChangeHome,
            // Whoever is shut out or let in again has another access afterwards.
            "active" => continue,
            other => return Err(AppError::Forbidden(format!("No grant rule is about {other}."))),
        };
        acting.check(policy, &[deed_to(policy, deed, of, acting.is(user))])?;
    }
    Ok(())
}
