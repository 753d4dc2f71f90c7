//! The one error of the use cases, closed. Knows what went wrong for whom; how it is said is up to the door.

use domain::blueprint::Deed;
use store::{Conflict, StoreError};

/// Why a use case did not happen. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The SCIM engine refuses the request, in the terms of RFC 7644 §3.12.
    #[error("{0}")]
    Scim(#[from] scim::Error),
    /// There is nothing of this kind here; another tenant's things are not here.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// It is there already, or still in use.
    #[error("{0}")]
    Conflict(String),
    /// A directory manages it, so nobody else may change it.
    #[error("the {what} is managed by the directory {name:?} ({directory}) and can only be changed there")]
    Managed {
        /// What kind of thing it is.
        what: &'static str,
        /// Slug of the directory.
        directory: String,
        /// Its display name.
        name: String,
    },
    /// The person who acts may not do this to that person there.
    #[error("no grant rule allows the person who acts {deed} there{}", .rule.as_deref().map(|rule| format!(": {rule} forbids it")).unwrap_or_default())]
    GrantRule {
        /// What they wanted to do.
        deed: Deed,
        /// The grant rule that forbids it; none if no rule allows it.
        rule: Option<String>,
    },
    /// Something would be given without what it requires.
    #[error("{what} requires {requires}")]
    Requires {
        /// The flag or permission.
        what: String,
        /// What it requires.
        requires: String,
    },
    /// Too few would hold a role that the tenant must not run out of.
    #[error("the role {role} would be held by fewer than {minimum} (invariant {invariant})")]
    LastHolder {
        /// The invariant of the product that says so.
        invariant: String,
        /// The role.
        role: String,
        /// So many must hold it.
        minimum: u32,
    },
    /// The departure waits for an administrator.
    #[error("the departure is held: more than {limit} people went within an hour")]
    Held {
        /// So many may go within an hour.
        limit: i64,
    },
    /// What was sent makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Whoever asks may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// Enough is under way already; to be tried again later.
    #[error("{0}")]
    Busy(String),
    /// What the cursor leads on from is kept no more.
    #[error("the cursor leads to changes that are not kept any more")]
    CursorExpired,
    /// The credential was revoked or ran out.
    #[error("the credential is no longer good")]
    Unauthorized,
    /// The resource changed since the caller read it.
    #[error("the resource has another version by now")]
    PreconditionFailed,
    /// All seats are taken, and whom an identity provider brings is refused then.
    #[error("all seats are taken")]
    NoSeat,
    /// All seats are taken, and whoever would come by hand is refused then.
    #[error("all seats are taken")]
    SeatsTaken,
    /// Nobody is signed in by this.
    #[error("sign-in refused: {0}")]
    SignIn(#[from] Refusal),
    /// No access token was issued.
    #[error("no access token: {0}")]
    Token(#[from] TokenRefusal),
    /// The database cannot be reached right now; the request may be repeated.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
    /// A defect of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl AppError {
    /// The same to somebody on the way to signing in, who is told on a page.
    pub(crate) fn said_at_the_door(self) -> Self {
        match self {
            Self::NoSeat => Refusal::NoSeat { position: None }.into(),
            other => other,
        }
    }

    /// Of several things that are asked for at once: whether each would fail like this one, whatever it is.
    pub(crate) const fn is_about_the_whole(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Internal(_) | Self::Unauthorized | Self::Busy(_))
    }
}

/// Why a client got no access token, in the terms of RFC 6749 §5.2 and RFC 8628 §3.5.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefusal {
    /// The request lacks something, or says something twice.
    #[error("{0}")]
    Request(&'static str),
    /// The client did not prove that it is itself.
    #[error("{0}")]
    Client(String),
    /// There is no such grant type here.
    #[error("the grant type is not supported")]
    GrantType,
    /// The client asks for more than it may.
    #[error("the scope is unknown or more than the client may have")]
    Scope,
    /// What the client shows is not good, or not any more.
    #[error("{0}")]
    Grant(&'static str),
    /// The client may not ask in this way.
    #[error("the client may not use this grant type")]
    Unauthorized,
    /// The client may not ask for a token for that resource.
    #[error("the resource is not one that was asked for, or not one of the client's")]
    Target,
    /// The access token says too little for this (RFC 6750 §3.1).
    #[error("the access token has no scope openid")]
    NeedsOpenId,
    /// Nobody has let the device in yet (RFC 8628 §3.5).
    #[error("nobody has let the device in yet")]
    Pending,
    /// The device asks again too soon: from now on it lets five seconds more pass (RFC 8628 §3.5).
    #[error("the device asks too often")]
    SlowDown,
    /// The codes of the device have run out (RFC 8628 §3.5).
    #[error("the device_code has run out")]
    Expired,
    /// Somebody said that the device is not let in (RFC 8628 §3.5).
    #[error("the person did not let the device in")]
    Denied,
    /// The proof that the client holds a key does not hold, or is not there (RFC 9449 §5).
    #[error("{0}")]
    Proof(String),
    /// The same beside an access token (RFC 9449 §7.1).
    #[error("{0}")]
    Unproven(String),
    /// An access token that is bound to a key is shown as one that is not, or the other way round (RFC 9449 §7.2).
    #[error("the access token is not shown in the way that it was given")]
    OtherScheme,
    /// A request that was pushed would be refused.
    #[error("{0}")]
    Asked(sso::op::AuthorizationRefusal),
}

impl TokenRefusal {
    /// The same for a client that there is not and for one that shows a wrong secret.
    pub fn client() -> Self {
        Self::Client("the client is unknown or did not prove that it is itself".to_owned())
    }

    /// The code of RFC 6749 §5.2.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "invalid_request",
            Self::Client(_) => "invalid_client",
            Self::GrantType => "unsupported_grant_type",
            Self::Scope => "invalid_scope",
            Self::Grant(_) => "invalid_grant",
            Self::Unauthorized => "unauthorized_client",
            Self::Target => "invalid_target",
            Self::NeedsOpenId => "insufficient_scope",
            Self::Pending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::Expired => "expired_token",
            Self::Denied => "access_denied",
            Self::Proof(_) | Self::Unproven(_) => "invalid_dpop_proof",
            Self::OtherScheme => "invalid_token",
            Self::Asked(refusal) => refusal.code(),
        }
    }
}

