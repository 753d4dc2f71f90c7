//! `/op/{tenant}/end-session`: somebody signs out by way of an app. Knows the question that is asked where it is not clear that
//! they want to.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use app::apps::{Leave, Left};

use super::super::body::Body;
use super::super::error::Refused;
use super::super::login::sign_out::is_same_origin;
use super::super::login::start::door;
use super::super::login::{cookies, leaving, onward, page, see_other};
use super::super::query::Query;
use super::super::state::AppState;
use super::Answer;

const LONGEST_HINT: usize = 4_096;
const LONGEST_TEXT: usize = 1_024;
/// What our own page sends when the person agrees.
const CONFIRMED: &str = "confirmed";

/// A wish in the address.
pub(super) async fn by_link(
    tenant: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    answer(&tenant, wish(&query)?, &request, &state).await
}

/// The same in a form; and the answer to our question, which only our own page can give.
pub(super) async fn by_form(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let form = Query::of_form(body.form(&state).await?);
    let mut wish = wish(&form)?;
    if form.get(CONFIRMED)?.is_some() {
        if !is_same_origin(&request, &state.public_url) {
            return Err(Refused::CrossSite);
        }
        wish.confirmed = true;
    }
    answer(&tenant, wish, &request, &state).await
}

fn wish(query: &Query) -> Result<Leave, Refused> {
    // RFC 6749 §3.1: what comes without a value counts as absent.
    let text = |name, longest| match query.get(name)? {
        Some("") => Ok::<_, Refused>(None),
        _ => Ok(query.text(name, longest)?.map(str::to_owned)),
    };
    Ok(Leave {
        hint: text("id_token_hint", LONGEST_HINT)?,
        client_id: text("client_id", LONGEST_TEXT)?,
        back_to: text("post_logout_redirect_uri", LONGEST_TEXT)?,
        state: text("state", LONGEST_TEXT)?,
        confirmed: false,
    })
}

async fn answer(tenant: &str, wish: Leave, request: &HttpRequest, state: &AppState) -> Answer {
    let tenant = door(tenant)?;
    let session = cookies::session(request, state);
    let id = state.request_id(request);
    let left = state.app.leave(tenant.as_str(), &wish, session.as_ref(), id).await?;
    let (provider, back_to) = match left {
        Left::Ask => return Ok(leaving::ask(request, state, tenant.as_str(), &wish)),
        Left::Over { provider, back_to } => (provider, back_to),
    };
    let over = cookies::signed_out(state);
    if let Some(at) = &provider {
        return Ok(onward::along(request, state, &at.way, [over, cookies::signing_out_begun(at, state)]));
    }
    let mut response = match &back_to {
        Some(app) => see_other(app.as_str()).finish(),
        None => page::signed_out(request, true),
    };
    cookies::add(&mut response, &over)?;
    Ok(response)
}
