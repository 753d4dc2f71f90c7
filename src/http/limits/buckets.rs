//! The buckets. Knows GCRA by governor; does not know requests.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};

use domain::id::TenantId;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::{LimitsConfig, Network};

/// Between two sweeps of the full buckets.
const SWEEP_EVERY: u32 = 16_384;
/// The most credentials vouched for at once; beyond it they start anew, at the cost of one address' count each.
const VOUCHED_LIMIT: usize = 65_536;

/// The limits of one process, shared by its workers.
#[derive(Debug)]
pub struct Limits<C: Clock = DefaultClock> {
    credentials: Rate<CredentialKey, C>,
    tenants: Rate<TenantId, C>,
    addresses: Rate<IpAddr, C>,
    connections: Rate<CredentialKey, C>,
    vouched: RwLock<HashSet<CredentialKey>>,
    secrets: (RandomState, RandomState),
    trusted: Vec<Network>,
}

/// A request over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// Whole seconds until it is worth trying again, at least one.
    pub retry_after_seconds: u64,
    /// Whose limit it was.
    pub by: LimitedBy,
}

/// Whose limit a request was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedBy {
    /// The credential's.
    Credential,
    /// The tenant's.
    Tenant,
    /// The address'.
    Address,
    /// The connection's.
    Connection,
}

/// A credential's hash under a secret of the process: 128 bits, so that two credentials never share a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CredentialKey(u64, u64);

impl Limits {
    /// Full buckets for everybody.
    pub fn new(config: &LimitsConfig, trusted_proxies: Vec<Network>) -> Self {
        Self::with_clock(config, trusted_proxies, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limits<C> {
    pub(super) fn with_clock(config: &LimitsConfig, trusted: Vec<Network>, clock: C) -> Self {
        let per_credential = Quota::per_second(config.per_credential_per_second).allow_burst(config.burst);
        let and_twice_at_once = |rate: NonZeroU32| {
            Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(1)))
        };
        let per_tenant = and_twice_at_once(config.per_tenant_per_second);
        let per_address = and_twice_at_once(config.per_address_per_second);
        Self {
            credentials: Rate::new(per_credential, clock.clone()),
            tenants: Rate::new(per_tenant, clock.clone()),
            addresses: Rate::new(per_address, clock.clone()),
            connections: Rate::new(per_tenant, clock),
            vouched: RwLock::default(),
            secrets: (RandomState::new(), RandomState::new()),
            trusted,
        }
    }

    pub(super) fn key(&self, credential: &[u8]) -> CredentialKey {
        CredentialKey(self.secrets.0.hash_one(credential), self.secrets.1.hash_one(credential))
    }

    pub(in crate::http) fn trusted_proxies(&self) -> &[Network] {
        &self.trusted
    }

    /// Counts a request, or says that it is one too many. `tenant` is the one that the credential names.
    pub(super) fn admit(
        &self,
        credential: Option<CredentialKey>,
        tenant: Option<TenantId>,
        address: impl FnOnce() -> IpAddr,
    ) -> Result<(), Limited> {
        let over = |by| move |retry_after_seconds| Limited { retry_after_seconds, by };
        let by_address = || self.addresses.check(&address()).map_err(over(LimitedBy::Address));
        let Some(key) = credential else { return by_address() };
        let vouched = self.is_vouched(key);
        if !vouched {
            // The address comes first: a stranger's guesses must not make buckets without end.
            by_address()?;
        }
        self.credentials.check(&key).map_err(over(LimitedBy::Credential))?;
        match tenant {
            // Anybody can write a tenant's name; only what that tenant has let in uses its rate up.
            Some(tenant) if vouched => self.tenants.check(&tenant).map_err(over(LimitedBy::Tenant)),
            _ => Ok(()),
        }
    }

    /// Counts a request of a proxy, which asks for many people: one that was let in before does not count, any other counts for
    /// its address.
    pub(super) fn admit_proxy(
        &self,
        key: CredentialKey,
        address: impl FnOnce() -> IpAddr,
    ) -> Result<(), Limited> {
        if self.is_vouched(key) {
            return Ok(());
        }
        let over = |retry_after_seconds| Limited { retry_after_seconds, by: LimitedBy::Address };
        self.addresses.check(&address()).map_err(over)
    }

    /// Counts an answer of a provider at the address of its connection, whoever brings it: a connection has the rate of a tenant.
    pub(super) fn admit_answer(&self, connection: &str) -> Result<(), Limited> {
        let over = |retry_after_seconds| Limited { retry_after_seconds, by: LimitedBy::Connection };
        self.connections.check(&self.key(connection.as_bytes())).map_err(over)
    }

    /// The credential was answered with success: from now on it counts alone.
    pub(super) fn vouch(&self, key: CredentialKey) {
        if self.is_vouched(key) {
            return;
        }
        let mut vouched = self.vouched.write().unwrap_or_else(PoisonError::into_inner);
        if vouched.len() >= VOUCHED_LIMIT {
            vouched.clear();
        }
        vouched.insert(key);
    }

    /// The credential was refused.
    pub(super) fn disown(&self, key: CredentialKey) {
        if self.is_vouched(key) {
            self.vouched.write().unwrap_or_else(PoisonError::into_inner).remove(&key);
        }
    }

    fn is_vouched(&self, key: CredentialKey) -> bool {
        self.vouched.read().unwrap_or_else(PoisonError::into_inner).contains(&key)
    }
}

/// One kind of bucket.
#[derive(Debug)]
struct Rate<K: Hash + Eq + Clone, C: Clock> {
    limiter: RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Rate<K, C> {
    fn new(quota: Quota, clock: C) -> Self {
        let limiter = RateLimiter::dashmap_with_clock(quota, clock.clone());
        Self { limiter, clock, checks: AtomicU32::new(0) }
    }

    /// Takes one from the key's bucket; when it is empty, says for how many seconds.
    fn check(&self, key: &K) -> Result<(), u64> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(key).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::config::Config;

    fn limits(credential: u32, address: u32) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
        let positive = |number| NonZeroU32::new(number).unwrap();
        let config = LimitsConfig {
            per_credential_per_second: positive(credential),
            burst: positive(credential),
            per_tenant_per_second: positive(2 * credential),
            per_address_per_second: positive(address),
        };
        at(&config)
    }

