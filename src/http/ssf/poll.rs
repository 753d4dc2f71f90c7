//! `POST /ssf/poll/{id}` (RFC 8936 §2). Knows the body.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use app::signals::Poll;

use super::super::body::Body;
use super::super::caller::StreamCaller;
use super::super::state::AppState;
use super::Answer;

/// Takes acknowledgements, and hands out tokens.
pub(super) async fn poll(
    caller: StreamCaller,
    id: Path<String>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let poll: Poll = body.json(&state).await?;
    let polled = state.app.poll_stream(&caller.0, &id, poll).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(polled))
}
