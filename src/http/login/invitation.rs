//! `/invitation/{tenant}`: somebody follows the link of an invitation. Knows pages and one form; what the link opens, the use
//! case knows.
//!
//! The link's secret stands behind the `#`, which browsers send to nobody: the page's script puts it into the form. What follows
//! is a sign-in, the page that asks for a passkey, or, of a link for several, the one that asks for an address.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::AppError;
use app::invitations::{Joined, Joining, Opened};
use askama::Template;

use super::super::body::Body;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::invitation_words::{JoinWords, of_link, of_passkey};
use super::language::Language;
use super::page::{answer, nonce, our_forms, policy};
use super::passkey::{Step, page, registration};
use super::saml::field;
use super::start::door;
use super::{Answer, cookies, see_other};

const LONGEST_LINK: usize = 200;
const LONGEST_ADDRESS: usize = 254;
const LONGEST_NAME: usize = 200;

/// Takes a link, which the script finds in the address.
pub(super) async fn show(tenant: Path<String>, request: HttpRequest, state: Data<AppState>) -> Answer {
    let tenant = door(&tenant)?;
    let step = Step::link(format!("/invitation/{}", tenant.as_str()));
    page(&of_link(Language::of(&request)), Some(step), &request, &state)
}

/// Goes on with whoever shows a link's secret.
pub(super) async fn open(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let tenant = door(&tenant)?;
    let form = body.form(&state).await?;
    let link = field(&form, "invitation")?.ok_or_else(|| Refused::parameter("invitation", "is missing"))?;
    let id = state.request_id(&request);
    let opened = state.app.open_invitation(tenant.as_str(), &link, id).await?;
    go_on(opened, &link, tenant.as_str(), &request, &state)
}

/// Invites whoever says their address, by a link for several.
pub(super) async fn join(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let tenant = door(&tenant)?;
    let form = Query::of_form(body.form(&state).await?);
    let link = form.required("invitation", LONGEST_LINK)?.to_owned();
    let name = match form.get("name")? {
        None | Some("") => None,
        Some(_) => form.text("name", LONGEST_NAME)?.map(str::to_owned),
    };
    let address = form.required("address", LONGEST_ADDRESS)?.to_owned();
    let joining = Joining { link: link.clone(), address, name };
    match state.app.join_by_link(tenant.as_str(), joining, state.request_id(&request)).await? {
        Joined::ReadMail => joining_page(&JoinWords::of_mail(Language::of(&request)), None, &request, &state),
        Joined::GoOn(opened) => go_on(opened, &link, tenant.as_str(), &request, &state),
    }
}

fn go_on(opened: Opened, link: &str, tenant: &str, request: &HttpRequest, state: &AppState) -> Answer {
    match opened {
        Opened::SignIn { link } => Ok(to_sign_in(&cookies::invited(&link, tenant, state), tenant)),
        Opened::Passkey(question) => {
            registration(&of_passkey(Language::of(request)), &question, tenant, request, state)
        }
        Opened::Join => {
            let form = (link, format!("/invitation/{tenant}/join"));
            joining_page(&JoinWords::of_form(Language::of(request)), Some(form), request, state)
        }
    }
}

#[derive(Template)]
#[template(path = "joining.html")]
struct JoiningPage<'a> {
    language: &'a str,
    words: &'a JoinWords,
    /// The link's secret; without it nothing is asked.
    link: Option<&'a str>,
    action: String,
    nonce: &'a str,
}

fn joining_page(
    words: &JoinWords,
    form: Option<(&str, String)>,
    request: &HttpRequest,
    state: &AppState,
) -> Answer {
    let language = Language::of(request);
    let nonce = nonce(state);
    let (link, action) = form.map_or((None, String::new()), |(link, action)| (Some(link), action));
    let page = JoiningPage { language: language.tag(), words, link, action, nonce: &nonce };
    let body = page.render().map_err(|error| Refused::from(AppError::Internal(error.to_string())))?;
    Ok(answer(StatusCode::OK, language, &policy(&nonce, "", our_forms(state))).body(body))
}

/// Where the tenant's people sign in; the browser keeps the link for it.
fn to_sign_in(cookie: &actix_web::cookie::Cookie<'static>, tenant: &str) -> HttpResponse {
    see_other(&format!("/login/{tenant}")).cookie(cookie.clone()).finish()
}
