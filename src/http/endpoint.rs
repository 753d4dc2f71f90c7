//! One address and its methods. Knows `Allow`, HEAD and OPTIONS; does not know what the methods do.

use std::str::FromStr;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::header::ALLOW;
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, Route, web};
use app::AppError;

use super::error::Refused;
use super::voice::{Voice, speak};

/// The id in an address. What cannot be one of ours names nothing.
pub(super) fn id_of<T: FromStr>(text: &str, what: &'static str) -> Result<T, AppError> {
    text.parse().or(Err(AppError::NotFound(what)))
}

/// An address of a door. Other methods than the given are answered with 405 and `Allow`; HEAD goes with GET.
pub(super) struct Endpoint {
    resource: Resource,
    allow: Vec<&'static str>,
    voice: Option<Voice>,
}

macro_rules! methods {
    ($($name:ident, $words:expr;)*) => {$(
        pub(super) fn $name<F, Args>(self, handler: F) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            self.with($words, web::$name().to(handler))
        }
    )*};
}

impl Endpoint {
    pub(super) fn at(path: &str) -> Self {
        Self { resource: web::resource(path), allow: Vec::new(), voice: None }
    }

    pub(super) fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.with("GET", web::get().to(handler.clone())).with("HEAD", web::head().to(handler))
    }

    /// All methods alike, those included that are answered here otherwise.
    pub(super) fn any<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::route().to(handler));
        self
    }

    methods! {
        post, "POST";
        put, "PUT";
        patch, "PATCH";
        delete, "DELETE";
    }

    /// The address has a voice of its own, within a door that has another.
    pub(super) fn speaking(mut self, voice: Voice) -> Self {
        self.voice = Some(voice);
        self
    }

    fn with(mut self, method: &'static str, route: Route) -> Self {
        self.allow.push(method);
        self.resource = self.resource.route(route);
        self
    }
}

impl HttpServiceFactory for Endpoint {
    fn register(self, config: &mut AppService) {
        let allow = [self.allow.as_slice(), &["OPTIONS"]].concat().join(", ");
        let options = allow.clone();
        let resource = self
            .resource
            .route(web::method(actix_web::http::Method::OPTIONS).to(move || {
                let response = HttpResponse::NoContent().insert_header((ALLOW, options.clone())).finish();
                std::future::ready(response)
            }))
            .default_service(web::to(move || {
                let allow = allow.clone();
                std::future::ready(Err::<HttpResponse, _>(Refused::MethodNotAllowed { allow }))
            }));
        match self.voice {
            Some(voice) => resource.wrap(speak(voice)).register(config),
            None => resource.register(config),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::http::Method;
    use actix_web::test::{TestRequest, call_service, init_service};
    use domain::id::UserId;

    use super::*;

    #[actix_web::test]
    async fn other_methods_are_refused_with_the_list_of_those_that_work() {
        let app = init_service(
            App::new().service(Endpoint::at("/x").get(HttpResponse::Ok).delete(HttpResponse::NoContent)),
        )
        .await;
        let ask = |method: &str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let request = TestRequest::default().method(method).uri("/x").to_request();
            call_service(&app, request)
        };

        assert_eq!(ask("GET").await.status(), 200);
        assert_eq!(ask("HEAD").await.status(), 200);
        assert_eq!(ask("DELETE").await.status(), 204);
        assert_eq!(ask("OPTIONS").await.headers().get(ALLOW).unwrap(), "GET, HEAD, DELETE, OPTIONS");
        for method in ["POST", "TRACE", "BREW"] {
            let refused = ask(method).await;
            assert_eq!(refused.status(), 405, "{method}");
            assert_eq!(refused.headers().get(ALLOW).unwrap(), "GET, HEAD, DELETE, OPTIONS");
        }
    }

    #[test]
    fn an_id_of_another_shape_names_nothing() {
        for id in ["1", "../Groups", "a\0b", "0198c2f07a3b7c4d8e5f0123456789a"] {
            assert!(matches!(id_of::<UserId>(id, "user"), Err(AppError::NotFound("user"))), "{id:?}");
        }
    }
}
