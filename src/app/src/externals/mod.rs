//! People of other companies, where the product has them: somebody asks that they be let into a place, somebody else decides, and on
//! a day that was named it is over. Knows what the blueprint's `[externals]` says of it.
//!
//! Who the members of a place are that only the product keeps, and of which variant the place is, the product knows, and says so by
//! asking for somebody.

mod decide;
mod end;
mod request;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::access::{AccessStatus, EffectiveAccess, Policy, RoleAccess};
use domain::blueprint::{Deed, Externals, Role};
use domain::deed::{Act, Sight, deeds_at, sight};
use domain::id::{ExternalRequestId, UserId};
use domain::mapping::{Outcome, ScopeRef};
use serde::Serialize;
use store::external_requests::{self, RequestRow, Seen};
use store::users::Slice;
use store::{AdminScope, ReadTx, access};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;
use crate::guards::nobody_acts;
use crate::people::place_of;
use crate::tenants::{RuleScope, scope_view};

pub(crate) use decide::note_approved;
pub use decide::{DecideExternal, DecidedExternal, ExternalDecision};
pub use request::{RequestExternals, RequestedExternals};

/// A request to let somebody of another company in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalRequestView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: ExternalRequestId,
    /// Into which place.
    pub at: RuleScope,
    /// What that place is, in the product's words for its variants.
    #[schema(example = "private")]
    pub variant: Option<String>,
    /// Whom.
    #[schema(example = "xenia@partner.example")]
    pub address: String,
    /// Why.
    pub reason: Option<String>,
    /// The person who asks. Nobody, where a program asked for itself, or somebody else had asked for the same before.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub requested_by: Option<UserId>,
    /// `requested`, `approved`, `rejected`, or `ended`: the time is over.
    #[schema(example = "requested")]
    pub state: String,
    /// Until when they may stay; for good, if nobody said.
    pub until: Option<DateTime<Utc>>,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// By whom.
    pub decided_by: Option<String>,
    /// The person who was let in.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub user: Option<UserId>,
}

fn view(row: RequestRow, policy: &Policy) -> Result<ExternalRequestView, AppError> {
    Ok(ExternalRequestView {
        id: row.request_id(),
        at: scope_view(row.place()?, policy),
        requested_by: row.requested_by(),
        user: row.user(),
        variant: row.variant,
        address: row.address,
        reason: row.reason,
        state: row.state,
        until: row.until,
        created_at: row.created_at,
        decided_at: row.decided_at,
        decided_by: row.decided_by,
    })
}

/// What the product says of people of other companies.
fn terms(policy: &Policy) -> Result<&Externals, AppError> {
    let terms = policy.blueprint.product().externals.as_ref();
    terms.ok_or_else(|| AppError::Conflict("this product knows no people of other companies".to_owned()))
}

/// Refuses where the tenant said that it is on a plan that has no people of other companies. What nobody said, the product
/// checks.
fn check_plan(policy: &Policy, terms: &Externals) -> Result<(), AppError> {
    let plan = policy.offer.plan.as_deref();
    if terms.plans.is_empty() || plan.is_none_or(|plan| terms.plans.iter().any(|it| it.get_ref() == plan)) {
        return Ok(());
    }
    Err(AppError::Conflict("the tenant's plan has no people of other companies".to_owned()))
}

/// What somebody of another company holds at a place, if they can hold it there.
fn role_at(policy: &Policy, terms: &Externals, place: ScopeRef) -> Result<Outcome, AppError> {
    let role = terms.role.get_ref().clone();
    let what = Outcome::Role { role, scope: place, restrictions: Vec::new() };
    what.validate(false, &policy.blueprint, &policy.tree, &policy.workspaces)
        .map_err(|error| AppError::Invalid(error.to_string()))?;
    Ok(what)
}

/// What somebody does about people of other companies at a place.
fn act<'a>(policy: &'a Policy, terms: &'a Externals, deed: Deed, place: ScopeRef) -> Act<'a> {
    let role = terms.role.get_ref().as_str();
    deeds_at(policy, &[deed], (std::iter::once(role).collect(), place), false)
}

fn is_external(policy: &Policy, held: &RoleAccess) -> bool {
    policy.blueprint.role(&held.role).is_some_and(Role::external)
}

/// The places of somebody who has nothing but roles for people of other companies; none of anybody else.
pub(crate) fn places_of_external(policy: &Policy, access: &EffectiveAccess) -> Option<Vec<RuleScope>> {
    let all = access.roles.iter().all(|held| is_external(policy, held));
    (all && !access.roles.is_empty())
        .then(|| access.roles.iter().map(|held| place_of(held.scope.clone())).collect())
}

impl App {
    /// Requests, the newest first, those in one state if one is named: a person sees their own and those on which they may decide.
    /// Whoever is of another company sees none.
    pub async fn list_external_requests(
        &self,
        admin: &AdminScope,
        state: Option<&str>,
        slice: Slice,
    ) -> Result<Vec<ExternalRequestView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (policy, seen) = self.seen_requests(&mut tx, admin).await?;
        let rows = external_requests::list(&mut tx, (None, state), seen, slice).await?;
        tx.finish().await?;
        rows.into_iter().map(|row| view(row, &policy)).collect()
    }

    /// One request. One that the caller does not see is not there.
    pub async fn show_external_request(
        &self,
        admin: &AdminScope,
        id: ExternalRequestId,
    ) -> Result<ExternalRequestView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (policy, seen) = self.seen_requests(&mut tx, admin).await?;
        let only = Slice { offset: 0, limit: 1 };
        let found = external_requests::list(&mut tx, (Some(id), None), seen, only).await?.pop();
        tx.finish().await?;
        view(found.ok_or(AppError::NotFound("external request"))?, &policy)
    }

    /// Which requests the caller sees; all, if that is nothing.
    async fn seen_requests(
        &self,
        tx: &mut ReadTx,
        admin: &AdminScope,
    ) -> Result<(Arc<Policy>, Option<Seen>), AppError> {
        let (_, policy) = self.policies.in_force(tx).await?;
        let Some(person) = admin.scope().actor().person() else { return Ok((policy, None)) };
        let access = access::of_person(tx, person).await?.ok_or_else(nobody_acts)?;
        let seen = match sight(&policy, &access, Some(Deed::DecideOnExternal)) {
            Sight::Everybody => None,
            Sight::At(places) => {
                let is_in = access.status == AccessStatus::Granted
                    && access.roles.iter().any(|held| !is_external(&policy, held));
                Some(Seen { by: is_in.then_some(person), at: places.into_iter().collect() })
            }
        };
        Ok((policy, seen))
    }
}
