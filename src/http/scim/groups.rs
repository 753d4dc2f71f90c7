//! `/Groups`. Knows the endpoint of RFC 7644 §3.2; members are read only if they are shown.
//!
//! `members` is `returned: default` (RFC 7643 §7) whatever a group's size: an answer that left out those of a large group
//! by itself could not be told from one about an empty group, and who writes back what was read would empty it. A
//! client that wants no members excludes them, and then a group costs the same whatever its size.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::provision::{GroupView, Members, SomeMembers};
use domain::id::GroupId;
use scim::message::{Meta, render};
use scim::projection::Projection;
use scim::schema::{group, user};
use serde_json::{Map, Value, json};

use super::super::body::Body;
use super::super::caller::ScimClient;
use super::super::endpoint::id_of;
use super::super::query::Query;
use super::super::state::AppState;
use super::content::{Content, Reader, Rest};
use super::search::{Search, Shown};
use super::{Answer, answer};

/// `GET /Groups`
pub(super) async fn list(client: ScimClient, query: Query, state: Data<AppState>) -> Answer {
    found(&client, &Search::from_query(&query, client.dialect())?, &state).await
}

/// `POST /Groups/.search`
pub(super) async fn search(client: ScimClient, body: Body, state: Data<AppState>) -> Answer {
    let body = body.scim(&state).await?;
    found(&client, &Search::from_body(body)?, &state).await
}

/// `POST /Groups`
pub(super) async fn create(client: ScimClient, query: Query, body: Body, state: Data<AppState>) -> Answer {
    let shown = projection(&client, &Shown::from_query(&query)?)?;
    let body = body.scim(&state).await?;
    let wanted = members_if(&shown);
    let view = state.app.create_group(&client.0, body, client.dialect(), wanted).await?;
    let (version, location) = (view.version, location(&state, view.id));
    Ok(answer::created(content(view, shown, &client, &state), version, &location))
}

/// `GET /Groups/{id}`
pub(super) async fn get(
    client: ScimClient,
    id: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let shown = projection(&client, &Shown::from_query(&query)?)?;
    let view = state.app.get_group(&client.0, id_of(&id, "group")?, members_if(&shown)).await?;
    if let Some(answer) = answer::not_modified(&request, view.version) {
        return Ok(answer);
    }
    Ok(answered(view, shown, &client, &state))
}

/// `PUT /Groups/{id}`
pub(super) async fn replace(
    client: ScimClient,
    id: Path<String>,
    query: Query,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let (id, if_match) = (id_of(&id, "group")?, answer::if_match(&request));
    let shown = projection(&client, &Shown::from_query(&query)?)?;
    let body = body.scim(&state).await?;
    let (dialect, wanted) = (client.dialect(), members_if(&shown));
    let view = state.app.replace_group(&client.0, id, if_match.as_deref(), body, dialect, wanted).await?;
    Ok(answered(view, shown, &client, &state))
}

/// `PATCH /Groups/{id}`: 204, so that one member more costs the same in a group of any size.
///
/// RFC 7644 §3.5.2: "The server MUST return a 200 OK if the "attributes" parameter is specified in the request."
pub(super) async fn patch(
    client: ScimClient,
    id: Path<String>,
    query: Query,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let (id, if_match) = (id_of(&id, "group")?, answer::if_match(&request));
    let asked = Shown::from_query(&query)?;
    let shown = projection(&client, &asked)?;
    let body = body.scim_patch(&state).await?;
    let wanted = if asked.is_asked() { members_if(&shown) } else { Members::Omitted };
    let dialect = client.dialect();
    let view = state.app.patch_group(&client.0, id, if_match.as_deref(), body, dialect, wanted).await?;
    let is_shown = asked.is_asked();
    Ok(if is_shown { answered(view, shown, &client, &state) } else { answer::changed(view.version) })
}

/// `DELETE /Groups/{id}`
pub(super) async fn delete(
    client: ScimClient,
    id: Path<String>,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    state.app.delete_group(&client.0, id_of(&id, "group")?, answer::if_match(&request).as_deref()).await?;
    Ok(answer::deleted())
}

async fn found(client: &ScimClient, search: &Search, state: &Data<AppState>) -> Answer {
    let query = search.of(client.types().group(), client.dialect())?;
    let shown = projection(client, &search.shown)?;
    let page = state.app.list_groups(&client.0, &query, members_if(&shown)).await?;
    let mut rests = Vec::new();
    let list = search.page(page, |view| {
        rests.push(Rest::of(&view));
        shown.apply(rendered(view, state))
    });
    Ok(answer::message(Content::list(list, rests, || reader(client, shown, state))))
}

/// Who reads the members that an answer has no room for at first.
pub(super) fn reader(client: &ScimClient, shown: Projection, state: &Data<AppState>) -> Reader {
    Reader { state: state.clone(), directory: client.0.clone(), shown }
}

fn content(view: GroupView, shown: Projection, client: &ScimClient, state: &Data<AppState>) -> Content {
    let rest = Rest::of(&view);
    Content::resource(shown.apply(rendered(view, state)), rest, || reader(client, shown, state))
}

pub(super) fn projection(client: &ScimClient, shown: &Shown) -> Result<Projection, scim::Error> {
    shown.of(client.types().group())
}

pub(super) fn members_if(shown: &Projection) -> Members {
    if shown.wants("members") { Members::Included } else { Members::Omitted }
}

fn answered(view: GroupView, shown: Projection, client: &ScimClient, state: &Data<AppState>) -> HttpResponse {
    let version = view.version;
    answer::resource(content(view, shown, client, state), version)
}

fn location(state: &AppState, id: GroupId) -> String {
    format!("{}/Groups/{id}", state.scim_base())
}

pub(super) fn rendered(view: GroupView, state: &AppState) -> Value {
    let meta = Meta {
        created: view.created_at,
        last_modified: view.updated_at,
        version: view.version,
        location: location(state, view.id),
    };
    let mut extra = Map::new();
    if let Some(some) = view.members {
        extra.insert("members".to_owned(), members(some, &state.scim_base()));
    }
    render(&group(), &view.id.to_string(), view.resource.into_map(), meta, extra)
}

/// Members as a group shows them.
pub(super) fn members(some: SomeMembers, base: &str) -> Value {
    let members = some.rows.into_iter().map(|member| {
        let (kind, of) = if member.is_group { ("Group", group()) } else { ("User", user()) };
        let address = format!("{base}{}/{}", of.endpoint, member.id);
        json!({"value": member.id, "$ref": address, "type": kind, "display": member.display})
    });
    members.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_unless_they_are_excluded() {
        let asked = |attributes: Option<&str>, excluded: Option<&str>| {
            let shown =
                Shown { attributes: attributes.map(str::to_owned), excluded: excluded.map(str::to_owned) };
            members_if(&shown.of(&group()).unwrap())
        };

        assert_eq!(asked(None, None), Members::Included);
        assert_eq!(asked(None, Some("members")), Members::Omitted);
        assert_eq!(asked(Some("displayName"), None), Members::Omitted);
        assert_eq!(asked(Some("members"), None), Members::Included);
    }
}