    fn at(config: &LimitsConfig) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limits::with_clock(config, Vec::new(), clock.clone()), clock)
    }

    fn tenant(number: u128) -> TenantId {
        TenantId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn address(last: u8) -> impl Fn() -> IpAddr {
        move || IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    #[test]
    fn a_credential_has_its_rate_and_is_told_when_to_return() {
        let (limits, clock) = limits(25, 1000);
        let key = Some(limits.key(b"Bearer a"));

        for _ in 0..25 {
            limits.admit(key, None, address(1)).unwrap();
        }
        let refused = limits.admit(key, None, address(1)).unwrap_err();
        assert_eq!(refused, Limited { retry_after_seconds: 1, by: LimitedBy::Credential });

        clock.advance(Duration::from_millis(40));
        limits.admit(key, None, address(1)).unwrap();
        assert!(limits.admit(Some(limits.key(b"Bearer b")), None, address(1)).is_ok());
    }

    /// Twenty-five requests a second are promised to every tenant, by whatever credentials and whoever else is busy.
    #[test]
    fn however_it_is_configured_a_tenant_always_has_25_requests_a_second() {
        for settings in
            ["", "[limits]\nper_credential_per_second = 25\nburst = 25\nper_tenant_per_second = 25\n"]
        {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), settings).unwrap();
            keeps_the_promise(&Config::load(Some(file.path())).unwrap().limits);
        }
    }

    fn keeps_the_promise(config: &LimitsConfig) {
        let (limits, clock) = at(config);
        let keys: Vec<CredentialKey> = (0..8_u8).map(|number| limits.key(&[number])).collect();
        let mut admitted = 0;
        for key in &keys {
            limits.admit(Some(*key), Some(tenant(1)), address(1)).unwrap();
            limits.vouch(*key);
        }

        for _second in 0..60 {
            for _request in 0..25 {
                clock.advance(Duration::from_millis(40));
                // Strangers at the same address guess in the tenant's name, and a neighbour asks all it can.
                for guess in 0..8_u8 {
                    limits.admit(Some(limits.key(&[100, guess])), Some(tenant(1)), address(1)).ok();
                    limits.admit(Some(keys[7]), Some(tenant(2)), address(1)).ok();
                }
                admitted += u32::from(limits.admit(Some(keys[0]), Some(tenant(1)), address(1)).is_ok());
            }
        }

        assert_eq!(admitted, 60 * 25);
    }

    #[test]
    fn the_credentials_of_a_tenant_share_its_rate() {
        let (limits, clock) = limits(25, 1000);
        let keys: Vec<CredentialKey> = (0..8_u8).map(|number| limits.key(&[number])).collect();
        for key in &keys {
            limits.vouch(*key);
        }

        let bursts = |of: u128| {
            let mut refused = None;
            let admitted = (0..200).filter(|number| {
                let outcome = limits.admit(Some(keys[number % 8]), Some(tenant(of)), address(1));
                refused = refused.or(outcome.err());
                outcome.is_ok()
            });
            (admitted.count(), refused)
        };
        assert_eq!(bursts(1), (100, Some(Limited { retry_after_seconds: 1, by: LimitedBy::Tenant })));

        clock.advance(Duration::from_secs(1));
        assert_eq!(bursts(1).0, 50);
    }

    /// Check 4.
    #[test]
    fn the_answers_at_a_connection_have_a_rate_whoever_brings_them() {
        let (limits, clock) = limits(25, 1000);

        let admitted =
            |connection: &str| (0..200).filter(|_| limits.admit_answer(connection).is_ok()).count();

        assert_eq!((admitted("/saml/acme/idp"), admitted("/saml/acme/other")), (100, 100));
        assert_eq!(limits.admit_answer("/saml/acme/idp").unwrap_err().by, LimitedBy::Connection);
        clock.advance(Duration::from_secs(1));
        assert_eq!(admitted("/saml/acme/idp"), 50);
    }

    #[test]
    fn waiting_times_are_rounded_up_to_whole_seconds() {
        let clock = FakeRelativeClock::default();
        let rate: Rate<u8, _> =
            Rate::new(Quota::with_period(Duration::from_millis(1500)).unwrap(), clock.clone());
        rate.check(&1).unwrap();

        assert_eq!(rate.check(&1), Err(2));
        clock.advance(Duration::from_millis(600));
        assert_eq!(rate.check(&1), Err(1));
    }

    #[test]
    fn guesses_count_against_the_address_and_known_credentials_do_not() {
        let (limits, _) = limits(25, 2);
        let known = limits.key(b"Bearer known");
        limits.admit(Some(known), None, address(1)).unwrap();
        limits.vouch(known);

        // The address holds four, and the known credential's first request took one.
        for guess in 0..3_u8 {
            limits.admit(Some(limits.key(&[guess])), None, address(1)).unwrap();
        }

        assert_eq!(
            limits.admit(Some(limits.key(b"x")), None, address(1)).unwrap_err().by,
            LimitedBy::Address
        );
        assert_eq!(limits.admit(None, None, address(1)).unwrap_err().by, LimitedBy::Address);
        assert!(limits.admit(None, None, address(2)).is_ok());
        assert!(limits.admit(Some(known), None, address(1)).is_ok());
        limits.disown(known);
        assert!(limits.admit(Some(known), None, address(1)).is_err());
    }

    #[test]
    fn buckets_that_are_full_again_are_forgotten() {
        let (limits, clock) = limits(25, 1000);
        for number in 0..SWEEP_EVERY - 1 {
            limits.credentials.check(&limits.key(&number.to_be_bytes())).unwrap();
        }
        assert!(limits.credentials.limiter.len() > 16_000);

        clock.advance(Duration::from_secs(2));
        limits.credentials.check(&limits.key(b"next")).unwrap();

        assert!(limits.credentials.limiter.len() <= 1);
    }

    #[test]
    fn the_credentials_vouched_for_are_capped() {
        let (limits, _) = limits(25, 1000);

        for number in 0..70_000_u32 {
            limits.vouch(limits.key(&number.to_be_bytes()));
        }

        assert!(limits.vouched.read().unwrap().len() <= VOUCHED_LIMIT);
    }
}
