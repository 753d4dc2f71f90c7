//! What leavers leave behind at a place, handed over by the product: tasks that are told again until they are done, and that
//! anybody can see. Knows when one opens and ends; does not know what the product does.
//!
//! A task opens in the transaction in which somebody loses their last role at a place (`follow`), whatever the reason, and adds
//! nothing to it that could refuse: nobody stays because of what they leave. `duty` tells the product when it is time, and again
//! until it has answered (`change`). Who is back by then keeps what they had.

mod change;
mod duty;
mod follow;
mod terms;

use chrono::{DateTime, Utc};
use domain::access::Scope;
use domain::audit::{Action, AuditEvent};
use domain::deed::Sight;
use domain::id::{HandoverId, UserId};
use domain::mapping::ScopeRef;
use serde::Serialize;
use serde_json::{Value, json};
use store::audit::Outgoing;
use store::handovers::{self, HandoverRow, Which};
use store::people::PersonRow;
use store::users::Slice;
use store::{AdminScope, WriteTx};
use utoipa::ToSchema;

pub use change::{HandoverOutcome, RedirectHandover, ReportHandover};
pub(crate) use follow::{Chosen, Directed, Moved, Pace, before_burial, direct, follow};
pub use terms::{ByDirectory, HandoverPolicyView, SetHandoverPolicy};

use crate::App;
use crate::error::AppError;
use crate::guards::sight_of;
use crate::people::place_of;
use crate::tenants::RuleScope;

/// Something that a leaver has left at a place.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandoverView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: HandoverId,
    /// Who left. They may be gone.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// Where, as the place was called then.
    pub at: RuleScope,
    /// What is left, in the product's word.
    #[schema(example = "contact")]
    pub thing: String,
    /// Who is to get it; nobody, if there is none.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub to: Option<UserId>,
    /// `open`, `done`, `failed` or `cancelled` (who left is back).
    #[schema(example = "open")]
    pub state: String,
    /// How often the product was told.
    pub attempts: i32,
    /// When it is told next.
    pub due_at: Option<DateTime<Utc>>,
    /// What the product said, or what went wrong.
    pub answer: Option<String>,
    /// Who made the person leave, as in the audit trail.
    #[schema(value_type = Object)]
    pub opened_by: Value,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// When it came to an end.
    pub ended_at: Option<DateTime<Utc>>,
}

impl HandoverView {
    fn of(row: HandoverRow) -> Result<Self, AppError> {
        Ok(Self {
            id: row.handover_id(),
            user: row.user(),
            at: place_of(row.place()?),
            to: row.receiver(),
            thing: row.thing,
            state: row.state,
            attempts: row.attempts,
            due_at: row.due_at,
            answer: row.answer,
            opened_by: row.opened_by,
            opened_at: row.opened_at,
            ended_at: row.ended_at,
        })
    }
}

/// Which handovers somebody wants to see.
#[derive(Debug, Clone, Copy, Default)]
pub struct HandoverQuery<'a> {
    /// Those in this state.
    pub state: Option<&'a str>,
    /// Those of this person.
    pub user: Option<UserId>,
}

/// What somebody leaves by being shut out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftView {
    /// Where.
    pub at: RuleScope,
    /// What, in the product's word.
    #[schema(example = "contact")]
    pub thing: String,
    /// Who gets it; nobody, if there is none.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub to: Option<UserId>,
    /// Why whoever was chosen cannot get it.
    pub answer: Option<String>,
}

impl App {
    /// What somebody leaves, as far as the caller sees the places.
    pub(crate) async fn left_as_seen(
        &self,
        tx: &mut WriteTx,
        admin: &AdminScope,
        left: Vec<HandoverRow>,
    ) -> Result<Vec<LeftView>, AppError> {
        if left.is_empty() {
            return Ok(Vec::new());
        }
        let (_, policy) = self.policies.in_force(tx).await?;
        let sight = sight_of(tx, admin, &policy, None).await?;
        let mut views = Vec::new();
        for row in left {
            let place = row.place()?;
            if sees(&sight, &place) {
                let (at, to) = (place_of(place), row.receiver());
                views.push(LeftView { at, thing: row.thing, to, answer: row.answer });
            }
        }
        Ok(views)
    }

