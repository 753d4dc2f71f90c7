//! The middleware. Knows how a request is admitted or refused; does not know how a door words the refusal.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpRequest, HttpResponse};
use domain::id::TenantId;
use domain::token::PlainToken;

use super::address;
use super::buckets::{Limited, Limits};

/// Middleware for one door. `credential` finds what the request presents (a header, a session cookie), of which
/// only a hash is kept; `render` words the refusal, to which `Retry-After` is added.
pub fn guard<S, B, K, R>(
    limits: Arc<Limits>,
    credential: K,
    render: R,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<EitherBody<B>>, Error = Error, InitError = ()>
+ 'static
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
    K: for<'a> Fn(&'a ServiceRequest) -> Option<Cow<'a, [u8]>> + 'static,
    R: Fn(&HttpRequest, Limited) -> HttpResponse + 'static,
{
    let door = Rc::new((credential, render));
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let (limits, door) = (Arc::clone(&limits), Rc::clone(&door));
        async move {
            let (credential, render) = door.as_ref();
            let key = credential(&request).map(|presented| limits.key(&presented));
            let tenant = key.and_then(|_| named(&request));
            let admitted =
                limits.admit(key, tenant, || address::client(request.request(), limits.trusted_proxies()));
            if let Err(limited) = admitted {
                let mut response = render(request.request(), limited);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(limited.retry_after_seconds));
                return Ok(request.into_response(response).map_into_right_body());
            }
            let response = next.call(request).await?;
            if let Some(key) = key {
                match response.status() {
                    StatusCode::UNAUTHORIZED => limits.disown(key),
                    status if status.is_success() => limits.vouch(key),
                    _ => {}
                }
            }
            Ok(response.map_into_left_body())
        }
    })
}

/// Middleware for the doors at which providers' answers arrive: counts those of each connection.
pub fn guard_answers<S, B, R>(
    limits: Arc<Limits>,
    render: R,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<EitherBody<B>>, Error = Error, InitError = ()>
+ 'static
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
    R: Fn(&HttpRequest, Limited) -> HttpResponse + 'static,
{
    let render = Rc::new(render);
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let (limits, render) = (Arc::clone(&limits), Rc::clone(&render));
        async move {
            if let Some(limited) = answered(request.path()).and_then(|it| limits.admit_answer(it).err()) {
                let mut response = render(request.request(), limited);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(limited.retry_after_seconds));
                return Ok(request.into_response(response).map_into_right_body());
            }
            Ok(next.call(request).await?.map_into_left_body())
        }
    })
}

/// The connection to which an answer comes at this path.
fn answered(path: &str) -> Option<&str> {
    path.strip_suffix("/acs").or_else(|| path.strip_suffix("/callback"))
}

/// Counts a request of a proxy (see `Limits::admit_proxy`), and then does it; whether the credential was good, `is_good` says of
/// what came of it.
pub async fn guard_proxy<T>(
    limits: &Limits,
    credential: &[u8],
    request: &HttpRequest,
    work: impl Future<Output = T>,
    is_good: impl FnOnce(&T) -> bool,
) -> Result<T, Limited> {
    let key = limits.key(credential);
    limits.admit_proxy(key, || address::client(request, limits.trusted_proxies()))?;
    let done = work.await;
    if is_good(&done) {
        limits.vouch(key);
    } else {
        limits.disown(key);
    }
    Ok(done)
}

/// The tenant that the request's bearer token names.
fn named(request: &ServiceRequest) -> Option<TenantId> {
    let (_, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    PlainToken::parse(token.trim()).ok()?.tenant()
}

/// The `Authorization` header, for doors that are opened by a bearer token.
pub fn authorization(request: &ServiceRequest) -> Option<Cow<'_, [u8]>> {
    request.headers().get(AUTHORIZATION).map(|value| Cow::Borrowed(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, web};

    use super::super::LimitedBy;
    use super::*;
    use crate::config::LimitsConfig;

    fn limits(address: u32) -> Arc<Limits> {
        let positive = |number| NonZeroU32::new(number).unwrap();
        let config = LimitsConfig {
            per_credential_per_second: positive(25),
            burst: positive(25),
            per_tenant_per_second: positive(100),
            per_address_per_second: positive(address),
        };
        Arc::new(Limits::new(&config, Vec::new()))
    }

    fn refusal(_: &HttpRequest, limited: Limited) -> HttpResponse {
        HttpResponse::TooManyRequests().body(format!("{:?}", limited.by))
    }

    #[actix_web::test]
    async fn a_door_refuses_in_its_own_words_with_whole_seconds() {
        let app = init_service(
            App::new().service(
                web::scope("/scim")
                    .wrap(guard(limits(1), authorization, refusal))
                    .default_service(web::to(HttpResponse::Ok)),
            ),
        )
        .await;
        let request =
            || TestRequest::get().uri("/scim/v2").insert_header((AUTHORIZATION, "Bearer a")).to_request();

        // More than the address' burst of two: after its first success the credential counts alone.
        for _ in 0..25 {
            assert_eq!(call_service(&app, request()).await.status(), StatusCode::OK);
        }
        let mut refused = call_service(&app, request()).await;
        while refused.status() == StatusCode::OK {
            refused = call_service(&app, request()).await;
        }

        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers().get(RETRY_AFTER).unwrap(), "1");
        assert_eq!(actix_web::test::read_body(refused).await, format!("{:?}", LimitedBy::Credential));
    }

    #[actix_web::test]
    async fn refused_credentials_use_up_the_address() {
        let app = init_service(
            App::new().service(
                web::scope("/scim")
                    .wrap(guard(limits(1), authorization, refusal))
                    .default_service(web::to(HttpResponse::Unauthorized)),
            ),
        )
        .await;
        let mut statuses = Vec::new();

        for guess in 0..6 {
            let request =
                TestRequest::get().uri("/scim").insert_header((AUTHORIZATION, format!("Bearer {guess}")));
            statuses.push(call_service(&app, request.to_request()).await.status());
        }

        assert_eq!(statuses.first(), Some(&StatusCode::UNAUTHORIZED));
        assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS));
    }
}
