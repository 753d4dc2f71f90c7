//! `/tenants/{tenant}/changes`: what changed, from a cursor on.

use std::time::Duration;

use actix_web::web::Data;
use app::signals::{After, Changes, ChangesQuery};
use utoipa::IntoParams;

use super::super::caller::TenantAdminCaller;
use super::super::problem::Problem;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{InTenant, ReadRefusals};
use super::{Answer, answer};

const LONGEST_CURSOR: usize = 500;

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// `next` of the answer before; `now` to begin with what changes from now on. Without it, from the oldest change that is
    /// kept.
    #[param(min_length = 1, max_length = 500)]
    after: Option<String>,
    /// The most to return.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    count: Option<i64>,
    /// For how many seconds to wait for a change if there is none.
    #[param(minimum = 0, maximum = 30, default = 0)]
    wait: Option<i64>,
}

/// What changed about people, access, seats and sessions, in the order of each person, at least once: the facts that webhooks
/// are sent. A read-only credential may ask.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/changes",
    operation_id = "list_changes",
    tag = "Signals",
    params(InTenant, Which),
    responses(
        (status = 200, description = "What changed, and the cursor to go on from.", body = Changes),
        (status = 410, description = "Changes behind the cursor are not kept any more.", body = Problem, content_type = "application/problem+json"),
        ReadRefusals,
    ),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    let after = match query.text("after", LONGEST_CURSOR)? {
        None => After::Nothing,
        Some("now") => After::Now,
        Some(cursor) => After::Cursor(cursor.to_owned()),
    };
    let wanted = ChangesQuery {
        after,
        count: query.number("count", 1..=1000, 100)?,
        wait: Duration::from_secs(query.number("wait", 0..=30, 0)?.unsigned_abs()),
    };
    Ok(answer::ok(&state.app.changes(&caller.scope, &wanted).await?))
}
