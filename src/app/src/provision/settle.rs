//! What follows from a person's change of state, in the same transaction. Knows the order of effects.

use std::collections::HashSet;

use domain::audit::{Action, Actor, AuditEvent};
use domain::blueprint::Blueprint;
use domain::id::UserId;
use domain::lifecycle::{Effects, PersonState, effects};
use domain::seat::{AtLimit, Door};
use scim::resource::Resource;
use serde_json::json;
use store::audit::Outgoing;
use store::seats::{self, Asked, Claimed};
use store::{Reads, WriteTx, invitations, sessions};

use crate::App;
use crate::access::{evaluate_new, reevaluate, reevaluate_decided};
use crate::error::AppError;
use crate::login::{all_revoked, keep_a_way_back};

/// The state that a document tells.
pub(crate) fn state_of(resource: &Resource) -> PersonState {
    state(resource.active())
}

/// The state of somebody who is let in, or is not.
pub(crate) fn state(is_let_in: bool) -> PersonState {
    if is_let_in { PersonState::Active } else { PersonState::Inactive }
}

/// Sessions, seat, access and announcements of a locked person whose row is written already. Returns what to audit.
pub(crate) async fn settle(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    (before, after): (PersonState, PersonState),
    attributes: &[String],
) -> Result<Vec<AuditEvent>, AppError> {
    let effects = effects(before, after);
    let access = if effects.reevaluate { reevaluate(app, tx, &[user]).await? } else { Vec::new() };
    // Last, because the pool's row is everybody's.
    let mut events = leave(app, tx, user, &effects).await?;
    events.extend(access);
    if effects.claim_seat && is_counted(app, tx, user).await? {
        events.extend(claim(app, tx, &[user], Claims::default()).await?);
    }
    announce(tx, user, &effects, attributes);
    Ok(events)
}

/// Whether somebody who is let in needs a seat: whoever has yet to accept an invitation does where the product counts them.
async fn is_counted(app: &App, tx: &mut WriteTx, user: UserId) -> Result<bool, AppError> {
    let (_, policy) = app.policies.in_force(tx).await?;
    Ok(policy.blueprint.counts_the_invited() || invitations::unaccepted_of(tx, user).await?.is_none())
}

/// Who says that somebody may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// The grant rules, to whoever acts in person.
    ByGrantRules,
    /// Whoever decided on a request for them.
    ByDecision,
}

/// Access, seats and announcements of people whose rows the transaction has written first. Some were awaited in groups.
/// Returns what to audit.
pub(super) async fn arrive(
    app: &App,
    tx: &mut WriteTx,
    people: &[(UserId, Resource)],
    awaited: &HashSet<UserId>,
    (claims, allowed): (Claims, Allowed),
) -> Result<Vec<AuditEvent>, AppError> {
    let alone = people.iter().filter(|(user, _)| !awaited.contains(user));
    let mut events = evaluate_new(app, tx, alone.collect()).await?;
    let awaited: Vec<UserId> =
        people.iter().map(|(user, _)| *user).filter(|user| awaited.contains(user)).collect();
    events.extend(match allowed {
        Allowed::ByGrantRules => reevaluate(app, tx, &awaited).await?,
        Allowed::ByDecision => reevaluate_decided(app, tx, &awaited).await?,
    });
    let follows = |resource| effects(PersonState::Absent, state_of(resource));
    let seats = people.iter().filter(|(_, resource)| follows(resource).claim_seat);
    let seats: Vec<UserId> = seats.map(|(user, _)| *user).collect();
    if !seats.is_empty() {
        events.extend(claim(app, tx, &seats, claims).await?);
    }
    for (user, resource) in people {
        let attributes: Vec<String> = resource.as_map().keys().cloned().collect();
        announce(tx, *user, &follows(resource), &attributes);
    }
    Ok(events)
}

/// The facts of a person's life, with the names of the attributes that came or changed.
pub(crate) fn announce(tx: &mut WriteTx, user: UserId, effects: &Effects, attributes: &[String]) {
    for fact in &effects.facts {
        tx.announce(Outgoing {
            fact: fact.name(),
            subject_id: user.to_string(),
            payload: json!({"user": user, "attributes": attributes}),
        });
    }
}

/// Ends sessions, releases the seat and passes it on, as far as the effects say so. For a person who is to be deleted
/// this runs before the row goes.
pub(crate) async fn leave(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    effects: &Effects,
) -> Result<Vec<AuditEvent>, AppError> {
    let mut events = Vec::new();
    if effects.revoke_sessions {
        keep_a_way_back(tx, Some(user)).await?;
        let ended = sessions::end_all(tx, &[user]).await?;
        events.extend(all_revoked(tx, ended));
    }
    if effects.release_seat {
        events.extend(release(app, tx, user).await?);
    }
    Ok(events)
}

