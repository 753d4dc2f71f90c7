//! Use cases: one verb, one file, one transaction. Knows what happens in which order; does not know HTTP or SQL.
//!
//! | room | verbs |
//! |---|---|
//! | [`provision`] | what a directory does to people and groups |
//! | [`people`] | everybody for administrators; those whom no directory manages |
//! | [`access`] | what people may do, computed and shown |
//! | [`login`] | signing in, sessions, signing out |
//! | [`tenants`] | tenants, their organisation, seats, audit trail |
//! | [`invitations`] | people who are invited, and the mails with the links |
//! | [`handovers`] | what leavers leave behind, handed over by the product |
//! | [`externals`] | people of other companies: asked for, let in, and when their time is over |
//! | [`domains`] | domains of e-mail addresses, proved by DNS |
//! | [`guards`] | what keeps a tenant from an accident |
//! | [`apps`] | the product's apps: they sign people in through us |
//! | [`gates`] | proxies that ask for each request whether it may pass |
//! | [`connections`] | directories, what opens them, connections |
//! | [`signals`] | webhooks and streams of security events: who follows a tenant, and what they are sent |
//! | [`signals_in`] | what identity providers tell us of their people |
//! | [`requests`] | the provisioning log: what directories asked, read and tried again |

pub mod access;
pub mod apps;
pub mod connections;
pub mod domains;
mod error;
pub mod externals;
pub mod gates;
pub mod guards;
pub mod handovers;
pub mod invitations;
pub mod login;
pub mod mail;
mod one_line;
pub mod people;
pub mod provision;
pub mod requests;
mod seal;
pub mod signals;
pub mod signals_in;
pub mod tenants;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::clock::{Clock, Entropy};
use domain::id::{AppId, ConnectionId, CredentialId, OAuthClientId, RequestId, UserId};
use domain::token::PlainToken;
use sso::egress::{Egress, EgressPolicy};
use sso::jose::{Cache, PublishedKeys};
use sso::oidc::{Provider, ProviderCache};
use store::{Db, DbOptions};

pub use error::{AppError, Refusal, TokenRefusal};
pub use seal::{Sealer, SealingKey};
pub use store::credentials::Opened;
pub use store::operators::Operator;
pub use store::sessions::LiveSession;
pub use store::{AdminScope, DirectoryScope, Scope};

/// How a session lives.
#[derive(Debug, Clone, Copy)]
pub struct SessionPolicy {
    /// It ends when it was not used for this long.
    pub idle: chrono::Duration,
    /// It ends after this long in any case.
    pub absolute: chrono::Duration,
}

/// What the use cases need from outside.
pub struct AppOptions {
    /// Address of the running database role.
    pub database_url: String,
    /// The most database connections for transactions at once, web workers together.
    pub pool_size: usize,
    /// How long the database may look for what one question is about.
    pub patience: Duration,
    /// How sessions live.
    pub session: SessionPolicy,
    /// Where browsers reach us: `https://usher.example`, without a slash at the end.
    pub public_url: url::Url,
    /// Whether identity providers on loopback may be spoken to (development and tests).
    pub allow_loopback: bool,
    /// Ports at which identity providers may be spoken to, besides the usual ones.
    pub more_ports: Vec<u16>,
    /// The DNS resolver to ask; without one, those of the system.
    pub dns_resolver: Option<std::net::SocketAddr>,
    /// For how many days the provisioning log is kept.
    pub keep_requests_days: i32,
    /// How signals are sent.
    pub signals: signals::SignalPolicy,
    /// The mail server; without one no mails are sent.
    pub mail: Option<mail::MailPolicy>,
}

/// The application: every use case is a method of it, in the module of its room.
pub struct App {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sealer: Sealer,
    pub(crate) session: SessionPolicy,
    pub(crate) public_url: url::Url,
    pub(crate) egress: Egress,
    pub(crate) providers: ProviderCache,
    pub(crate) client_keys: Cache<OAuthClientId, PublishedKeys>,
    pub(crate) keys_of_apps: Cache<AppId, PublishedKeys>,
    pub(crate) keys_of_transmitters: Cache<ConnectionId, PublishedKeys>,
    pub(crate) op_keys: apps::KeyCache,
    pub(crate) token_issuers: Cache<CredentialId, Provider>,
    pub(crate) policies: access::PolicyCache,
    pub(crate) dialects: connections::Dialects,
    pub(crate) types: provision::TypesCache,
    pub(crate) dns: domains::Dns,
    pub(crate) people_counts: guards::PeopleCounts,
    pub(crate) journal: requests::Journal,
    pub(crate) saml_work: login::SamlTurns,
    pub(crate) turned_away: login::TurnedAway,
    pub(crate) jobs: provision::Jobs,
    pub(crate) signals: signals::SignalPolicy,
    pub(crate) courier: signals::Courier,
    pub(crate) mailer: Option<mail::Mailer>,
    /// Drives what goes on after an answer.
    pub(crate) runtime: tokio::runtime::Handle,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("db", &self.db).finish_non_exhaustive()
    }
}

