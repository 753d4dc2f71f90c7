//! `[limits]`. Knows the rates; does not know who is counted.

use std::num::NonZeroU32;

use serde::Serialize;

use super::source::Source;

pub(super) const KEYS: &[&str] =
    &["per_credential_per_second", "burst", "per_tenant_per_second", "per_address_per_second"];

/// What every directory may count on.
const GUARANTEED: u32 = 25;
const MOST: u32 = 1_000_000;

/// Requests per second.
#[derive(Debug, Clone, Serialize)]
pub struct LimitsConfig {
    /// Sustained rate of one credential; never below 25, which identity providers rely on.
    pub per_credential_per_second: NonZeroU32,
    /// How many requests a rested credential may send at once.
    pub burst: NonZeroU32,
    /// Sustained rate of all credentials of one tenant together, access tokens included; never below 25, and twice of it
    /// at once. Without it, whoever may fetch tokens could fetch a new limit with each.
    pub per_tenant_per_second: NonZeroU32,
    /// Sustained rate of one address for requests that no known credential vouches for.
    pub per_address_per_second: NonZeroU32,
}

impl LimitsConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let mut section = source.section("limits");
        let rate = section.integer("per_credential_per_second", GUARANTEED..=MOST, 100);
        let burst = section.integer("burst", GUARANTEED..=MOST, rate.saturating_mul(2).min(MOST));
        let tenant =
            section.integer("per_tenant_per_second", GUARANTEED..=MOST, rate.saturating_mul(4).min(MOST));
        let address = section.integer("per_address_per_second", 1..=MOST, 100);
        let positive = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            per_credential_per_second: positive(rate),
            burst: positive(burst),
            per_tenant_per_second: positive(tenant),
            per_address_per_second: positive(address),
        }
    }
}