/// Why somebody was not let in. Each has a code that the page shows and the administrator can look up.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such tenant or connection, or none that can be used.
    #[error("no such sign-in address")]
    UnknownDoor,
    /// Whoever sent the browser wants it to end somewhere else than at this connection's own product.
    #[error("the address to return to is foreign")]
    ForeignTarget,
    /// The answer belongs to no sign-in of this browser that is still under way.
    #[error("no sign-in under way in this browser")]
    NoFlow,
    /// Nobody asked for the answer, and the connection does not allow that.
    #[error("no sign-in under way in this browser, and the rule allowUnsolicited lets nobody come unasked")]
    Unasked,
    /// A provider wants somebody to be signed out, and its word does not hold: they stay signed in.
    #[error("{0}")]
    NotSignedOut(Box<Refusal>),
    /// It was a trial: what it came to, the administrator reads.
    #[error("this was a trial")]
    Trial,
    /// Nobody can sign in at this connection for now.
    #[error("the connection is paused")]
    Paused,
    /// Nobody can sign in at this connection from where the browser is.
    #[error("the connection lets nobody in from the network that the browser is in")]
    OtherNetwork,
    /// The tenant's people sign in through other connections only.
    #[error("people sign in through other connections of the tenant only")]
    NotEnforced,
    /// A passkey or a link to register one was not accepted. The browser is never told why.
    #[error("{0}")]
    NotAccepted(String),
    /// The person is signed in, and may not have what they ask for.
    #[error("the person may not get there")]
    NotAllowed,
    /// The browser sets out again as soon as it is back.
    #[error(
        "the browser set out again and again within seconds: the product does not keep its session, or does not see it"
    )]
    GoingRound,
    /// The answer was used before.
    #[error("the answer of the identity provider was used before")]
    Replayed,
    /// The answer is older than the end of all of the person's sessions.
    #[error("the answer was given before the person was signed out of everything")]
    SignedOut,
    /// The identity provider's word does not hold.
    #[error("{0}")]
    Provider(sso::SsoError),
    /// The identity provider's word lacks the claim that names people.
    #[error("{0}")]
    Nameless(String),
    /// The identity provider vouches for somebody whom the directory did not send.
    #[error("the person is not provisioned")]
    Unknown,
    /// The name is an address in a domain that the tenant has not verified.
    #[error("the name is an address in a domain that the tenant has not verified")]
    DomainUnverified,
    /// The identity does not say the address that was invited, in a domain of the tenant's.
    #[error("the identity does not prove the address that was invited")]
    NotInvited,
    /// Whoever would be made was deleted.
    #[error("the person was deleted and is not made again by signing in")]
    Departed,
    /// Whoever would be made cannot be.
    #[error("the person cannot be created: {0}")]
    NotCreated(String),
    /// The person has a higher role than may come in here.
    #[error("the person has a higher role than the connection lets in")]
    AboveLimit,
    /// The name belongs to a person who is linked to somebody else at the identity provider.
    #[error("the person is linked to another subject")]
    LinkedToAnother,
    /// The directory says that the person is not active.
    #[error("the person is not active")]
    Inactive,
    /// The person has no seat.
    #[error("the person has no seat")]
    NoSeat {
        /// Place in line, if they wait.
        position: Option<u32>,
    },
}