const WAIT_FOR_A_CONNECTION: Duration = Duration::from_secs(10);

impl App {
    /// Sets everything up. `runtime` drives the database connections and what goes on after an answer, and must be multi-threaded.
    pub fn new(
        options: AppOptions,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Self, AppError> {
        let db = Db::open(
            &DbOptions {
                url: options.database_url,
                pool_size: options.pool_size,
                wait: WAIT_FOR_A_CONNECTION,
                patience: options.patience,
            },
            runtime,
        )?;
        let egress = Egress::new(EgressPolicy {
            allow_loopback: options.allow_loopback,
            ports: EgressPolicy::PORTS.into_iter().chain(options.more_ports).collect(),
        })
        .map_err(|error| AppError::Internal(error.to_string()))?;
        let courier = signals::Courier::new(RequestId::generate(clock.now(), &*entropy).as_uuid());
        let journal = requests::Journal::new(db.clone(), runtime.clone(), options.keep_requests_days);
        Ok(Self {
            db,
            clock,
            entropy,
            sealer,
            session: options.session,
            public_url: options.public_url,
            egress,
            providers: ProviderCache::new(),
            client_keys: Cache::new(),
            keys_of_apps: Cache::new(),
            keys_of_transmitters: Cache::new(),
            op_keys: apps::KeyCache::default(),
            token_issuers: Cache::new(),
            policies: access::PolicyCache::default(),
            dialects: connections::Dialects::default(),
            types: provision::TypesCache::default(),
            dns: domains::Dns::new(options.dns_resolver),
            people_counts: guards::PeopleCounts::default(),
            journal,
            saml_work: login::SamlTurns::new(runtime.clone()),
            turned_away: login::TurnedAway::default(),
            jobs: provision::Jobs::default(),
            signals: options.signals,
            courier,
            mailer: options.mail.map(mail::Mailer::new).transpose()?,
            runtime: runtime.clone(),
        })
    }

    /// Gives the calling thread, one of `of` web workers, database connections that its own runtime drives.
    pub fn begin_worker(&self, of: usize) -> Result<(), AppError> {
        Ok(self.db.begin_worker(of)?)
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A fresh id for a request.
    pub fn request_id(&self) -> RequestId {
        RequestId::generate(self.now(), &*self.entropy)
    }

    /// What this bearer token opens, if anything.
    pub async fn authenticate(
        &self,
        token: &PlainToken,
        request: RequestId,
    ) -> Result<Option<Opened>, AppError> {
        Ok(self.db.authenticate(token, request, self.now()).await?)
    }

    /// Whether this bearer token is an operator's.
    pub async fn operator(
        &self,
        token: &PlainToken,
        request: RequestId,
    ) -> Result<Option<Operator>, AppError> {
        Ok(self.db.operator(token, request, self.now()).await?)
    }

    /// The stream that this bearer token opens, if any.
    pub async fn stream(
        &self,
        token: &PlainToken,
        request: RequestId,
    ) -> Result<Option<signals::ShownStream>, AppError> {
        Ok(self.db.stream(token, request, self.now()).await?)
    }

    /// An operator enters a tenant.
    pub async fn enter(&self, operator: &Operator, tenant: &str) -> Result<AdminScope, AppError> {
        self.db.enter(operator, tenant).await?.ok_or(AppError::NotFound("tenant"))
    }

    /// Whether this administrator administers the tenant that the slug names.
    pub async fn administers(&self, admin: &AdminScope, tenant: &str) -> Result<bool, AppError> {
        let found = self.db.tenant_by_slug(tenant).await?;
        Ok(found.is_some_and(|row| row.tenant_id() == admin.scope().tenant()))
    }

    /// What an administrator's program may do for a person, who is held to the grant rules of the product.
    pub async fn acting_for(&self, admin: &AdminScope, person: UserId) -> Result<AdminScope, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let found = store::people::acting(&mut tx, admin, person).await?;
        tx.finish().await?;
        found.ok_or_else(guards::nobody_acts)
    }

    /// Whether requests can be served now.
    pub async fn ready(&self) -> Result<(), AppError> {
        Ok(self.db.ping().await?)
    }
}

/// Brings the database to this version. Run by the owner's role, before any [`App`] is made.
pub async fn migrate(owner_url: &str) -> Result<usize, AppError> {
    Ok(store::migrate::run(owner_url).await?)
}
