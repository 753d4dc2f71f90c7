//! `GET /session`: who is signed in, what they may do, and why. `POST /session/decisions`: whether they may do this or that.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use app::access::AskOwnDecisions;
use serde_json::json;

use super::super::access_view::AccessView;
use super::super::body::Body;
use super::super::caller::SessionCaller;
use super::super::state::AppState;
use super::Answer;

/// The person, their session and their access as they are at this moment.
pub(super) async fn show(caller: SessionCaller) -> Answer {
    let SessionCaller(session) = caller;
    let body = json!({
        "user": {
            "id": session.user,
            "userName": session.resource.user_name(),
            "displayName": session.resource.display_name(),
        },
        "session": { "id": session.id, "expiresAt": session.expires_at },
        "access": AccessView::of(&session.access)?,
    });
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body))
}

/// Up to 100 answers to whoever is signed in, in the order of the questions, as of this moment.
pub(super) async fn decide(caller: SessionCaller, body: Body, state: Data<AppState>) -> Answer {
    let ask: AskOwnDecisions = body.json(&state).await?;
    let items = state.app.decide_own(&caller.0, ask).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "items": items })))
}