    /// What leavers have left, the newest first, at the places that the caller sees.
    pub async fn list_handovers(
        &self,
        admin: &AdminScope,
        query: HandoverQuery<'_>,
        slice: Slice,
    ) -> Result<Vec<HandoverView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let places = match sight_of(&mut tx, admin, &policy, None).await? {
            Sight::Everybody => None,
            Sight::At(places) => Some(places),
        };
        let which = Which { state: query.state, user: query.user, places };
        let rows = handovers::list(&mut tx, &which, slice).await?;
        tx.finish().await?;
        rows.into_iter().map(HandoverView::of).collect()
    }

    /// One of them. One at a place that the caller does not see is not there.
    pub async fn show_handover(&self, admin: &AdminScope, id: HandoverId) -> Result<HandoverView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let sight = sight_of(&mut tx, admin, &policy, None).await?;
        let row = handovers::find(&mut tx, id).await?;
        tx.finish().await?;
        let row = row.ok_or(AppError::NotFound("handover"))?;
        if !sees(&sight, &row.place()?) {
            return Err(AppError::NotFound("handover"));
        }
        HandoverView::of(row)
    }
}

fn sees(sight: &Sight, place: &Scope) -> bool {
    match sight {
        Sight::Everybody => true,
        Sight::At(places) => places.contains(&ScopeRef::from(place)),
    }
}

/// Why somebody cannot receive what a leaver has left at a place; nothing if they can.
fn unsuited(receiver: Option<&PersonRow>, leaver: UserId, place: &Scope) -> Option<&'static str> {
    let Some(person) = receiver else { return Some("nobody of that id is there to receive it") };
    let here = ScopeRef::from(place);
    let mut roles = person.access.iter().flat_map(|access| &access.roles);
    if person.id == leaver {
        Some("who leaves cannot receive what they leave")
    } else if !person.active || person.invited {
        Some("who is to receive it is not active")
    } else if !roles.any(|held| ScopeRef::from(&held.scope) == here) {
        Some("who is to receive it has no role at that place")
    } else {
        None
    }
}

/// What those who follow are told of one of them.
fn payload<const N: usize>(row: &HandoverRow, more: [(&str, Value); N]) -> Result<Value, AppError> {
    let always = [
        ("user", json!(row.user())),
        ("handover", json!(row.id)),
        ("place", json!(row.place()?)),
        ("thing", json!(row.thing)),
    ];
    let all = always.into_iter().chain(more);
    Ok(Value::Object(all.map(|(name, value)| (name.to_owned(), value)).collect()))
}

/// What the audit trail of the person says of one of them.
fn event(action: Action, row: &HandoverRow) -> Result<AuditEvent, AppError> {
    let after = json!({
        "handover": row.id, "place": row.place()?, "thing": row.thing, "to": row.receiver_id, "answer": row.answer,
        "attempt": row.attempts,
    });
    Ok(AuditEvent::new(action, row.user()).after(after))
}

/// Gives one up until an administrator has looked. Returns what to audit.
async fn fail(
    tx: &mut WriteTx,
    mut row: HandoverRow,
    because: String,
    now: DateTime<Utc>,
) -> Result<(HandoverRow, AuditEvent), AppError> {
    row.answer = Some(because);
    "failed".clone_into(&mut row.state);
    row.due_at = None;
    row.ended_at = Some(now);
    handovers::keep(tx, &row).await?;
    let payload = payload(&row, [("because", json!(row.answer))])?;
    tx.announce(Outgoing { fact: "handover.failed", subject_id: row.user().to_string(), payload });
    let event = event(Action::HandoverFail, &row)?;
    Ok((row, event))
}
