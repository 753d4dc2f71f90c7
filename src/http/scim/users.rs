//! `/Users`. Knows the endpoint of RFC 7644 §3.2; what a change sets off, the use cases know.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use app::provision::{Groups, UserView};
use domain::id::UserId;
use scim::message::{Meta, render};
use scim::projection::Projection;
use scim::schema::user;
use serde_json::{Map, Value};

use super::super::body::Body;
use super::super::caller::ScimClient;
use super::super::endpoint::id_of;
use super::super::query::Query;
use super::super::state::AppState;
use super::search::{Search, Shown};
use super::{Answer, answer};

/// `GET /Users`
pub(super) async fn list(client: ScimClient, query: Query, state: Data<AppState>) -> Answer {
    found(&client, &Search::from_query(&query, client.dialect())?, &state).await
}

/// `POST /Users/.search`
pub(super) async fn search(client: ScimClient, body: Body, state: Data<AppState>) -> Answer {
    let body = body.scim(&state).await?;
    found(&client, &Search::from_body(body)?, &state).await
}

/// `POST /Users`
pub(super) async fn create(client: ScimClient, query: Query, body: Body, state: Data<AppState>) -> Answer {
    let shown = projection(&client, &Shown::from_query(&query)?)?;
    let body = body.scim(&state).await?;
    let view = state.app.create_or_let_in_again(&client.0, body, client.dialect()).await?;
    let (version, location) = (view.version, location(&state, view.id));
    Ok(answer::created(&shown.apply(rendered(view, &state)), version, &location))
}

/// `GET /Users/{id}`
pub(super) async fn get(
    client: ScimClient,
    id: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let shown = projection(&client, &Shown::from_query(&query)?)?;
    let view = state.app.get_user(&client.0, id_of(&id, "user")?, groups_if(&shown)).await?;
    if let Some(answer) = answer::not_modified(&request, view.version) {
        return Ok(answer);
    }
    Ok(answered(view, &shown, &state))
}

/// `PUT /Users/{id}`
pub(super) async fn replace(
    client: ScimClient,
    id: Path<String>,
    query: Query,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let (id, if_match) = (id_of(&id, "user")?, answer::if_match(&request));
    let shown = projection(&client, &Shown::from_query(&query)?)?;
    let body = body.scim(&state).await?;
    let view = state.app.replace_user(&client.0, id, if_match.as_deref(), body, client.dialect()).await?;
    Ok(answered(view, &shown, &state))
}

/// `PATCH /Users/{id}`
pub(super) async fn patch(
    client: ScimClient,
    id: Path<String>,
    query: Query,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let (id, if_match) = (id_of(&id, "user")?, answer::if_match(&request));
    let shown = projection(&client, &Shown::from_query(&query)?)?;
    let body = body.scim(&state).await?;
    let view = state.app.patch_user(&client.0, id, if_match.as_deref(), body, client.dialect()).await?;
    Ok(answered(view, &shown, &state))
}

/// `DELETE /Users/{id}`
pub(super) async fn delete(
    client: ScimClient,
    id: Path<String>,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    state.app.delete_user(&client.0, id_of(&id, "user")?, answer::if_match(&request).as_deref()).await?;
    Ok(answer::deleted())
}

async fn found(client: &ScimClient, search: &Search, state: &AppState) -> Answer {
    let query = search.of(client.types().user(), client.dialect())?;
    let shown = projection(client, &search.shown)?;
    let page = state.app.list_users(&client.0, &query, groups_if(&shown)).await?;
    Ok(answer::list(search.page(page, |view| shown.apply(rendered(view, state)))))
}

pub(super) fn projection(client: &ScimClient, shown: &Shown) -> Result<Projection, scim::Error> {
    shown.of(client.types().user())
}

/// Groups are read only if they are shown.
pub(super) fn groups_if(shown: &Projection) -> Groups {
    if shown.wants("groups") { Groups::Included } else { Groups::Omitted }
}

fn answered(view: UserView, shown: &Projection, state: &AppState) -> actix_web::HttpResponse {
    let version = view.version;
    answer::resource(&shown.apply(rendered(view, state)), version)
}

pub(super) fn location(state: &AppState, id: UserId) -> String {
    format!("{}/Users/{id}", state.scim_base())
}

pub(super) fn rendered(view: UserView, state: &AppState) -> Value {
    let meta = Meta {
        created: view.created_at,
        last_modified: view.updated_at,
        version: view.version,
        location: location(state, view.id),
    };
    let mut extra = Map::new();
    if let Some(Value::Array(groups)) = view.groups {
        let base = state.scim_base();
        extra.insert("groups".to_owned(), groups.into_iter().map(|group| membership(group, &base)).collect());
    }
    render(&user(), &view.id.to_string(), view.resource.into_map(), meta, extra)
}

/// One of a person's groups, with its address.
fn membership(group: Value, base: &str) -> Value {
    let Value::Object(mut group) = group else { return group };
    if let Some(id) = group.get("value").and_then(Value::as_str) {
        let address = format!("{base}/Groups/{id}");
        group.insert("$ref".to_owned(), Value::from(address));
    }
    Value::Object(group)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_read_only_if_they_are_shown() {
        let asked = |attributes: Option<&str>, excluded: Option<&str>| {
            let shown =
                Shown { attributes: attributes.map(str::to_owned), excluded: excluded.map(str::to_owned) };
            groups_if(&shown.of(&user()).unwrap())
        };

        assert_eq!(asked(None, None), Groups::Included);
        assert_eq!(asked(Some("userName"), None), Groups::Omitted);
        assert_eq!(asked(Some("groups.value"), None), Groups::Included);
        assert_eq!(asked(None, Some("groups")), Groups::Omitted);
    }

    #[test]
    fn a_membership_has_an_address() {
        let group = membership(
            json!({"value": "g1", "display": "Sales", "type": "direct"}),
            "https://usher.test/scim/v2",
        );

        assert_eq!(
            group,
            json!({
                "value": "g1",
                "display": "Sales",
                "$ref": "https://usher.test/scim/v2/Groups/g1",
                "type": "direct",
            })
        );
    }
}
