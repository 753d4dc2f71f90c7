//! What is said of a handover: by the product, that it is done or cannot be done; by an administrator, that it is to be tried again or
//! that somebody else is to get it.

use std::sync::Arc;

use domain::access::Policy;
use domain::audit::{Action, Audit};
use domain::blueprint::Deed;
use domain::deed::deeds_at;
use domain::id::{HandoverId, UserId};
use domain::mapping::ScopeRef;
use serde::{Deserialize, Serialize};
use store::handovers::{self, HandoverRow};
use store::{AdminScope, WriteTx};
use utoipa::ToSchema;

use super::follow::seen_receiver;
use super::{HandoverView, event, fail, sees, unsuited};
use crate::App;
use crate::error::AppError;
use crate::guards::{Acting, hold_people, sight_of};

const LONGEST_ANSWER: usize = 500;

/// What came of a handover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum HandoverOutcome {
    /// It is handed over.
    Done,
    /// It cannot be handed over; an administrator is to look.
    Failed,
}

/// What the product says of a handover.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportHandover {
    /// What came of it.
    pub outcome: HandoverOutcome,
    /// In words, for whoever looks later.
    #[schema(max_length = 500, example = "41 contacts unassigned")]
    pub answer: Option<String>,
}

/// Who is to get what a leaver has left.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedirectHandover {
    /// Somebody who is active and has a role at the place; without one, nobody.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub to: Option<UserId>,
}

/// Whoever may do one of these to somebody at a place may say what becomes of what they have left there.
const DEEDS: [Deed; 4] = [Deed::Revoke, Deed::RemoveFromPlace, Deed::Deactivate, Deed::Delete];

impl App {
    /// The product says what came of it. Said twice, the first stays.
    pub async fn report_handover(
        &self,
        admin: &AdminScope,
        id: HandoverId,
        report: ReportHandover,
    ) -> Result<HandoverView, AppError> {
        let ReportHandover { outcome, answer } = report;
        if answer.as_ref().is_some_and(|answer| answer.chars().count() > LONGEST_ANSWER) {
            return Err(AppError::Invalid(format!("answer has at most {LONGEST_ANSWER} characters")));
        }
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let mut row = handovers::lock(&mut tx, id).await?.ok_or(AppError::NotFound("handover"))?;
        let (row, event) = match (row.state.as_str(), outcome) {
            ("done", HandoverOutcome::Done) => {
                tx.nothing_changed().await?;
                return HandoverView::of(row);
            }
            ("open" | "failed", HandoverOutcome::Done) => {
                "done".clone_into(&mut row.state);
                row.due_at = None;
                row.ended_at = Some(now);
                row.answer = answer;
                handovers::keep(&mut tx, &row).await?;
                let event = event(Action::HandoverDone, &row)?;
                (row, event)
            }
            ("open" | "failed", HandoverOutcome::Failed) => {
                let because = answer.unwrap_or_else(|| "the product did not say why".to_owned());
                fail(&mut tx, row, because, now).await?
            }
            _ => return Err(over(&row)),
        };
        self.commit(tx, Audit::of(event), now).await?;
        HandoverView::of(row)
    }

    /// The product is told again, at once, as if for the first time.
    pub async fn retry_handover(&self, admin: &AdminScope, id: HandoverId) -> Result<HandoverView, AppError> {
        let (tx, row) = self.held_handover(admin, id).await?;
        self.open_again(tx, row, Action::HandoverRetry).await
    }

    /// Somebody else is to get it, or nobody, and the product is told at once.
    pub async fn redirect_handover(
        &self,
        admin: &AdminScope,
        id: HandoverId,
        redirect: RedirectHandover,
    ) -> Result<HandoverView, AppError> {
        let (mut tx, mut row) = self.held_handover(admin, id).await?;
        if let Some(to) = redirect.to {
            let receiver = seen_receiver(self, &mut tx, admin, to).await?;
            if let Some(why) = unsuited(receiver.as_ref(), row.user(), &row.place()?) {
                return Err(AppError::Conflict(why.to_owned()));
            }
        }
        row.receiver_id = redirect.to.map(UserId::as_uuid);
        self.open_again(tx, row, Action::HandoverRedirect).await
    }

    async fn open_again(
        &self,
        mut tx: WriteTx,
        mut row: HandoverRow,
        action: Action,
    ) -> Result<HandoverView, AppError> {
        let now = self.now();
        "open".clone_into(&mut row.state);
        row.attempts = 0;
        row.due_at = Some(now);
        row.ended_at = None;
        row.answer = None;
        handovers::keep(&mut tx, &row).await?;
        self.commit(tx, Audit::of(event(action, &row)?), now).await?;
        HandoverView::of(row)
    }

    /// One that is not over, locked, of which the caller may say what becomes.
    async fn held_handover(
        &self,
        admin: &AdminScope,
        id: HandoverId,
    ) -> Result<(WriteTx, HandoverRow), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        hold_people(&mut tx, &[]).await?;
        let acting = Acting::now(&mut tx).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let sight = sight_of(&mut tx, admin, &policy, None).await?;
        let row = handovers::lock(&mut tx, id).await?.ok_or(AppError::NotFound("handover"))?;
        if !sees(&sight, &row.place()?) {
            return Err(AppError::NotFound("handover"));
        }
        if let Some(acting) = acting {
            may(&policy, &acting, &row)?;
        }
        if row.state == "done" || row.state == "cancelled" {
            return Err(over(&row));
        }
        Ok((tx, row))
    }
}

fn may(policy: &Arc<Policy>, acting: &Acting, row: &HandoverRow) -> Result<(), AppError> {
    let (roles, place) = (row.roles()?, row.place()?);
    let roles = roles.iter().map(String::as_str).collect();
    acting.check(policy, &[deeds_at(policy, &DEEDS, (roles, ScopeRef::from(&place)), acting.is(row.user()))])
}

fn over(row: &HandoverRow) -> AppError {
    AppError::Conflict(if row.state == "cancelled" {
        "the leaver is back, and keeps what was to be handed over".to_owned()
    } else {
        "it is handed over, and cannot be taken back here".to_owned()
    })
}
