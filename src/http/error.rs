//! Why a request was refused, whatever door it came to. Knows statuses and codes; does not know in which voice they are said.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use app::connections::ASSERTION_ALGORITHMS;
use app::{AppError, Refusal, TokenRefusal};
use scim::ScimType;

use super::limits::Limited;

/// When to come back while what was asked for before is being done.
const BUSY_FOR_SECONDS: u64 = 10;
/// When to come back after a database was away for a moment.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The one error of the doors: what a use case said, or what never came to one.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The use case did not happen.
    #[error(transparent)]
    App(#[from] AppError),
    /// Nobody has said who asks, or not so that we believe it.
    #[error("not authenticated")]
    Unauthenticated(Scheme),
    /// The credential is in force, and for something else.
    #[error("wrong credential: {0}")]
    WrongCredential(&'static str),
    /// The credential is in force, and may only ask.
    #[error("the credential only reads")]
    OnlyReads,
    /// Another site asks with somebody's cookie.
    #[error("the request comes from another site")]
    CrossSite,
    /// This may be asked, but not so.
    #[error("{0}")]
    NotLikeThis(&'static str),
    /// There is nothing at this address.
    #[error("no such address")]
    NoSuchPath,
    /// The address takes other methods.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// Which ones.
        allow: String,
    },
    /// The body is of a media type that the door does not read.
    #[error("unsupported media type")]
    MediaType {
        /// What it reads.
        expected: &'static str,
    },
    /// The body is compressed.
    #[error("unsupported content coding")]
    ContentCoding,
    /// The body is larger than any honest one.
    #[error("body too large")]
    BodyTooLarge {
        /// The most bytes that are read.
        limit: usize,
    },
    /// The body took too long to arrive.
    #[error("body too slow")]
    BodyTooSlow,
    /// The body is not what the request needs.
    #[error("{0}")]
    Body(String),
    /// A parameter of the address makes no sense.
    #[error("parameter {name}: {problem}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// Why.
        problem: Cow<'static, str>,
    },
    /// Too many requests.
    #[error("too many requests")]
    Limited(Limited),
    /// The standard has it and we do not.
    #[error("not implemented: {0}")]
    NotImplemented(&'static str),
    /// The web framework refused the request by itself.
    #[error("refused by the web framework: {0}")]
    Framework(StatusCode),
}

/// How somebody says who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// A bearer token (RFC 6750).
    Bearer {
        /// Whether one was shown.
        shown: bool,
    },
    /// The session cookie.
    Session,
}

impl From<scim::Error> for Refused {
    fn from(error: scim::Error) -> Self {
        Self::App(error.into())
    }
}

impl From<TokenRefusal> for Refused {
    fn from(refusal: TokenRefusal) -> Self {
        Self::App(refusal.into())
    }
}

impl Refused {
    /// A parameter of the address makes no sense.
    pub(super) fn parameter(name: &'static str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Parameter { name, problem: problem.into() }
    }