impl Refusal {
    /// Stable short code, shown on the page and kept in the audit trail.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownDoor => "unknown-door",
            Self::ForeignTarget => "foreign-target",
            Self::NoFlow | Self::Unasked => "no-flow",
            Self::NotSignedOut(refusal) => refusal.code(),
            Self::Trial => "trial",
            Self::Paused => "paused",
            Self::OtherNetwork => "other-network",
            Self::NotEnforced => "not-enforced",
            Self::NotAccepted(_) => "not-accepted",
            Self::NotAllowed => "not-allowed",
            Self::GoingRound => "going-round",
            Self::Replayed => "replayed",
            Self::SignedOut => "signed-out",
            Self::Provider(error) => error.public_code(),
            Self::Unknown | Self::Nameless(_) => "not-provisioned",
            Self::DomainUnverified => "domain-not-verified",
            Self::NotInvited => "not-invited",
            Self::Departed => "departed",
            Self::NotCreated(_) => "not-created",
            Self::AboveLimit => "role-above-limit",
            Self::LinkedToAnother => "linked-to-another",
            Self::Inactive => "inactive",
            Self::NoSeat { position: Some(_) } => "waiting-for-seat",
            Self::NoSeat { position: None } => "no-seat",
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(conflict) => from_conflict(conflict),
            StoreError::Revoked => Self::Unauthorized,
            StoreError::Unavailable(reason) => Self::Unavailable(reason),
            StoreError::GaveWay => Self::Unavailable("another request was in the way".to_owned()),
            StoreError::Unfilterable(attribute) => {
                scim::Error::invalid_filter(format!("{attribute} cannot be filtered")).into()
            }
            StoreError::TookTooLong => {
                let detail = "Who or what is meant could not be found in time; use a narrower filter";
                scim::Error::too_many(detail).into()
            }
            StoreError::TooLong(attribute) => Self::Invalid(format!("{attribute} is too long to be kept")),
            StoreError::Corrupt(what) | StoreError::Database(what) => Self::Internal(what),
        }
    }
}

fn from_conflict(conflict: Conflict) -> AppError {
    match conflict {
        Conflict::UserName => scim::Error::uniqueness("userName is taken in this directory").into(),
        Conflict::ExternalId => scim::Error::uniqueness("externalId is taken in this directory").into(),
        Conflict::GroupName => scim::Error::uniqueness("displayName is taken in this directory").into(),
        Conflict::Domain => AppError::Conflict("another tenant has verified the domain".to_owned()),
        Conflict::Slug => AppError::Conflict("the name is taken".to_owned()),
        Conflict::Exists => AppError::Conflict("it exists already".to_owned()),
        Conflict::Missing => AppError::Conflict("it refers to something that is not there".to_owned()),
        Conflict::InUse => AppError::Conflict("it is still in use".to_owned()),
        Conflict::OutOfBounds => AppError::Invalid("a number is out of bounds".to_owned()),
    }
}
