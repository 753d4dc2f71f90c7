//! Addresses that name their tenant: `/scim/{tenant}/v2/…`. Knows how one is read; does not know whose credential is shown.
//!
//! Such a request goes on as the same one below `/scim/v2`, with the tenant noted in its [`AppState`]: every link in the
//! answer begins with the base that the client has, and [`caller`](super::super::caller) lets in only that tenant's
//! credentials.

use std::rc::Rc;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::Data;
use domain::slug::Slug;

use super::super::state::AppState;

/// Middleware around the whole door, outermost, so that everything else sees one form of address.
pub(in super::super) fn tenant_in_address<S, B>()
-> impl Transform<S, ServiceRequest, Response = ServiceResponse<B>, Error = Error, InitError = ()> + 'static
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(|mut request: ServiceRequest, next: Next<B>| {
        let named = take_tenant(request.uri());
        if let (Some((tenant, uri)), Some(state)) = (named, request.app_data::<Data<AppState>>()) {
            let state = AppState { addressed: Some(tenant), ..AppState::clone(state) };
            let mut own = Extensions::new();
            own.insert(Data::new(state));
            request.add_data_container(Rc::new(own));
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
        }
        next.call(request)
    })
}

/// The tenant that an address names, and the address without it. A tenant called `v2` has only the address for everybody.
fn take_tenant(uri: &Uri) -> Option<(Slug, Uri)> {
    let (tenant, below) = uri.path().strip_prefix("/scim/")?.split_once('/')?;
    if tenant == "v2" || !(below == "v2" || below.starts_with("v2/")) {
        return None;
    }
    let tenant = Slug::parse(tenant).ok()?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("/scim/{below}{query}")).ok()?);
    Some((tenant, Uri::from_parts(parts).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(address: &str) -> Option<(String, String)> {
        let (tenant, uri) = take_tenant(&address.parse().unwrap())?;
        Some((tenant.to_string(), uri.to_string()))
    }

    #[test]
    fn the_tenant_is_taken_out_and_everything_else_stays() {
        let some = |tenant: &str, rest: &str| Some((tenant.to_owned(), rest.to_owned()));

        assert_eq!(taken("/scim/acme/v2"), some("acme", "/scim/v2"));
        assert_eq!(
            taken("/scim/acme/v2/Users?aadOptscim062020&filter=a%20eq%20%22b%22"),
            some("acme", "/scim/v2/Users?aadOptscim062020&filter=a%20eq%20%22b%22")
        );
        assert_eq!(taken("/scim/acme/v2/Users/%C3%A9"), some("acme", "/scim/v2/Users/%C3%A9"));
    }

    #[test]
    fn other_addresses_name_no_tenant() {
        for address in [
            "/scim/v2/Users",
            "/scim/v2/v2/Users",
            "/scim/acme/v1/Users",
            "/scim/acme/v20",
            "/scim/Acme/v2/Users",
            "/scim/a%2Fb/v2/Users",
            "/scim/acme/x/v2/Users",
            "/scim//v2/Users",
            "/scim/acme",
            "/api/acme/v2",
        ] {
            assert_eq!(taken(address), None, "{address}");
        }
    }
}