/// What somebody who comes asks of the seat pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Claims {
    /// A seat, at the door that whoever acts uses.
    #[default]
    ByWhoeverActs,
    /// A seat, at this door.
    At(Door),
    /// Nothing yet.
    Nothing,
}

/// Claims seats for locked people. Returns what to audit.
pub(crate) async fn claim(
    app: &App,
    tx: &mut WriteTx,
    people: &[UserId],
    claims: Claims,
) -> Result<Vec<AuditEvent>, AppError> {
    let door = match claims {
        Claims::ByWhoeverActs => door_of(tx.scope().actor()),
        Claims::At(door) => door,
        Claims::Nothing => return Ok(Vec::new()),
    };
    let asked = seats::ask(tx, people).await?;
    let (at_limit, meanwhile) = at_limit(app, tx, &asked, door).await?;
    let meanwhile = meanwhile.as_deref();
    let mut events = Vec::new();
    for (user, claimed) in people.iter().zip(asked.answer(tx, (at_limit, meanwhile), app.now())) {
        let action = match claimed {
            Claimed::Held => Action::SeatGrant,
            Claimed::Waiting => Action::SeatWait,
            Claimed::Refused if matches!(door, Door::Manual | Door::Invite) => {
                return Err(AppError::SeatsTaken);
            }
            Claimed::Refused => return Err(AppError::NoSeat),
            Claimed::NotCounted => continue,
        };
        tx.announce(Outgoing {
            fact: if action == Action::SeatGrant { "seat.granted" } else { "seat.waiting" },
            subject_id: user.to_string(),
            payload: json!({"user": user}),
        });
        let event = AuditEvent::new(action, *user);
        let instead = meanwhile.filter(|_| action == Action::SeatWait);
        events.push(match instead {
            Some(role) => event.after(json!({"meanwhile": role})),
            None => event,
        });
    }
    Ok(events)
}

/// What happens at a door to those for whom there is no seat, and the role that they have while they wait.
async fn at_limit(
    app: &App,
    tx: &mut WriteTx,
    asked: &Asked,
    door: Door,
) -> Result<(AtLimit, Option<String>), AppError> {
    // If there is one for everybody, nothing happens.
    let Some(chosen) = asked.short() else { return Ok((AtLimit::Waitlist, None)) };
    if let Some(word) = chosen.alone(door).filter(|word| *word != AtLimit::Downgrade) {
        return Ok((word, None));
    }
    let known = asked.policy_version().and_then(|version| app.policies.known(tx.tenant(), version));
    let policy = match known {
        Some(policy) => policy,
        None => app.policies.in_force(tx).await?.1,
    };
    let word = chosen.at(door, policy.blueprint.at_limit(door));
    Ok((word, meanwhile(&policy.blueprint, word)))
}

/// The role that somebody has while they wait, where this happens at the limit and the product has such a role.
pub(crate) fn meanwhile(product: &Blueprint, at_limit: AtLimit) -> Option<String> {
    let role = product.role_without_seat().filter(|_| at_limit == AtLimit::Downgrade);
    role.map(|role| role.id().to_owned())
}

/// The door at which somebody comes because of what this one does.
fn door_of(actor: &Actor) -> Door {
    match actor {
        Actor::SignIn => Door::SignIn,
        _ if actor.by_hand() => Door::Manual,
        _ => Door::Directory,
    }
}

async fn release(app: &App, tx: &mut WriteTx, user: UserId) -> Result<Vec<AuditEvent>, AppError> {
    let released = seats::release(tx, user, "release", app.now()).await?;
    let mut events = Vec::new();
    if released.held {
        tx.announce(Outgoing {
            fact: "seat.released",
            subject_id: user.to_string(),
            payload: json!({"user": user}),
        });
        events.push(AuditEvent::new(Action::SeatRelease, user));
    }
    events.extend(announce_promoted(tx, &released.promoted));
    Ok(events)
}

/// What to say and to audit of those who came to a seat because somebody else left or more seats were bought.
pub(crate) fn announce_promoted(tx: &mut WriteTx, promoted: &[UserId]) -> Vec<AuditEvent> {
    promoted
        .iter()
        .map(|user| {
            tx.announce(Outgoing {
                fact: "seat.granted",
                subject_id: user.to_string(),
                payload: json!({"user": user}),
            });
            AuditEvent::new(Action::SeatPromote, *user)
        })
        .collect()
}
