//! `/tenants/{tenant}/directories/{directory}/requests`, `…/dry-run` and `…/health`: the provisioning log, requests tried
//! without consequences, and how the client fares.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Bytes, Data, Path};
use app::requests::{Attempt, DirectoryHealth, RequestDetails, RequestLine, RequestQuery, Requests};
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::future::ready;
use futures_util::stream::{once, try_unfold};
use serde_json::json;
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::dry_run::DryRunAnswer;
use super::super::endpoint::id_of;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, InTenant, ReadRefusals, WriteRefusals};
use super::directories::{InDirectory, slug};
use super::{Answer, answer};

const LONGEST_NAME: usize = 256;
const JSON_LINES: &str = "application/x-ndjson";

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// Requests about this person: their id or `userName`.
    #[param(min_length = 1, max_length = 256)]
    user: Option<String>,
    /// Requests about this group: its id or `displayName`.
    #[param(min_length = 1, max_length = 256)]
    group: Option<String>,
    /// The request with this id, or those that the client gave it.
    #[param(min_length = 1, max_length = 64)]
    correlation: Option<String>,
    /// `true`: refused and failed requests only.
    errors: Option<bool>,
    /// Requests answered with this status.
    #[param(minimum = 100, maximum = 599)]
    status: Option<i32>,
    /// Requests with this method.
    #[param(min_length = 1, max_length = 16, example = "PATCH")]
    method: Option<String>,
    /// Requests of this time or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
    /// Requests before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// Requests older than the one with this id: where a page before this one ended.
    #[param(value_type = Option<String>, format = Uuid)]
    before: Option<String>,
    /// The most to return.
    #[param(minimum = 1, maximum = 200, default = 50)]
    count: Option<i64>,
}

/// What a directory's client asked, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/directories/{directory}/requests",
    operation_id = "list_requests",
    tag = "Provisioning log",
    params(InTenant, InDirectory, Which),
    responses((status = 200, description = "A page of the log.", body = Requests), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let wanted = wanted(&query)?;
    Ok(answer::ok(&state.app.list_requests(&caller.scope, slug(&address.1)?, &wanted).await?))
}

/// One request: what came, what was understood, what it changed.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/directories/{directory}/requests/{id}",
    operation_id = "show_request",
    tag = "Provisioning log",
    params(InTenant, InDirectory, ById),
    responses((status = 200, description = "The request.", body = RequestDetails), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.2, "request")?;
    Ok(answer::ok(&state.app.show_request(&caller.scope, slug(&address.1)?, id).await?))
}

/// The whole log, or what is wanted of it, one JSON object a line, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/directories/{directory}/requests/export",
    operation_id = "export_requests",
    tag = "Provisioning log",
    params(InTenant, InDirectory, Which),
    responses(
        (status = 200, description = "One request a line; `count` is how many are read at once.", body = RequestLine, content_type = "application/x-ndjson"),
        ReadRefusals,
    ),
    security(("bearer" = []))
)]
pub(super) async fn export(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let mut wanted = wanted(&query)?;
    let directory = slug(&address.1)?.to_owned();
    // What is wrong with the question is said before the first line.
    let (first, next) = state.app.export_requests(&caller.scope, &directory, &wanted).await?;
    let first = lines(&first);
    wanted.before = next;
    let rest = (next.is_some()).then_some((state.app.clone(), caller.scope, directory, wanted));
    let rest = try_unfold(rest, |rest| async move {
        let Some((app, scope, directory, mut wanted)) = rest else { return Ok(None) };
        let (page, next) = app.export_requests(&scope, &directory, &wanted).await.map_err(Refused::from)?;
        wanted.before = next;
        Ok::<_, Refused>(Some((lines(&page), next.is_some().then_some((app, scope, directory, wanted)))))
    });
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type(JSON_LINES)
        .streaming(once(ready(Ok::<_, Refused>(first))).chain(rest)))
}

fn lines(page: &[RequestLine]) -> Bytes {
    let text: String = page.iter().flat_map(|line| [json!(line).to_string(), "\n".to_owned()]).collect();
    text.into()
}

fn wanted(query: &Query) -> Result<RequestQuery, Refused> {
    let text = |name, longest| Ok::<_, Refused>(query.text(name, longest)?.map(str::to_owned));
    let status = query.number("status", 100..=599, 0)?;
    Ok(RequestQuery {
        user: text("user", LONGEST_NAME)?,
        group: text("group", LONGEST_NAME)?,
        correlation: text("correlation", 64)?,
        errors: query.truth("errors")?.unwrap_or(false),
        status: i32::try_from(status).ok().filter(|status| *status != 0),
        method: text("method", 16)?.map(|method| method.to_ascii_uppercase()),
        since: moment(query, "since")?,
        until: moment(query, "until")?,
        before: match query.get("before")? {
            Some(id) => Some(id.parse().or(Err(Refused::parameter("before", "is no id of a request")))?),
            None => None,
        },
        limit: query.number("count", 1..=200, 50)?,
    })
}

fn moment(query: &Query, name: &'static str) -> Result<Option<DateTime<Utc>>, Refused> {
    let Some(text) = query.get(name)? else { return Ok(None) };
    match DateTime::parse_from_rfc3339(text) {
        Ok(moment) => Ok(Some(moment.into())),
        Err(_) => Err(Refused::parameter(name, "is a time like 2026-11-24T09:30:00Z")),
    }
}

/// Tries a request of the log once more, as if its client sent it now, and changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/directories/{directory}/requests/{id}/dry-run",
    operation_id = "dry_run_request",
    tag = "Provisioning log",
    params(InTenant, InDirectory, ById),
    responses(
        (status = 200, description = "How it would be answered, and what it would change.", body = DryRunAnswer),
        WriteRefusals,
    ),
    security(("bearer" = []))
)]
pub(super) async fn dry_run_again(
    caller: TenantAdminCaller,
    address: Path<(String, String, String)>,
    state: Data<AppState>,
) -> Answer {
    let (directory, id) = (slug(&address.1)?, id_of(&address.2, "request")?);
    Ok(answer::ok(&DryRunAnswer::new(state.app.dry_run_again(&caller.scope, directory, id).await?)))
}

/// Tries a request, as if the directory's client sent it now, and changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/directories/{directory}/dry-run",
    operation_id = "dry_run",
    tag = "Provisioning log",
    params(InTenant, InDirectory),
    request_body = Attempt,
    responses(
        (status = 200, description = "How it would be answered, and what it would change.", body = DryRunAnswer),
        WriteRefusals,
    ),
    security(("bearer" = []))
)]
pub(super) async fn dry_run(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let attempt: Attempt = body.json(&state).await?;
    let directory = slug(&address.1)?;
    Ok(answer::ok(&DryRunAnswer::new(state.app.dry_run(&caller.scope, directory, &attempt).await?)))
}

/// How a directory's client fares: when it came last, how often it is refused, what ends soon.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/directories/{directory}/health",
    operation_id = "directory_health",
    tag = "Provisioning log",
    params(InTenant, InDirectory),
    responses((status = 200, description = "How it fares.", body = DirectoryHealth), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn health(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.directory_health(&caller.scope, slug(&address.1)?).await?))
}
