//! `/tenants/{tenant}/seat-pool`: what was bought, what is used, who waits; the ledger behind it, its months, and whether the books agree.

use actix_web::web::Data;
use app::tenants::{
    SeatCheckView, SeatLedgerLineView, SeatMonthView, SeatMonthsQuery, SeatPoolView, SetSeatPool,
};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// The pool as it is.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/seat-pool",
    operation_id = "show_seat_pool",
    tag = "Seats",
    params(InTenant),
    responses((status = 200, description = "The pool.", body = SeatPoolView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_seat_pool(&caller.scope).await?))
}

/// Sets the pool, making it if there is none. More seats let in those who wait.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/seat-pool",
    operation_id = "set_seat_pool",
    tag = "Seats",
    params(InTenant),
    request_body = SetSeatPool,
    responses((status = 200, description = "The pool as it is now.", body = SeatPoolView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let set: SetSeatPool = body.json(&state).await?;
    Ok(answer::ok(&state.app.set_seat_pool(&caller.scope, set).await?))
}

const LAST_LINE: i64 = 1_000_000_000;

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct WhichMonths {
    /// Up to this month; up to the current one without.
    #[param(pattern = "^[2-9][0-9]{3}-(0[1-9]|1[0-2])$")]
    until: Option<String>,
    /// How many months.
    #[param(minimum = 1, maximum = 36, default = 12)]
    count: Option<i64>,
    /// Months begin at midnight so many minutes east of UTC.
    #[param(minimum = -720, maximum = 840, default = 0)]
    minutes_east: Option<i64>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct WhichLines {
    /// After the line of this number.
    #[param(minimum = 0, maximum = 1_000_000_000, default = 0)]
    after: Option<i64>,
    /// The most to return.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    count: Option<i64>,
}

/// Calendar months of the pool, the newest first, from the ledger: seats at the start and the end, the most at once, and the most beyond what
/// was bought by then. What a month ends with the next begins with.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/seat-pool/months",
    operation_id = "list_seat_months",
    tag = "Seats",
    params(InTenant, WhichMonths),
    responses((status = 200, description = "The months.", body = Items<SeatMonthView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn months(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    let until = query.text("until", 7)?.map(str::parse).transpose();
    let until = until.or(Err(Refused::parameter("until", "is a month, such as 2026-11")))?;
    let number = |number: i64| i32::try_from(number).unwrap_or_default();
    let wanted = SeatMonthsQuery {
        until,
        count: number(query.number("count", 1..=36, 12)?),
        minutes_east: number(query.number("minutesEast", -720..=840, 0)?),
    };
    Ok(answer::items(state.app.list_seat_months(&caller.scope, wanted).await?))
}

/// The ledger: a line for each seat that was granted or released, numbered without gaps, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/seat-pool/ledger",
    operation_id = "list_seat_ledger",
    tag = "Seats",
    params(InTenant, WhichLines),
    responses((status = 200, description = "Lines of it.", body = Items<SeatLedgerLineView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn ledger(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    let after = query.number("after", 0..=LAST_LINE, 0)?;
    let most = query.number("count", 1..=1000, 100)?;
    Ok(answer::items(state.app.list_seat_ledger(&caller.scope, after, most).await?))
}

/// Compares the books now: counter, holds, ledger and people. It happens once a day by itself; what differs is reported and not repaired.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/seat-pool/reconciliation",
    operation_id = "reconcile_seats",
    tag = "Seats",
    params(InTenant),
    responses((status = 200, description = "What differs.", body = SeatCheckView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn reconcile(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.reconcile_seats(&caller.scope).await?))
}
