//! `GET /session`: who is signed in, what they may do, and why.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use serde_json::json;

use super::super::access_view::AccessView;
use super::super::caller::SessionCaller;
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
