//! The last holders of a role that the blueprint protects. What a person does to them is refused; what a directory does
//! happens, unless the blueprint says otherwise, and is alarmed.

use std::collections::BTreeMap;

use domain::access::EffectiveAccess;
use domain::audit::{Action, AuditEvent};
use domain::blueprint::Blueprint;
use domain::id::UserId;
use domain::invariant::{Broken, Origin, Response, broken_by};
use serde_json::json;
use store::audit::Outgoing;
use store::{WriteTx, guards, rules};

use crate::App;
use crate::error::AppError;

/// Somebody who lost a protected role in this transaction.
pub(crate) struct Lost {
    user: UserId,
    before: EffectiveAccess,
    after: Option<EffectiveAccess>,
}

/// Whether an access has a role that the tenant must not run out of.
pub(crate) fn holds_guarded(blueprint: &Blueprint, access: &EffectiveAccess) -> bool {
    blueprint.invariants().iter().any(|it| holds(access, it.role()))
}

fn holds(access: &EffectiveAccess, role: &str) -> bool {
    access.roles.iter().any(|held| held.role == role)
}

impl Lost {
    /// What somebody lost, if it was a protected role.
    pub(crate) fn between(
        blueprint: &Blueprint,
        user: UserId,
        before: &EffectiveAccess,
        after: &EffectiveAccess,
    ) -> Option<Self> {
        let lost = |role: &str| holds(before, role) && !holds(after, role);
        let any = blueprint.invariants().iter().any(|it| lost(it.role()));
        any.then(|| Self { user, before: before.clone(), after: Some(after.clone()) })
    }
}

/// Refuses or alarms what was lost, by how many are left when all that the transaction has written is counted.
pub(crate) async fn check(
    tx: &mut WriteTx,
    blueprint: &Blueprint,
    lost: &[Lost],
) -> Result<Vec<AuditEvent>, AppError> {
    judge(tx, blueprint, lost, None).await
}

/// The same for somebody whose row is about to go.
pub(crate) async fn before_deletion(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
) -> Result<Vec<AuditEvent>, AppError> {
    rules::hold(tx);
    let Some((before, version)) = guards::guarded(tx, user).await? else { return Ok(Vec::new()) };
    let policy = app.policies.get(tx, version).await?;
    if !holds_guarded(&policy.blueprint, &before) {
        return Ok(Vec::new());
    }
    let lost = [Lost { user, before, after: None }];
    judge(tx, &policy.blueprint, &lost, Some(user)).await
}

async fn judge(
    tx: &mut WriteTx,
    blueprint: &Blueprint,
    lost: &[Lost],
    leaving: Option<UserId>,
) -> Result<Vec<AuditEvent>, AppError> {
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    guards::serialise_losses(tx);
    let mut remaining = BTreeMap::new();
    for invariant in blueprint.invariants() {
        // `broken_by` counts the one who loses the role among its holders.
        let left = guards::holders(tx, invariant.role(), leaving).await?;
        remaining.insert(invariant.role().to_owned(), left.saturating_add(1));
    }
    let origin = if tx.scope().actor().by_hand() { Origin::Manual } else { Origin::IdentityProvider };
    let mut events = Vec::new();
    for Lost { user, before, after } in lost {
        for broken in broken_by(blueprint, &remaining, Some(before), after.as_ref()) {
            match broken.response(origin) {
                Response::Reject => {
                    let Broken { invariant, role, minimum, .. } = broken;
                    return Err(AppError::LastHolder { invariant, role, minimum });
                }
                Response::Hold | Response::ProceedAndAlert => events.push(alarm(tx, *user, &broken)),
            }
        }
    }
    Ok(events)
}

fn alarm(tx: &mut WriteTx, user: UserId, broken: &Broken) -> AuditEvent {
    let after = json!({
        "invariant": broken.invariant, "role": broken.role, "minimum": broken.minimum, "remaining": broken.remaining,
    });
    tracing::warn!(invariant = %broken.invariant, "A directory took a protected role from its last holder");
    tx.announce(Outgoing {
        fact: "access.alarm",
        subject_id: user.to_string(),
        payload: json!({"user": user, "role": broken.role, "remaining": broken.remaining}),
    });
    AuditEvent::new(Action::AccessAlarm, user).after(after)
}
