//! `/GroupMemberships` (draft-zollner-scim-group-members-01). Knows the endpoint; the rows are those of `members`.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use app::AppError;
use app::provision::{MembershipId, MembershipView};
use scim::message::{Meta, render};
use scim::projection::Projection;
use scim::schema::{group, group_membership, user};
use serde_json::{Map, Value, json};

use super::super::body::Body;
use super::super::caller::ScimClient;
use super::super::query::Query;
use super::super::state::AppState;
use super::search::{Search, Shown};
use super::{Answer, answer};

/// A membership begins and ends and never changes.
const VERSION: i64 = 1;

/// `GET /GroupMemberships`
pub(super) async fn list(client: ScimClient, query: Query, state: Data<AppState>) -> Answer {
    found(&client, &Search::from_query(&query, client.dialect())?, &state).await
}

/// `POST /GroupMemberships/.search`
pub(super) async fn search(client: ScimClient, body: Body, state: Data<AppState>) -> Answer {
    let body = body.scim(&state).await?;
    found(&client, &Search::from_body(body)?, &state).await
}

/// `POST /GroupMemberships`
pub(super) async fn create(client: ScimClient, query: Query, body: Body, state: Data<AppState>) -> Answer {
    let shown = projection(&Shown::from_query(&query)?)?;
    let body = body.scim(&state).await?;
    let view = state.app.create_membership(&client.0, body, client.dialect()).await?;
    let location = location(&state, view.id);
    Ok(answer::created(&shown.apply(rendered(&view, &state)), VERSION, &location))
}

/// `GET /GroupMemberships/{id}`
pub(super) async fn get(
    client: ScimClient,
    id: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let shown = projection(&Shown::from_query(&query)?)?;
    let view = state.app.get_membership(&client.0, membership_id(&id)?).await?;
    if let Some(answer) = answer::not_modified(&request, VERSION) {
        return Ok(answer);
    }
    Ok(answer::resource(&shown.apply(rendered(&view, &state)), VERSION))
}

/// `DELETE /GroupMemberships/{id}`
pub(super) async fn delete(client: ScimClient, id: Path<String>, state: Data<AppState>) -> Answer {
    state.app.delete_membership(&client.0, membership_id(&id)?).await?;
    Ok(answer::deleted())
}

async fn found(client: &ScimClient, search: &Search, state: &AppState) -> Answer {
    if search.sort_by.is_some() {
        let detail = "GroupMemberships are in the order of their groups and members";
        return Err(scim::Error::invalid_value(detail).into());
    }
    let filter = search.filter(&group_membership(), client.dialect())?;
    let shown = projection(&search.shown)?;
    let page = state.app.list_memberships(&client.0, filter.as_ref(), &search.paging).await?;
    Ok(answer::list(search.page(page, |view| shown.apply(rendered(&view, state)))))
}

fn projection(shown: &Shown) -> Result<Projection, scim::Error> {
    Projection::parse(&group_membership(), shown.attributes.as_deref(), shown.excluded.as_deref())
}

/// An id that cannot be one of ours names nothing.
fn membership_id(text: &str) -> Result<MembershipId, AppError> {
    MembershipId::parse(text).ok_or(AppError::NotFound("membership"))
}

fn location(state: &AppState, id: MembershipId) -> String {
    format!("{}/GroupMemberships/{id}", state.scim_base())
}

fn rendered(view: &MembershipView, state: &AppState) -> Value {
    let base = state.scim_base();
    let meta = Meta {
        created: view.created_at,
        last_modified: view.created_at,
        version: VERSION,
        location: location(state, view.id),
    };
    let (kind, of) = if view.is_group { ("Group", group()) } else { ("User", user()) };
    let mut doc = Map::new();
    doc.insert(
        "group".to_owned(),
        json!({
            "value": view.group,
            "$ref": format!("{base}/Groups/{}", view.group),
            "display": view.group_name,
        }),
    );
    doc.insert(
        "member".to_owned(),
        json!({
            "value": view.member,
            "$ref": format!("{base}{}/{}", of.endpoint, view.member),
            "type": kind,
            "display": view.member_name,
        }),
    );
    render(&group_membership(), &view.id.to_string(), doc, meta, Map::new())
}