    /// The HTTP status, the same in every voice.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::App(error) => app_status(error),
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::WrongCredential(_) | Self::OnlyReads | Self::CrossSite | Self::NotLikeThis(_) => {
                StatusCode::FORBIDDEN
            }
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType { .. } | Self::ContentCoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Body(_) | Self::Parameter { .. } => StatusCode::BAD_REQUEST,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Framework(status) => *status,
        }
    }

    /// A stable word for programs and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::App(error) => app_code(error),
            Self::Unauthenticated(_) => "unauthenticated",
            Self::WrongCredential(_) => "wrong_credential",
            Self::OnlyReads => "insufficient_scope",
            Self::CrossSite => "cross_site",
            Self::NotLikeThis(_) => "forbidden",
            Self::NoSuchPath => "no_such_path",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::MediaType { .. } => "unsupported_media_type",
            Self::ContentCoding => "unsupported_content_coding",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::Body(_) => "invalid_body",
            Self::Parameter { .. } => "invalid_parameter",
            Self::Limited(_) => "too_many_requests",
            Self::NotImplemented(_) => "not_implemented",
            Self::Framework(_) => "refused",
        }
    }

    /// A sentence for whoever asked. Says nothing of our own defects.
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::App(error) => app_detail(error),
            Self::Unauthenticated(Scheme::Bearer { shown: false }) => {
                "Show a credential: Authorization: Bearer …".into()
            }
            Self::Unauthenticated(Scheme::Bearer { shown: true }) => {
                "The credential is unknown, expired or revoked.".into()
            }
            Self::Unauthenticated(Scheme::Session) => "Nobody is signed in.".into(),
            Self::WrongCredential(why) | Self::NotLikeThis(why) => (*why).into(),
            Self::OnlyReads => {
                "This credential is for reading; a change needs one with the scope write.".into()
            }
            Self::CrossSite => "The request comes from a page of another site.".into(),
            Self::NoSuchPath => "There is nothing at this address.".into(),
            Self::MethodNotAllowed { allow } => format!("This address takes {allow}.").into(),
            Self::MediaType { expected } => format!("The Content-Type must be {expected}.").into(),
            Self::ContentCoding => "The body must come without Content-Encoding.".into(),
            Self::BodyTooLarge { limit } => {
                format!("The body is larger than the limit of {limit} bytes.").into()
            }
            Self::BodyTooSlow => "The body did not arrive in time.".into(),
            Self::Body(why) => why.clone().into(),
            Self::Parameter { name, problem } => format!("{name}: {problem}").into(),
            Self::Limited(limited) => {
                format!("Too many requests; try again in {} s.", limited.retry_after_seconds).into()
            }
            Self::NotImplemented(what) => format!("{what} is not supported.").into(),
            Self::Framework(status) => status.canonical_reason().unwrap_or("The request was refused.").into(),
        }
    }

    /// The keyword of RFC 7644 §3.12, where one fits.
    pub(super) fn scim_type(&self) -> Option<ScimType> {
        match self {
            Self::App(AppError::Scim(error)) => error.scim_type,
            Self::Parameter { name: "filter", .. } => Some(ScimType::InvalidFilter),
            Self::Parameter { name: "cursor", .. } => Some(ScimType::InvalidCursor),
            Self::App(AppError::Invalid(_)) | Self::Parameter { .. } => Some(ScimType::InvalidValue),
            Self::Body(_) => Some(ScimType::InvalidSyntax),
            _ => None,
        }
    }

    /// The error message of RFC 7644 §3.12.
    pub(super) fn to_scim(&self) -> scim::Error {
        scim::Error {
            status: self.status().as_u16(),
            scim_type: self.scim_type(),
            detail: self.detail().into_owned(),
        }
    }

    /// Headers that go with the status in every voice.
    pub(super) fn put_headers(&self, headers: &mut HeaderMap) {
        match self {
            Self::Unauthenticated(scheme) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge(*scheme)));
            }
            // RFC 6750 §3.1: "The request requires higher privileges than provided by the access token."
            Self::OnlyReads => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(NEEDS_WRITE));
            }
            // RFC 6749 §5.2: the scheme by which the client could have proved that it is itself.
            Self::App(AppError::Token(TokenRefusal::Client(_))) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"usher\""));
            }
            // RFC 6750 §3.1
            Self::App(AppError::Token(TokenRefusal::NeedsOpenId)) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(NEEDS_OPENID));
            }
            // RFC 9449 §7.1
            Self::App(AppError::Token(refusal @ (TokenRefusal::Unproven(_) | TokenRefusal::OtherScheme))) => {
                let algs: Vec<&str> = ASSERTION_ALGORITHMS.iter().map(|algorithm| algorithm.name()).collect();
                let (code, algs) = (refusal.code(), algs.join(" "));
                let challenge = format!("DPoP error=\"{code}\", algs=\"{algs}\"");
                if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                    headers.insert(WWW_AUTHENTICATE, challenge);
                }
            }
            Self::App(AppError::Unauthorized) => {
                headers.insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static(challenge(Scheme::Bearer { shown: true })),
                );
            }
            Self::MethodNotAllowed { allow } => {
                if let Ok(allow) = HeaderValue::from_str(allow) {
                    headers.insert(ALLOW, allow);
                }
            }
            Self::Limited(limited) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(limited.retry_after_seconds));
            }
            Self::App(AppError::Busy(_)) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(BUSY_FOR_SECONDS));
            }
            Self::App(AppError::Unavailable(_)) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
    }

    /// Writes the refusal into the log, once, where it is said. Sentences for callers may repeat what they sent, so only
    /// codes are logged of what is their doing.
    pub(super) fn log(&self) {
        let (status, code) = (self.status(), self.code());
        if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            tracing::error!(status = status.as_u16(), code, error = %self, "Failed a request");
        } else {
            let scim_type = self.scim_type().map(ScimType::as_str);
            tracing::info!(status = status.as_u16(), code, scim_type, "Refused a request");
        }
    }
}

