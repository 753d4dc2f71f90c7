//! What follows from somebody's change of access for what they leave behind, in the same transaction. Knows places and receivers;
//! asks nothing that could refuse the change.

use chrono::TimeDelta;
use domain::access::EffectiveAccess;
use domain::audit::{Action, AuditEvent};
use domain::blueprint::Blueprint;
use domain::handover::{Left, entered, left, places};
use domain::id::{HandoverId, UserId};
use domain::mapping::ScopeRef;
use scim::resource::Resource;
use serde_json::json;
use store::access::{PersonFacts, Stored};
use store::audit::Outgoing;
use store::handovers::{self, HandoverRow, NewHandover};
use store::people::{self, PersonRow, Whom};
use store::users::Slice;
use store::{AdminScope, WriteTx, access, rules};

use super::terms::{InForce, in_force};
use super::{event, fail, payload, unsuited};
use crate::App;
use crate::error::AppError;
use crate::people::PeopleQuery;

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value";

/// When what somebody leaves is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once: somebody has done it to them by hand.
    AtOnce,
    /// After the tenant's time of grace. Identity providers move people between groups by taking them out and putting them in,
    /// and who changes the policy may want to take it back.
    AfterGrace,
}

impl Pace {
    /// How fast it goes after what is done to somebody here.
    pub(crate) fn of(tx: &WriteTx) -> Self {
        if tx.scope().actor().by_hand() { Self::AtOnce } else { Self::AfterGrace }
    }
}

/// Somebody who has left places, or is back at some.
#[derive(Debug)]
pub(crate) struct Moved {
    user: UserId,
    left: Vec<Left>,
    back: Vec<ScopeRef>,
    manager: Option<UserId>,
}

impl Moved {
    /// Whether somebody has left a place or come to one, where the product hands things over.
    pub(crate) fn between(
        blueprint: &Blueprint,
        person: &PersonFacts,
        before: Option<&EffectiveAccess>,
        after: &EffectiveAccess,
    ) -> Result<Option<Self>, AppError> {
        let Some(before) = before.filter(|_| blueprint.product().offboarding.is_some()) else {
            return Ok(None);
        };
        let left = left(before, Some(after));
        let back: Vec<ScopeRef> = entered(before, after).into_iter().collect();
        if left.is_empty() && back.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { user: person.user, left, back, manager: manager(&person.document.resource()?) }))
    }
}

fn manager(resource: &Resource) -> Option<UserId> {
    resource.values_at(MANAGER).first().and_then(|id| id.parse().ok())
}

/// Opens what these locked people leave, and cancels what was open of those who are back. Returns what to audit.
pub(crate) async fn follow(
    app: &App,
    tx: &mut WriteTx,
    blueprint: &Blueprint,
    moved: &[Moved],
    pace: Pace,
) -> Result<Vec<AuditEvent>, AppError> {
    let Some(product) = &blueprint.product().offboarding else { return Ok(Vec::new()) };
    let mut events = cancel(app, tx, moved).await?;
    if moved.iter().any(|moved| !moved.left.is_empty()) {
        let terms = in_force(tx, product).await?;
        events.extend(open(app, tx, (&product.things, &terms), moved, pace).await?);
    }
    Ok(events)
}

async fn cancel(app: &App, tx: &mut WriteTx, moved: &[Moved]) -> Result<Vec<AuditEvent>, AppError> {
    let back: Vec<(UserId, ScopeRef)> =
        moved.iter().flat_map(|moved| moved.back.iter().map(|place| (moved.user, *place))).collect();
    if back.is_empty() {
        return Ok(Vec::new());
    }
    let mut events = Vec::new();
    for row in handovers::cancel(tx, &back, app.now()).await? {
        // Who was told of it must hear that it is over.
        if row.attempts > 0 {
            let (subject_id, payload) = (row.user().to_string(), payload(&row, [])?);
            tx.announce(Outgoing { fact: "handover.cancelled", subject_id, payload });
        }
        events.push(event(Action::HandoverCancel, &row)?);
    }
    Ok(events)
}

async fn open(
    app: &App,
    tx: &mut WriteTx,
    (things, terms): (&[String], &InForce),
    moved: &[Moved],
    pace: Pace,
) -> Result<Vec<AuditEvent>, AppError> {
    let now = app.now();
    let wait = if pace == Pace::AtOnce { TimeDelta::zero() } else { terms.grace };
    let due = now + wait;
    // What is done by hand goes where whoever does it says, else to nobody.
    let wanted = |moved: &Moved| terms.receiver(moved.manager).filter(|_| pace == Pace::AfterGrace);
    let receivers = load(tx, moved.iter().filter_map(wanted).collect()).await?;
    let mut ids = HandoverId::series(now, &*app.entropy);
    let mut all = Vec::new();
    for moved in moved {
        for left in &moved.left {
            let (receiver, answer) = match wanted(moved) {
                None => (None, None),
                Some(to) => {
                    let found = receivers.iter().find(|person| person.id == to);
                    match unsuited(found, moved.user, &left.place) {
                        None => (Some(to), None),
                        Some(why) => (None, Some(format!("to nobody: {why}"))),
                    }
                }
            };
            for thing in things {
                all.extend(ids.next().map(|id| NewHandover {
                    id,
                    user: moved.user,
                    place: left.place.clone(),
                    roles: left.roles.clone(),
                    thing: thing.clone(),
                    receiver,
                    answer: answer.clone(),
                }));
            }
        }
    }
    let opened = handovers::open(tx, &all, (now, due)).await?;
    let opened = all.into_iter().filter(|new| opened.contains(&new.id));
    Ok(opened
        .map(|new| {
            let after = json!({
                "handover": new.id, "place": new.place, "thing": new.thing, "to": new.receiver, "answer": new.answer,
                "dueAt": due,
            });
            AuditEvent::new(Action::HandoverOpen, new.user).after(after)
        })
        .collect())
}

