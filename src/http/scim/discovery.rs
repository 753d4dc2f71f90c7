//! Discovery (RFC 7644 §4), open to everybody: RFC 7643 §5 wants the authentication schemes readable without a credential.
//! Who shows one is told what holds for its directory: what its tenant offers, in the form of its dialect.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use app::AppError;
use scim::dialect::Profile;
use scim::message::ListResponse;
use scim::schema::{self, Config, Form, ResourceType, Schema, Types};
use serde_json::Value;

use super::super::caller::AnyScimClient;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::{Answer, answer, offered};

/// Whether an address needs no credential.
pub(super) fn is_open(path: &str) -> bool {
    let below = path.strip_prefix("/scim/v2/").unwrap_or_default();
    matches!(below.split('/').next(), Some("ServiceProviderConfig" | "ResourceTypes" | "Schemas"))
}

/// `GET /ServiceProviderConfig`
pub(super) async fn service_provider_config(
    AnyScimClient(client): AnyScimClient,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    unfiltered(&query)?;
    let told = client.map_or_else(Config::default, |client| {
        let interop = client.dialect().is(Profile::Interop);
        Config { interop, roles: interop || client.dialect().is(Profile::Okta) }
    });
    Ok(answer::message(&schema::service_provider_config(&state.scim_base(), &state.json_limits(), told)))
}

/// `GET /ResourceTypes`
pub(super) async fn resource_types(client: AnyScimClient, query: Query, state: Data<AppState>) -> Answer {
    unfiltered(&query)?;
    let base = state.scim_base();
    let all = Described::to(&client).resource_types();
    Ok(whole(all.iter().map(|found| found.to_json(&base)).collect()))
}

/// `GET /ResourceTypes/{id}`
pub(super) async fn resource_type(
    client: AnyScimClient,
    id: Path<String>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    unfiltered(&query)?;
    let all = Described::to(&client).resource_types();
    let found = all.iter().find(|found| found.name == *id).ok_or(AppError::NotFound("resource type"))?;
    Ok(answer::message(&found.to_json(&state.scim_base())))
}

/// `GET /Schemas`
pub(super) async fn schemas(client: AnyScimClient, query: Query, state: Data<AppState>) -> Answer {
    unfiltered(&query)?;
    let base = state.scim_base();
    let all = Described::to(&client).schemas();
    Ok(whole(all.iter().map(|found| found.to_json(&base)).collect()))
}

/// `GET /Schemas/{id}`
pub(super) async fn schema(
    client: AnyScimClient,
    id: Path<String>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    unfiltered(&query)?;
    let all = Described::to(&client).schemas();
    let found = all.iter().find(|found| found.id.eq_ignore_ascii_case(&id));
    Ok(answer::message(&found.ok_or(AppError::NotFound("schema"))?.to_json(&state.scim_base())))
}

/// What is described: a directory's own, or what is the same for all.
enum Described<'a> {
    General,
    Own(&'a Types, Form),
}

impl<'a> Described<'a> {
    fn to(AnyScimClient(client): &'a AnyScimClient) -> Self {
        client
            .as_ref()
            .map_or(Self::General, |client| Self::Own(client.types(), offered::form(client.dialect())))
    }

    fn resource_types(&self) -> Vec<Arc<ResourceType>> {
        match self {
            Self::General => Types::general().all(Form::default()),
            Self::Own(types, form) => types.all(*form),
        }
    }

    fn schemas(&self) -> Vec<Arc<Schema>> {
        match self {
            Self::General => Types::general().schemas(Form::default()),
            Self::Own(types, form) => types.schemas(*form),
        }
    }
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
    answer::list(list)
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
