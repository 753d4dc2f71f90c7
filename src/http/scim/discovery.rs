//! Discovery (RFC 7644 §4), open to everybody: RFC 7643 §5 wants the authentication schemes readable without one.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use app::AppError;
use scim::message::ListResponse;
use scim::schema;
use serde_json::Value;

use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::{Answer, answer};

/// Whether an address needs no credential.
pub(super) fn is_open(path: &str) -> bool {
    let below = path.strip_prefix("/scim/v2/").unwrap_or_default();
    matches!(below.split('/').next(), Some("ServiceProviderConfig" | "ResourceTypes" | "Schemas"))
}

/// `GET /ServiceProviderConfig`
pub(super) async fn service_provider_config(query: Query, state: Data<AppState>) -> Answer {
    unfiltered(&query)?;
    Ok(answer::message(&schema::service_provider_config(&state.scim_base(), &state.json_limits())))
}

/// `GET /ResourceTypes`
pub(super) async fn resource_types(query: Query, state: Data<AppState>) -> Answer {
    unfiltered(&query)?;
    let base = state.scim_base();
    Ok(whole(schema::resource_types().iter().map(|found| found.to_json(&base)).collect()))
}

/// `GET /ResourceTypes/{id}`
pub(super) async fn resource_type(id: Path<String>, query: Query, state: Data<AppState>) -> Answer {
    unfiltered(&query)?;
    let all = schema::resource_types();
    let found = all.iter().find(|found| found.name == *id).ok_or(AppError::NotFound("resource type"))?;
    Ok(answer::message(&found.to_json(&state.scim_base())))
}

/// `GET /Schemas`
pub(super) async fn schemas(query: Query, state: Data<AppState>) -> Answer {
    unfiltered(&query)?;
    let base = state.scim_base();
    Ok(whole(schema::schemas().iter().map(|found| found.to_json(&base)).collect()))
}

/// `GET /Schemas/{id}`
pub(super) async fn schema(id: Path<String>, query: Query, state: Data<AppState>) -> Answer {
    unfiltered(&query)?;
    let found = schema::schema_by_id(&id).ok_or(AppError::NotFound("schema"))?;
    Ok(answer::message(&found.to_json(&state.scim_base())))
}

/// RFC 7644 §4: "If a "filter" is provided, the service provider SHOULD respond with HTTP status code 403 (Forbidden)".
fn unfiltered(query: &Query) -> Result<(), Refused> {
    match query.get("filter")? {
        None => Ok(()),
        Some(_) => Err(Refused::NotLikeThis("Discovery endpoints take no filter.")),
    }
}

/// A list without pages.
fn whole(resources: Vec<Value>) -> HttpResponse {
    let total = i64::try_from(resources.len()).unwrap_or(i64::MAX);
    let list = ListResponse {
        total_results: total,
        start_index: Some(1),
        next_cursor: None,
        items_per_page: total,
        resources,
    };
    answer::list(&list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_discovery_is_open() {
        for open in ["/scim/v2/ServiceProviderConfig", "/scim/v2/Schemas/urn:x", "/scim/v2/ResourceTypes"] {
            assert!(is_open(open), "{open}");
        }
        for closed in ["/scim/v2/Users", "/scim/v2", "/scim/v2/SchemasX", "/scim/v2/Users/Schemas"] {
            assert!(!is_open(closed), "{closed}");
        }
    }
}
