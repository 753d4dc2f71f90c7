//! What follows from a person's change of state, in the same transaction. Knows the order of effects.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::audit::AuditEvent;
use domain::id::UserId;
use domain::lifecycle::{Effects, PersonState, effects};
use scim::resource::Resource;
use serde_json::json;
use store::access::{self, Ties};
use store::audit::Outgoing;
use store::{WriteTx, invitations, sessions};

use super::seating::{Claims, claim, release};
use crate::App;
use crate::access::{evaluate_new, reevaluate, reevaluate_decided, reevaluate_one};
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
    conclude(app, tx, (user, Ties::UNKNOWN), &effects, access, attributes).await
}

/// The same, and before it the document that a locked person has from now on.
pub(super) async fn change_and_settle(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    (before, after, now): (&Resource, &Resource, DateTime<Utc>),
    states: (PersonState, PersonState),
    attributes: &[String],
) -> Result<Vec<AuditEvent>, AppError> {
    let (facts, ties) = access::change(tx, user, (before, after), now).await?;
    let access = reevaluate_one(app, tx, facts).await?;
    conclude(app, tx, (user, ties), &effects(states.0, states.1), access, attributes).await
}

async fn conclude(
    app: &App,
    tx: &mut WriteTx,
    (user, ties): (UserId, Ties),
    effects: &Effects,
    access: Vec<AuditEvent>,
    attributes: &[String],
) -> Result<Vec<AuditEvent>, AppError> {
    // Last, because the pool's row is everybody's.
    let mut events = leave_by(app, tx, (user, ties), effects).await?;
    events.extend(access);
    if effects.claim_seat && ties.seats && is_counted(app, tx, user).await? {
        events.extend(claim(app, tx, &[user], Claims::default()).await?);
    }
    announce(tx, user, effects, attributes);
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
    let (mut events, terms) = evaluate_new(app, tx, alone.collect()).await?;
    let awaited: Vec<UserId> =
        people.iter().map(|(user, _)| *user).filter(|user| awaited.contains(user)).collect();
    events.extend(match allowed {
        Allowed::ByGrantRules => reevaluate(app, tx, &awaited).await?,
        Allowed::ByDecision => reevaluate_decided(app, tx, &awaited).await?,
    });
    let follows = |resource| effects(PersonState::Absent, state_of(resource));
    let seats = people.iter().filter(|(_, resource)| follows(resource).claim_seat);
    let seats: Vec<UserId> = seats.map(|(user, _)| *user).collect();
    if !seats.is_empty() && terms.is_none_or(|terms| terms.counts_seats) {
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
    leave_by(app, tx, (user, Ties::UNKNOWN), effects).await
}

/// The same, by what is known to hang on the person.
async fn leave_by(
    app: &App,
    tx: &mut WriteTx,
    (user, ties): (UserId, Ties),
    effects: &Effects,
) -> Result<Vec<AuditEvent>, AppError> {
    let mut events = Vec::new();
    if effects.revoke_sessions {
        keep_a_way_back(tx, Some(user)).await?;
    }
    if effects.revoke_sessions && ties.sessions {
        let ended = sessions::end_all(tx, &[user]).await?;
        events.extend(all_revoked(tx, ended));
    }
    if effects.release_seat && ties.seats {
        events.extend(release(app, tx, user).await?);
    }
    Ok(events)
}
