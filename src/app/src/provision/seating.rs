//! Seats, as what happens to people asks for them: who comes, who leaves, and who needs another seat than before. Knows at which door
//! somebody comes and what is said there; how a seat is counted, the store knows.

use std::collections::HashMap;
use std::pin::Pin;

use chrono::{DateTime, Utc};
use domain::access::Policy;
use domain::audit::{Action, Actor, Audit, AuditEvent};
use domain::blueprint::Blueprint;
use domain::id::{SeatPoolId, UserId};
use domain::seat::{AtLimit, Chosen, Door, PoolClass};
use serde_json::{Value, json};
use store::audit::Outgoing;
use store::seat_pools::{self, OfInvited};
use store::seats::{self, Asked, Claimed, Promoted, Told, Word};
use store::{Reads, WriteTx};

use crate::App;
use crate::error::AppError;

/// What somebody who comes asks of the seat pools.
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

/// By what people ask for seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// By coming, at a door.
    Door(Door),
    /// By a change of the policy, which stands already: nobody is refused.
    Policy,
}

/// What every use case ends with, apart from the use case: it would make each of them larger.
type Committing<'a> = Pin<Box<dyn Future<Output = Result<(), AppError>> + Send + 'a>>;

impl App {
    /// Makes everything permanent that a transaction did, with the seats that follow from what people hold now.
    pub(crate) fn commit(&self, mut tx: WriteTx, mut audit: Audit, now: DateTime<Utc>) -> Committing<'_> {
        Box::pin(async move {
            audit.extend(reseat(self, &mut tx).await?);
            Ok(tx.commit(audit, now, &*self.entropy).await?)
        })
    }
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
    Box::pin(seat(app, tx, people, By::Door(door))).await
}

/// Asks for the seats of those whose access, computed in this transaction, needs another than before. Last, because the pools' rows
/// are everybody's. Returns what to audit.
pub(crate) async fn reseat(app: &App, tx: &mut WriteTx) -> Result<Vec<AuditEvent>, AppError> {
    let door = door_of(tx.scope().actor());
    reseat_by(app, tx, By::Door(door)).await
}

/// The same where the policy has changed, which nobody can be refused by.
pub(crate) async fn reseat_by_policy(app: &App, tx: &mut WriteTx) -> Result<Vec<AuditEvent>, AppError> {
    Box::pin(reseat_by(app, tx, By::Policy)).await
}

async fn reseat_by(app: &App, tx: &mut WriteTx, by: By) -> Result<Vec<AuditEvent>, AppError> {
    let people = tx.unseated();
    if people.is_empty() || seat_pools::all(tx).await?.is_empty() {
        return Ok(Vec::new());
    }
    let (_, policy) = app.policies.in_force(tx).await?;
    let people = seat_pools::counted(tx, &people, invited(&policy.blueprint)).await?;
    if people.is_empty() { Ok(Vec::new()) } else { seat(app, tx, &people, by).await }
}

/// How many seats would be used in all if these people, of whom some need none, needed seats of these classes; by a policy that is not in force.
/// The transaction is to be given up.
pub(crate) async fn rehearse_seats(
    tx: &mut WriteTx,
    policy: &Policy,
    needs: HashMap<UserId, Option<String>>,
    now: DateTime<Utc>,
) -> Result<i32, AppError> {
    let people: Vec<UserId> = needs.keys().copied().collect();
    let people = seat_pools::counted(tx, &people, invited(&policy.blueprint)).await?;
    let asked = seats::ask(tx, &people).await?.needing(needs);
    let words = asked.short().map(|pool| (pool.id, word(&policy.blueprint, &pool.chosen, By::Policy)));
    let words = words.collect();
    asked.answer(tx, &words, now).await?;
    Ok(seat_pools::all(tx).await?.used())
}

/// Whether a seat is kept for those who were invited.
pub(crate) fn invited(product: &Blueprint) -> OfInvited {
    if product.counts_the_invited() { OfInvited::Counted } else { OfInvited::NotCounted }
}

async fn seat(app: &App, tx: &mut WriteTx, people: &[UserId], by: By) -> Result<Vec<AuditEvent>, AppError> {
    let asked = seats::ask(tx, people).await?;
    let words = words(app, tx, &asked, by).await?;
    let (told, promoted) = asked.answer(tx, &words, app.now()).await?;
    let mut events = Vec::new();
    for one in told {
        if one.claimed == Claimed::Refused {
            return Err(match by {
                By::Door(Door::Manual | Door::Invite) => AppError::SeatsTaken,
                By::Door(_) | By::Policy => AppError::NoSeat,
            });
        }
        events.extend(announce_told(tx, &one));
    }
    events.extend(announce_promoted(tx, &promoted));
    Ok(events)
}

