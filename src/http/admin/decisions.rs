//! `/tenants/{tenant}/decisions`, `/tenants/{tenant}/users/{id}/permissions/{permission}`: may this person do this here.
//! `/tenants/{tenant}/permissions/{permission}/holders`: who may. `/tenants/{tenant}/offer`: what the tenant has
//! of the product, on which the answers can rest. `/tenants/{tenant}/blueprint`: what the product says of itself.

use actix_web::web::{Data, Path};
use app::access::{
    AskDecision, AskDecisions, AskHolders, BlueprintView, DecisionView, HolderPage, OfferView, SetOffer,
};
use app::tenants::RuleScope;
use domain::id::UserId;
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

const LONGEST_ID: usize = 64;
const LONGEST_TEXT: usize = 1_024;

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
struct What {
    /// Id of a permission or flag of the blueprint.
    #[param(example = "users.invite")]
    permission: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct About {
    /// Key of an org unit: there. Without this and `workspace`, in the whole tenant.
    #[param(min_length = 1, max_length = 1024)]
    org_unit: Option<String>,
    /// Key of a workspace: there.
    #[param(min_length = 1, max_length = 64)]
    workspace: Option<String>,
    /// What for, of a permission that is held one by one.
    #[param(min_length = 1, max_length = 1024)]
    of: Option<String>,
    /// The level that is needed, of a permission that has levels; any if absent.
    #[param(min_length = 1, max_length = 64)]
    level: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct PageOf {
    /// The `next` of the page before.
    #[param(value_type = Option<String>, format = Uuid)]
    after: Option<String>,
    /// The most people of whom the page may consist.
    #[param(minimum = 1, maximum = 200, default = 100)]
    count: Option<i64>,
}

fn text(query: &Query, name: &'static str, longest: usize) -> Result<Option<String>, Refused> {
    Ok(query.text(name, longest)?.map(str::to_owned))
}

fn at(query: &Query) -> Result<RuleScope, Refused> {
    match (text(query, "orgUnit", LONGEST_TEXT)?, text(query, "workspace", LONGEST_ID)?) {
        (None, None) => Ok(RuleScope::Environment),
        (Some(key), None) => Ok(RuleScope::OrgUnit(key)),
        (None, Some(key)) => Ok(RuleScope::Workspace(key)),
        (Some(_), Some(_)) => Err(Refused::parameter("workspace", "is given beside orgUnit")),
    }
}

/// Whether people may do things, and why: up to 100 questions, answered from what is stored. Somebody who is not there may
/// do nothing.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/decisions",
    operation_id = "decide",
    tag = "Access",
    params(InTenant),
    request_body = AskDecisions,
    responses((status = 200, description = "The answers, in the order of the questions.", body = Items<DecisionView>), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn decide(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let ask: AskDecisions = body.json(&state).await?;
    Ok(answer::items(state.app.decide_all(&caller.scope, ask).await?))
}

/// Whether one person may do something somewhere, and why.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users/{id}/permissions/{permission}",
    operation_id = "decide_one",
    tag = "Access",
    params(InTenant, ById, What, About),
    responses((status = 200, description = "The answer.", body = DecisionView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn decide_one(
    caller: TenantAdminCaller,
    address: Path<(String, String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let (_, user, permission) = address.into_inner();
    let ask = AskDecision {
        user: id_of(&user, "user")?,
        permission,
        at: at(&query)?,
        of: text(&query, "of", LONGEST_TEXT)?,
        level: text(&query, "level", LONGEST_ID)?,
    };
    Ok(answer::ok(&state.app.decide_one(&caller.scope, ask).await?))
}

/// Who may do something somewhere, by id. People who wait for a seat may do nothing and are not among them.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/permissions/{permission}/holders",
    operation_id = "who_may",
    tag = "Access",
    params(InTenant, What, About, PageOf),
    responses((status = 200, description = "A page of them.", body = HolderPage), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn who_may(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let after = query.get("after")?.map(str::parse::<UserId>).transpose();
    let ask = AskHolders {
        permission: address.into_inner().1,
        at: at(&query)?,
        of: text(&query, "of", LONGEST_TEXT)?,
        level: text(&query, "level", LONGEST_ID)?,
        after: after.or(Err(Refused::parameter("after", "is no id")))?,
        count: query.number("count", 1..=200, 100)?,
    };
    Ok(answer::ok(&state.app.who_may(&caller.scope, ask).await?))
}

/// What the tenant’s product says of itself: all of its blueprint, in the version that is in force.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/blueprint",
    operation_id = "show_blueprint",
    tag = "Access",
    params(InTenant),
    responses((status = 200, description = "The blueprint.", body = BlueprintView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show_blueprint(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_blueprint(&caller.scope).await?))
}

/// What the tenant has of the product: its plan and features.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/offer",
    operation_id = "show_offer",
    tag = "Access",
    params(InTenant),
    responses((status = 200, description = "What it has, and what there is.", body = OfferView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show_offer(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_offer(&caller.scope).await?))
}

/// Says what the tenant has of the product. Everybody’s access is computed anew.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/offer",
    operation_id = "set_offer",
    tag = "Access",
    params(InTenant),
    request_body = SetOffer,
    responses((status = 200, description = "What it has now.", body = OfferView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set_offer(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let set: SetOffer = body.json(&state).await?;
    Ok(answer::ok(&state.app.set_offer(&caller.scope, set).await?))
}