/// Those of these people who are there.
async fn load(tx: &mut WriteTx, mut ids: Vec<UserId>) -> Result<Vec<PersonRow>, AppError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    ids.sort();
    ids.dedup();
    let most = Slice { offset: 0, limit: i64::try_from(ids.len()).unwrap_or(i64::MAX) };
    Ok(people::list(tx, Whom { among: Some(ids), ..Whom::default() }, most).await?)
}

/// The same for a locked person whose row is about to go, and who may have become somebody else, who is locked too.
pub(crate) async fn before_burial(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    became: Option<UserId>,
) -> Result<Vec<AuditEvent>, AppError> {
    rules::hold(tx);
    let version = rules::version(tx).await?;
    let policy = app.policies.get(tx, version).await?;
    if policy.blueprint.product().offboarding.is_none() {
        return Ok(Vec::new());
    }
    let both: Vec<UserId> = [user].into_iter().chain(became).collect();
    let facts = access::facts(tx, &both).await?;
    let of = |user: UserId| facts.iter().find(|person| person.user == user);
    let stored = |user: UserId| of(user).and_then(|person| person.stored.as_ref()).map(Stored::access);
    let (Some(person), Some(before)) = (of(user), stored(user).transpose()?) else { return Ok(Vec::new()) };
    let after = became.and_then(stored).transpose()?;
    if let Some(became) = became {
        handovers::move_to(tx, user, became);
    }
    let moved = Moved {
        user: became.unwrap_or(user),
        left: left(&before, after.as_deref()),
        back: after.as_deref().map(places).unwrap_or_default().into_iter().collect(),
        manager: manager(&person.document.resource()?),
    };
    follow(app, tx, &policy.blueprint, &[moved], Pace::of(tx)).await
}

/// To whom whoever asks has chosen that things go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen<'a> {
    /// Who asks: whom they do not see, they cannot choose.
    pub(crate) by: &'a AdminScope,
    /// Who is to get it.
    pub(crate) to: UserId,
    /// Those who leave by the same request.
    pub(crate) leaving: &'a [UserId],
}

impl<'a> Chosen<'a> {
    /// This person, if anybody is chosen.
    pub(crate) fn of(by: &'a AdminScope, to: Option<UserId>) -> Option<Self> {
        to.map(|to| Self { by, to, leaving: &[] })
    }
}

/// What somebody leaves by this request.
#[derive(Debug)]
pub(crate) struct Directed {
    /// What is left, and to whom it goes.
    pub(crate) left: Vec<HandoverRow>,
    /// What to audit.
    pub(crate) events: Vec<AuditEvent>,
}

/// Hands what somebody leaves by this request to whom whoever asks has chosen, if they have. Somebody who cannot receive it keeps
/// nobody from leaving: then it waits for an administrator.
pub(crate) async fn direct(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    chosen: Option<Chosen<'_>>,
) -> Result<Directed, AppError> {
    let opened = handovers::opened_here(tx, user).await?;
    let Some(Chosen { by, to, leaving }) = chosen.filter(|_| !opened.is_empty()) else {
        return Ok(Directed { left: opened, events: Vec::new() });
    };
    let receiver = seen_receiver(app, tx, by, to).await?;
    let (mut left, mut events) = (Vec::new(), Vec::new());
    for mut row in opened {
        row.receiver_id = Some(to.as_uuid());
        let why = match unsuited(receiver.as_ref(), user, &row.place()?) {
            None if leaving.contains(&to) => Some("who is to receive it leaves too"),
            why => why,
        };
        let event = if let Some(why) = why {
            row.receiver_id = None;
            let (failed, event) = fail(tx, row, why.to_owned(), app.now()).await?;
            row = failed;
            event
        } else {
            handovers::keep(tx, &row).await?;
            event(Action::HandoverRedirect, &row)?
        };
        events.push(event);
        left.push(row);
    }
    Ok(Directed { left, events })
}

/// Somebody who is to receive something, if the caller sees them.
pub(super) async fn seen_receiver(
    app: &App,
    tx: &mut WriteTx,
    admin: &AdminScope,
    to: UserId,
) -> Result<Option<PersonRow>, AppError> {
    let (_, whom) = app.seen(tx, admin, PeopleQuery::default(), None).await?;
    let found = people::list(tx, Whom { id: Some(to), ..whom }, Slice { offset: 0, limit: 1 }).await?;
    Ok(found.into_iter().next())
}
