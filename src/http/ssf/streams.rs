//! A stream's configuration, status and verification (SSF §8.1). Knows parameters and bodies.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use app::AppError;
use app::signals::{Extent, StreamRequest, StreamStatus, VerifyStream};
use serde::Serialize;

use super::super::body::Body;
use super::super::caller::StreamCaller;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::Answer;

const LONGEST_ID: usize = 100;

fn ok(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body)
}

fn done() -> HttpResponse {
    HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish()
}

fn stream_id(query: &Query) -> Result<&str, Refused> {
    query.required("stream_id", LONGEST_ID)
}

/// The one stream that is asked for, or the list of those that there are.
pub(super) async fn show(caller: StreamCaller, query: Query, state: Data<AppState>) -> Answer {
    let stream = state.app.show_stream(&caller.0).await?;
    let Some(wanted) = query.text("stream_id", LONGEST_ID)? else {
        return Ok(ok(&stream.into_iter().collect::<Vec<_>>()));
    };
    let found = stream.filter(|stream| stream.get("stream_id").and_then(|id| id.as_str()) == Some(wanted));
    Ok(ok(&found.ok_or(AppError::NotFound("stream"))?))
}

/// Sets the token's stream up.
pub(super) async fn create(caller: StreamCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: StreamRequest = body.json(&state).await?;
    let created = state.app.create_stream(&caller.0, new).await?;
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(created))
}

/// Changes what is given.
pub(super) async fn change(caller: StreamCaller, body: Body, state: Data<AppState>) -> Answer {
    let change: StreamRequest = body.json(&state).await?;
    Ok(ok(&state.app.change_stream(&caller.0, change, Extent::Part).await?))
}

/// Changes everything that is the receiver's to say.
pub(super) async fn replace(caller: StreamCaller, body: Body, state: Data<AppState>) -> Answer {
    let change: StreamRequest = body.json(&state).await?;
    Ok(ok(&state.app.change_stream(&caller.0, change, Extent::Whole).await?))
}

/// Takes the stream down.
pub(super) async fn delete(caller: StreamCaller, query: Query, state: Data<AppState>) -> Answer {
    state.app.delete_stream(&caller.0, stream_id(&query)?).await?;
    Ok(done())
}

/// Whether anything is sent.
pub(super) async fn status(caller: StreamCaller, query: Query, state: Data<AppState>) -> Answer {
    Ok(ok(&state.app.stream_status(&caller.0, stream_id(&query)?).await?))
}

/// Pauses, disables or enables the stream.
pub(super) async fn set_status(caller: StreamCaller, body: Body, state: Data<AppState>) -> Answer {
    let set: StreamStatus = body.json(&state).await?;
    Ok(ok(&state.app.set_stream_status(&caller.0, set).await?))
}

/// Asks for a verification event.
pub(super) async fn verify(caller: StreamCaller, body: Body, state: Data<AppState>) -> Answer {
    let wanted: VerifyStream = body.json(&state).await?;
    state.app.verify_stream(&caller.0, wanted).await?;
    Ok(done())
}