fn app_status(error: &AppError) -> StatusCode {
    match error {
        AppError::Scim(error) => {
            StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        }
        AppError::Unauthorized
        | AppError::Token(TokenRefusal::Client(_) | TokenRefusal::Unproven(_) | TokenRefusal::OtherScheme) => {
            StatusCode::UNAUTHORIZED
        }
        AppError::Token(TokenRefusal::NeedsOpenId)
        | AppError::Forbidden(_)
        | AppError::GrantRule { .. }
        | AppError::NoSeat
        | AppError::Held { .. } => StatusCode::FORBIDDEN,
        AppError::NotFound(_) => StatusCode::NOT_FOUND,
        AppError::Conflict(_)
        | AppError::SeatsTaken
        | AppError::Managed { .. }
        | AppError::LastHolder { .. }
        | AppError::Requires { .. } => StatusCode::CONFLICT,
        AppError::Invalid(_) | AppError::Token(_) => StatusCode::BAD_REQUEST,
        AppError::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
        AppError::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        AppError::CursorExpired => StatusCode::GONE,
        AppError::SignIn(refusal) => sign_in_status(refusal),
        AppError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        AppError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A provider that cannot be used is a gateway's trouble; what a browser brought back is the browser's.
fn sign_in_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Trial => StatusCode::OK,
        Refusal::GoingRound => StatusCode::TOO_MANY_REQUESTS,
        Refusal::UnknownDoor => StatusCode::NOT_FOUND,
        Refusal::NotSignedOut(refusal) => sign_in_status(refusal),
        Refusal::ForeignTarget
        | Refusal::NoFlow
        | Refusal::Unasked
        | Refusal::Replayed
        | Refusal::SignedOut => StatusCode::BAD_REQUEST,
        Refusal::Provider(_) => match refusal.code() {
            "connection_misconfigured" | "provider_unreachable" => StatusCode::BAD_GATEWAY,
            "flow_mismatch" | "issuer_mismatch" | "callback_malformed" => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        },
        Refusal::Paused
        | Refusal::OtherNetwork
        | Refusal::NotEnforced
        | Refusal::NotAccepted(_)
        | Refusal::NotAllowed
        | Refusal::Unknown
        | Refusal::Nameless(_)
        | Refusal::DomainUnverified
        | Refusal::NotInvited
        | Refusal::Departed
        | Refusal::NotCreated(_)
        | Refusal::AboveLimit
        | Refusal::LinkedToAnother
        | Refusal::Inactive
        | Refusal::NoSeat { .. } => StatusCode::FORBIDDEN,
    }
}

fn app_code(error: &AppError) -> &'static str {
    match error {
        AppError::Scim(error) => error.scim_type.map_or("scim", ScimType::as_str),
        AppError::NotFound(_) => "not_found",
        AppError::Conflict(_) => "conflict",
        AppError::Managed { .. } => "managed_by_directory",
        AppError::LastHolder { .. } => "last_holder",
        AppError::GrantRule { .. } => "grant_rule",
        AppError::Requires { .. } => "requires",
        AppError::Held { .. } => "departure_held",
        AppError::Invalid(_) => "invalid",
        AppError::Forbidden(_) => "forbidden",
        AppError::PreconditionFailed => "precondition_failed",
        AppError::CursorExpired => "cursor_expired",
        AppError::NoSeat | AppError::SeatsTaken => "no_seat",
        AppError::Busy(_) => "too_many_requests",
        AppError::SignIn(refusal) => refusal.code(),
        AppError::Token(refusal) => refusal.code(),
        AppError::Unavailable(_) => "unavailable",
        AppError::Unauthorized => "unauthenticated",
        AppError::Internal(_) => "internal",
    }
}

