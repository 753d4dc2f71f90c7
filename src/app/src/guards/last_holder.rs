//! The last holders of a role that the blueprint protects. What a person does to them is refused. A directory shuts them out if it
//! says so; the role it can only take if the blueprint lets it, else they keep it until enough others hold it. Both is alarmed.

use std::collections::BTreeMap;

use domain::access::{EffectiveAccess, HeldRole};
use domain::audit::{Action, AuditEvent};
use domain::blueprint::Blueprint;
use domain::id::UserId;
use domain::invariant::{Broken, Loss, Origin, Response, broken_by, held_roles};
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
    /// Whether their access can still be computed otherwise.
    open: bool,
}

/// Whether an access has a role that the tenant must not run out of.
pub(crate) fn holds_guarded(blueprint: &Blueprint, access: &EffectiveAccess) -> bool {
    blueprint.invariants().iter().any(|it| holds(access, it.role()))
}

/// Whether somebody is given a protected role who was not, whether they kept it or not.
pub(crate) fn gained(
    blueprint: &Blueprint,
    before: Option<&EffectiveAccess>,
    after: &EffectiveAccess,
) -> bool {
    let given = |access: &EffectiveAccess, role: &str| {
        holds(access, role) && !held_roles(access).iter().any(|kept| kept.role == role)
    };
    let before = |role: &str| before.is_some_and(|before| given(before, role));
    blueprint.invariants().iter().any(|it| given(after, it.role()) && !before(it.role()))
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
        any.then(|| Self { user, before: before.clone(), after: Some(after.clone()), open: true })
    }

    /// Their access until now.
    pub(crate) const fn before(&self) -> &EffectiveAccess {
        &self.before
    }

    /// The same where nothing is left that could give the role.
    pub(crate) fn for_good(self) -> Self {
        Self { open: false, ..self }
    }
}

/// What is to become of those who lost a protected role.
#[derive(Default)]
pub(crate) struct Judged {
    /// What the audit trail says of it.
    pub(crate) events: Vec<AuditEvent>,
    /// The roles that they keep.
    pub(crate) held: BTreeMap<UserId, Vec<HeldRole>>,
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
    let lost = [Lost { user, before, after: None, open: false }];
    let origin = origin(tx);
    Ok(judge(tx, &policy.blueprint, &lost, origin).await?.events)
}

/// Who asks for what a transaction does.
pub(crate) fn origin(tx: &WriteTx) -> Origin {
    if tx.scope().actor().by_hand() { Origin::Manual } else { Origin::IdentityProvider }
}

/// Refuses, holds or alarms what was lost, by how many are left when all that the transaction has written is counted.
pub(crate) async fn judge(
    tx: &mut WriteTx,
    blueprint: &Blueprint,
    lost: &[Lost],
    origin: Origin,
) -> Result<Judged, AppError> {
    let mut judged = Judged::default();
    if lost.is_empty() {
        return Ok(judged);
    }
    let losers: Vec<UserId> = lost.iter().map(|it| it.user).collect();
    // Whoever has yet to accept an invitation holds nothing, and is missed by nobody.
    let awaited = guards::yet_to_accept(tx, &losers).await?;
    guards::serialise_losses(tx);
    let mut remaining = BTreeMap::new();
    for invariant in blueprint.invariants() {
        // `broken_by` counts the one who loses the role among its holders.
        let left = guards::holders(tx, invariant.role(), &losers).await?;
        remaining.insert(invariant.role().to_owned(), left.saturating_add(1));
    }
    for Lost { user, before, after, open } in lost.iter().filter(|it| !awaited.contains(&it.user)) {
        let kept_already = held_roles(before);
        for broken in broken_by(blueprint, &remaining, Some(before), after.as_ref()) {
            // What was taken from them before was alarmed then, and is nobody's doing now.
            let kept = kept_already.iter().any(|held| held.role == broken.role);
            let again = *open && kept && broken.loss == Loss::Demoted;
            match broken.response(origin) {
                Response::Reject if !again => {
                    let Broken { invariant, role, minimum, .. } = broken;
                    return Err(AppError::LastHolder { invariant, role, minimum });
                }
                Response::Reject | Response::Hold if *open => {
                    judged.held.entry(*user).or_default().extend(broken.to_hold(before));
                    if !again {
                        judged.events.push(alarm(tx, *user, &broken, true));
                    }
                }
                Response::Reject | Response::Hold | Response::ProceedAndAlert => {
                    judged.events.push(alarm(tx, *user, &broken, false));
                }
            }
        }
    }
    Ok(judged)
}

fn alarm(tx: &mut WriteTx, user: UserId, broken: &Broken, held: bool) -> AuditEvent {
    let after = json!({
        "invariant": broken.invariant, "role": broken.role, "minimum": broken.minimum, "remaining": broken.remaining,
        "held": held,
    });
    tracing::warn!(invariant = %broken.invariant, held, "A protected role was taken from its last holder");
    tx.announce(Outgoing {
        fact: "access.alarm",
        subject_id: user.to_string(),
        payload: json!({"user": user, "role": broken.role, "remaining": broken.remaining, "held": held}),
    });
    AuditEvent::new(Action::AccessAlarm, user).after(after)
}
