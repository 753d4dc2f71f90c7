//! Answers and shared parts of the API. Knows media types and documentation; does not know tenants.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use serde::Serialize;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::super::problem::PROBLEM_JSON;

/// All of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Items<T> {
    /// The items.
    pub(super) items: Vec<T>,
}

/// An answer that nobody keeps.
pub(super) fn ok(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body)
}

/// A whole list.
pub(super) fn items<T: Serialize>(items: Vec<T>) -> HttpResponse {
    ok(&Items { items })
}

/// It is there now.
pub(super) fn created(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(body)
}

/// Done.
pub(super) fn done() -> HttpResponse {
    HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish()
}

/// The tenant in an address.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only; callers are resolved by their extractors")]
pub(super) struct InTenant {
    /// Slug of the tenant.
    #[param(example = "acme", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    tenant: String,
}

/// A thing in an address.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
pub(super) struct ById {
    /// Its id.
    #[param(value_type = String, format = Uuid)]
    id: String,
}

/// For whom it is done.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the documentation only; callers are resolved by their extractors")]
pub(super) struct ForPerson {
    /// Id of the person for whom the program asks. They may do what the product's grant rules allow them; what these do not is
    /// 403 `grant_rule`. Without it the program asks for itself and is held to the product's invariants alone.
    #[param(rename = "Usher-Acting-Person", value_type = Option<String>, format = Uuid)]
    acting_person: Option<String>,
}

/// What may be answered to a request without a body.
pub(super) struct ReadRefusals;

/// What may be answered to a request with a body.
pub(super) struct WriteRefusals;

const READ: [(&str, &str); 6] = [
    ("400", "A parameter makes no sense."),
    ("401", "No credential, or one that is unknown, expired or revoked."),
    ("403", "The credential is for something else."),
    ("404", "There is no such thing here, or the caller does not administer the tenant."),
    ("429", "Too many requests; `Retry-After` says when to return."),
    ("503", "Temporarily unavailable; `Retry-After` says when to return."),
];

const WRITE: [(&str, &str); 4] = [
    ("408", "The body did not arrive in time."),
    ("409", "It is there already, or it contradicts what is there."),
    ("413", "The body is too large; the detail names the limit."),
    ("415", "The body is not `application/json`."),
];

fn problem(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build().into()
}

impl IntoResponses for ReadRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        READ.iter().map(|(status, description)| ((*status).to_owned(), problem(description))).collect()
    }
}

impl IntoResponses for WriteRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let all = READ.iter().chain(&WRITE);
        all.map(|(status, description)| ((*status).to_owned(), problem(description))).collect()
    }
}
