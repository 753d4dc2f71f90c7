//! `/tenants/{tenant}/seat-pool`, and `/seat-pools` where there are several: what was bought, what is used, who waits; the ledger behind it, its months, and whether the books agree.

use actix_web::web::Data;
use app::tenants::{
    SeatCheckView, SeatLedgerLineView, SeatMonthView, SeatMonthsQuery, SeatPoolView, SetSeatPool,
};
use domain::seat::PoolClass;
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// Whose seats.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct WhoseSeats {
    /// The class of seats; the common pool without, in which everybody counts whose class has no pool of its own.
    #[param(max_length = 64)]
    class: Option<String>,
}

fn class_of(query: &Query) -> Result<PoolClass, Refused> {
    Ok(PoolClass::of(query.text("class", 64)?.map(str::to_owned)))
}

/// Every pool that the tenant has, the common one first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/seat-pools",
    operation_id = "list_seat_pools",
    tag = "Seats",
    params(InTenant),
    responses((status = 200, description = "The pools.", body = Items<SeatPoolView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_seat_pools(&caller.scope).await?))
}

/// The pool of a class of seats, or the common one, as it is.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/seat-pool",
    operation_id = "show_seat_pool",
    tag = "Seats",
    params(InTenant, WhoseSeats),
    responses((status = 200, description = "The pool.", body = SeatPoolView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_seat_pool(&caller.scope, &class_of(&query)?).await?))
}

/// Sets the pool of a class of seats, or the common one, making it if there is none. More seats let in those who wait. Whoever has a seat of the
/// common pool and is of the class of a new one goes over with it.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/seat-pool",
    operation_id = "set_seat_pool",
    tag = "Seats",
    params(InTenant, WhoseSeats),
    request_body = SetSeatPool,
    responses((status = 200, description = "The pool as it is now.", body = SeatPoolView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set(
    caller: TenantAdminCaller,
    query: Query,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let set: SetSeatPool = body.json(&state).await?;
    Ok(answer::ok(&state.app.set_seat_pool(&caller.scope, class_of(&query)?, set).await?))
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
    params(InTenant, WhoseSeats, WhichMonths),
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
    Ok(answer::items(state.app.list_seat_months(&caller.scope, &class_of(&query)?, wanted).await?))
}

/// The ledger: a line for each seat that was granted or released, numbered without gaps, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/seat-pool/ledger",
    operation_id = "list_seat_ledger",
    tag = "Seats",
    params(InTenant, WhoseSeats, WhichLines),
    responses((status = 200, description = "Lines of it.", body = Items<SeatLedgerLineView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn ledger(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    let after = query.number("after", 0..=LAST_LINE, 0)?;
    let most = query.number("count", 1..=1000, 100)?;
    Ok(answer::items(state.app.list_seat_ledger(&caller.scope, &class_of(&query)?, after, most).await?))
}

/// Compares the books of every pool now: counter, holds, ledger and people. It happens once a day by itself; what differs is reported and not repaired.
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