/// What happens in the pools to those for whom there is no seat.
async fn words(
    app: &App,
    tx: &mut WriteTx,
    asked: &Asked,
    by: By,
) -> Result<HashMap<SeatPoolId, Word>, AppError> {
    let mut words = HashMap::new();
    for pool in asked.short() {
        // What the tenant said of a door needs no product.
        let said = match by {
            By::Door(door) => pool.chosen.alone(door).filter(|word| *word != AtLimit::Downgrade),
            By::Policy => None,
        };
        let word = if let Some(at_limit) = said {
            of_door(at_limit, by, None)
        } else {
            let known = asked.policy_version().and_then(|version| app.policies.known(tx.tenant(), version));
            let policy = match known {
                Some(policy) => policy,
                None => app.policies.in_force(tx).await?.1,
            };
            word(&policy.blueprint, &pool.chosen, by)
        };
        words.insert(pool.id, word);
    }
    Ok(words)
}

fn word(product: &Blueprint, chosen: &Chosen, by: By) -> Word {
    let door = match by {
        By::Door(door) => door,
        By::Policy => Door::Directory,
    };
    let at_limit = chosen.at(door, product.at_limit(door));
    of_door(at_limit, by, meanwhile(product, at_limit))
}

/// Whoever has a seat of another class goes on with it and waits, unless somebody is there to be told that there is none.
fn of_door(at_limit: AtLimit, by: By, meanwhile: Option<String>) -> Word {
    let rather_wait = |word| if word == AtLimit::Refuse { AtLimit::Waitlist } else { word };
    match by {
        By::Door(Door::Manual | Door::Invite) => Word { at_limit, to_holders: at_limit, meanwhile },
        By::Door(_) => Word { at_limit, to_holders: rather_wait(at_limit), meanwhile },
        By::Policy => Word { at_limit: rather_wait(at_limit), to_holders: rather_wait(at_limit), meanwhile },
    }
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

/// Releases a locked person's seat or place in line, and passes it on. Returns what to audit.
pub(super) async fn release(app: &App, tx: &mut WriteTx, user: UserId) -> Result<Vec<AuditEvent>, AppError> {
    let released = seats::release(tx, user, "release", app.now()).await?;
    let mut events: Vec<AuditEvent> =
        released.held.iter().map(|pool| announce_left(tx, user, pool)).collect();
    events.extend(announce_promoted(tx, &released.promoted));
    Ok(events)
}

/// What to say and to audit of those who came to a seat because somebody else left or more seats were bought.
pub(crate) fn announce_promoted(tx: &mut WriteTx, promoted: &[Promoted]) -> Vec<AuditEvent> {
    let mut events = Vec::with_capacity(promoted.len());
    for it in promoted {
        events.extend(it.left.iter().map(|pool| announce_left(tx, it.user, pool)));
        tx.announce(Outgoing {
            fact: "seat.granted",
            subject_id: it.user.to_string(),
            payload: payload(it.user, &it.pool, None),
        });
        events.push(event(Action::SeatPromote, it.user, &it.pool, None));
    }
    events
}

/// What to say and to audit of somebody who asked.
fn announce_told(tx: &mut WriteTx, told: &Told) -> Vec<AuditEvent> {
    let Told { user, claimed, pool, left, meanwhile } = told;
    let mut events: Vec<AuditEvent> = left.iter().map(|pool| announce_left(tx, *user, pool)).collect();
    let meanwhile = meanwhile.as_deref();
    let (subject_id, payload) = (user.to_string(), payload(*user, pool, meanwhile));
    let (action, told) = match claimed {
        Claimed::Seated => (Action::SeatGrant, Outgoing { fact: "seat.granted", subject_id, payload }),
        Claimed::Waiting => (Action::SeatWait, Outgoing { fact: "seat.waiting", subject_id, payload }),
        Claimed::AsBefore | Claimed::Refused | Claimed::NotCounted => return events,
    };
    tx.announce(told);
    events.push(event(action, *user, pool, meanwhile));
    events
}

/// What to say and to audit of somebody who gave a seat back.
fn announce_left(tx: &mut WriteTx, user: UserId, pool: &PoolClass) -> AuditEvent {
    tx.announce(Outgoing {
        fact: "seat.released",
        subject_id: user.to_string(),
        payload: payload(user, pool, None),
    });
    event(Action::SeatRelease, user, pool, None)
}

fn payload(user: UserId, pool: &PoolClass, meanwhile: Option<&str>) -> Value {
    let mut payload = details(pool, meanwhile);
    payload.insert("user".to_owned(), json!(user));
    Value::Object(payload)
}

fn event(action: Action, user: UserId, pool: &PoolClass, meanwhile: Option<&str>) -> AuditEvent {
    let details = details(pool, meanwhile);
    let event = AuditEvent::new(action, user);
    if details.is_empty() { event } else { event.after(Value::Object(details)) }
}

/// Of which pool's seat an event tells.
pub(crate) fn pool_of(event: &AuditEvent) -> PoolClass {
    let class = event.after.as_ref().and_then(|after| after.get("class")).and_then(Value::as_str);
    PoolClass::of(class.map(str::to_owned))
}

/// What is said of a seat beside whose it is: its class, where it is of a pool of its own, and the role that somebody has meanwhile.
fn details(pool: &PoolClass, meanwhile: Option<&str>) -> serde_json::Map<String, Value> {
    let class = pool.class().map(|class| ("class".to_owned(), json!(class)));
    let role = meanwhile.map(|role| ("meanwhile".to_owned(), json!(role)));
    class.into_iter().chain(role).collect()
}
