//! `/Roles` and `/Entitlements`, to be read: what the tenant offers, in the form that the client's dialect asks for. Knows
//! both forms; what is offered, the use cases know.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::http::header::{HeaderValue, VARY};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::AppError;
use app::provision::{Offer, Offered};
use scim::dialect::{Dialect, Profile};
use scim::message::etag;
use scim::schema::{Form, META, ResourceType, entitlement, role};
use serde_json::{Map, Value, json};

use super::super::body::Body;
use super::super::caller::ScimClient;
use super::super::login::language::Language;
use super::super::query::Query;
use super::super::state::AppState;
use super::search::{Search, Shown};
use super::{Answer, answer};

/// The form that a dialect asks for.
pub(super) fn form(dialect: &Dialect) -> Form {
    if dialect.is(Profile::Okta) { Form::Okta } else { Form::Ietf }
}

/// `GET /Roles`
pub(super) async fn roles(
    client: ScimClient,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let search = Search::from_query(&query, client.dialect())?;
    found(&Asked::of(Offered::Roles, &client, &request, &state), &search).await
}

/// `POST /Roles/.search`
pub(super) async fn search_roles(
    client: ScimClient,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let search = Search::from_body(body.scim(&state).await?)?;
    found(&Asked::of(Offered::Roles, &client, &request, &state), &search).await
}

/// `GET /Roles/{id}`
pub(super) async fn role_by_id(
    client: ScimClient,
    id: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    one(&Asked::of(Offered::Roles, &client, &request, &state), &id, &query).await
}

/// `GET /Entitlements`
pub(super) async fn entitlements(
    client: ScimClient,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let search = Search::from_query(&query, client.dialect())?;
    found(&Asked::of(Offered::Entitlements, &client, &request, &state), &search).await
}

/// `POST /Entitlements/.search`
pub(super) async fn search_entitlements(
    client: ScimClient,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let search = Search::from_body(body.scim(&state).await?)?;
    found(&Asked::of(Offered::Entitlements, &client, &request, &state), &search).await
}

/// `GET /Entitlements/{id}`
pub(super) async fn entitlement_by_id(
    client: ScimClient,
    id: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    one(&Asked::of(Offered::Entitlements, &client, &request, &state), &id, &query).await
}

/// One question, and who asks it how.
struct Asked<'a> {
    what: Offered,
    client: &'a ScimClient,
    request: &'a HttpRequest,
    state: &'a AppState,
    form: Form,
    resource_type: std::sync::Arc<ResourceType>,
}

impl<'a> Asked<'a> {
    fn of(what: Offered, client: &'a ScimClient, request: &'a HttpRequest, state: &'a AppState) -> Self {
        let form = form(client.dialect());
        let resource_type = match what {
            Offered::Roles => role(form),
            Offered::Entitlements => entitlement(form),
        };
        Self { what, client, request, state, form, resource_type }
    }

    /// All that is offered, each with its version.
    async fn all(&self) -> Result<Vec<(Map<String, Value>, i64)>, AppError> {
        let locale = Language::asked(self.request).map(Language::tag).unwrap_or_default();
        let offers = self.state.app.offering(&self.client.0, self.what, locale).await?;
        Ok(offers.into_iter().map(|offer| self.rendered(offer)).collect())
    }

    /// Its version is made from what is shown: nobody keeps a count of its changes, nor their times.
    fn rendered(&self, offer: Offer) -> (Map<String, Value>, i64) {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| {
            shown.insert(name.to_owned(), value);
        };
        put("schemas", json!([self.resource_type.schema.id]));
        put("id", json!(offer.value));
        match self.form {
            Form::Okta => put("displayName", json!(offer.display)),
            Form::Ietf => {
                put("value", json!(offer.value));
                put("display", json!(offer.display));
                put("supported", json!(true));
                for (name, values) in [("contains", offer.contains), ("containedBy", offer.contained_by)] {
                    if !values.is_empty() {
                        put(name, json!(values));
                    }
                }
            }
        }
        put("type", json!(offer.held_at));
        put("limitedAssignmentsPermitted", json!(offer.seats.is_some_and(|seats| seats.limited)));
        if let Some(seats) = offer.seats {
            put("totalAssignmentsPermitted", json!(seats.permitted));
            put("totalAssignmentsUsed", json!(seats.used));
        }
        let version = version(&shown);
        let endpoint = &self.resource_type.endpoint;
        let meta = json!({
            "resourceType": self.resource_type.name,
            "location": format!("{}{endpoint}/{}", self.state.scim_base(), offer.value),
            "version": etag::weak(version),
        });
        shown.insert(META.to_owned(), meta);
        (shown, version)
    }
}

fn version(shown: &Map<String, Value>) -> i64 {
    let mut hasher = DefaultHasher::new();
    Value::Object(shown.clone()).to_string().hash(&mut hasher);
    i64::try_from(hasher.finish() >> 1).unwrap_or_default()
}

async fn found(asked: &Asked<'_>, search: &Search) -> Answer {
    let query = search.of(&asked.resource_type, asked.client.dialect())?;
    let shown = search.shown.of(&asked.resource_type)?;
    let all = asked.all().await?.into_iter().map(|(offer, _)| offer).collect();
    let page = asked.state.app.page_of(&asked.client.0, asked.what.list(), &query, all)?;
    Ok(in_language(answer::list(search.page(page, |offer| shown.apply(offer)))))
}

async fn one(asked: &Asked<'_>, id: &str, query: &Query) -> Answer {
    let shown = Shown::from_query(query)?.of(&asked.resource_type)?;
    let has_id = |offer: &Map<String, Value>| offer.get("id").and_then(Value::as_str) == Some(id);
    let found = asked.all().await?.into_iter().find(|(offer, _)| has_id(offer));
    let missing = match asked.what {
        Offered::Roles => "role",
        Offered::Entitlements => "entitlement",
    };
    let (offer, version) = found.ok_or(AppError::NotFound(missing))?;
    let answer = answer::not_modified(asked.request, version)
        .unwrap_or_else(|| answer::resource(&shown.apply(Value::Object(offer)), version));
    Ok(in_language(answer))
}

/// Names are told in the language that is asked for.
fn in_language(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Language"));
    answer
}