fn app_detail(error: &AppError) -> Cow<'static, str> {
    match error {
        AppError::Scim(error) => error.detail.clone().into(),
        AppError::NotFound(what) => format!("There is no such {what}.").into(),
        AppError::Conflict(why) | AppError::Invalid(why) | AppError::Forbidden(why) | AppError::Busy(why) => {
            why.clone().into()
        }
        AppError::Managed { what, directory, name } => format!(
            "The {what} is managed by the directory {name:?} ({directory}) and can only be changed there."
        )
        .into(),
        AppError::LastHolder { invariant, role, minimum } => format!(
            "The role {role} must be held by at least {minimum} ({invariant}); give it to somebody else first."
        )
        .into(),
        AppError::GrantRule { deed, rule: Some(rule) } => {
            format!("The grant rule {rule} forbids {deed}.").into()
        }
        AppError::GrantRule { deed, rule: None } => {
            format!("No grant rule allows the person who acts {deed} there.").into()
        }
        AppError::Requires { what, requires } => {
            format!("{what} requires {requires}; give that first, or take {what} away before it.").into()
        }
        AppError::Held { limit } => format!(
            "More than {limit} people left this directory within an hour, so this departure waits for an administrator \
             of the tenant. Nothing was changed; once it is approved, the person is shut out without a further request."
        )
        .into(),
        AppError::PreconditionFailed => "The resource has another version by now.".into(),
        AppError::CursorExpired => {
            "Changes behind this cursor are not kept any more. Take a cursor with after=now, read everything anew, and go on \
             from there."
                .into()
        }
        AppError::NoSeat => {
            "All seats are taken, and this tenant lets nobody wait for one. Nothing was changed; it can be tried again \
             when somebody leaves or more seats are bought."
                .into()
        }
        AppError::SeatsTaken => {
            "All seats are taken, and nobody comes by hand without one. Nothing was changed and nothing was sent; buy more seats or \
             ask for one, or wait until somebody leaves."
                .into()
        }
        AppError::SignIn(_) => "The sign-in was refused.".into(),
        AppError::Token(refusal) => refusal.to_string().into(),
        AppError::Unavailable(_) => "Temporarily unavailable; the request may be repeated.".into(),
        AppError::Unauthorized => "The credential or session is no longer in force.".into(),
        AppError::Internal(_) => "An internal error; nothing was changed.".into(),
    }
}

const NEEDS_OPENID: &str = "Bearer realm=\"usher\", error=\"insufficient_scope\", scope=\"openid\"";
const NEEDS_WRITE: &str = "Bearer realm=\"usher\", error=\"insufficient_scope\"";

fn challenge(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Bearer { shown: false } => "Bearer realm=\"usher\"",
        Scheme::Bearer { shown: true } => "Bearer realm=\"usher\", error=\"invalid_token\"",
        Scheme::Session => "Cookie realm=\"usher\"",
    }
}

/// What a door's [`voice`](super::voice) replaces with its own words.
impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status());
        self.put_headers(response.headers_mut());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_our_doing_stays_inside() {
        let refused = Refused::from(AppError::Internal("column \"secret\" is broken".to_owned()));

        assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!refused.detail().contains("secret"));
        assert!(refused.to_string().contains("secret"), "the log says it");
    }

    #[test]
    fn people_who_may_not_come_in_are_refused_and_strangers_doors_are_not_there() {
        let status = |refusal: Refusal| Refused::from(AppError::from(refusal)).status().as_u16();

        assert_eq!(status(Refusal::Inactive), 403);
        assert_eq!(status(Refusal::NoSeat { position: Some(3) }), 403);
        assert_eq!(status(Refusal::Unknown), 403);
        assert_eq!(status(Refusal::NoFlow), 400);
        assert_eq!(status(Refusal::UnknownDoor), 404);
    }

    #[test]
    fn a_seat_that_is_not_there_is_forbidden_with_a_reason() {
        let refused = Refused::from(AppError::NoSeat);

        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert!(refused.detail().contains("seats"));
    }

    #[test]
    fn trouble_of_a_moment_says_when_to_return() {
        let mut headers = HeaderMap::new();
        Refused::from(AppError::Unavailable("away".to_owned())).put_headers(&mut headers);

        assert_eq!(headers.get(RETRY_AFTER).unwrap(), "1");
    }
}
