//! Who is speaking, from what a client says of itself and from how it speaks. Knows products' marks; does not remember
//! anything.

use super::leniency::{Leniencies, Leniency};
use super::profile::Profile;

/// What a product writes into `User-Agent`, in lower case, and where that was seen.
///
/// Only names of products: the HTTP libraries that some of them use (PingFederate: `Apache-HttpClient`) are used by
/// others too. Entra ID is known to send no agent at all, so most of its directories are known by its flags or by how it
/// speaks.
const AGENTS: [(&str, Profile); 12] = [
    // `Okta SCIM Client 1.0.0`: the requests in Okta's reference of SCIM 2.0.
    ("okta", Profile::Okta),
    // `Microsoft.AAD…` and `Microsoft Azure AD SCIM provisioning 1.0.0`: what servers tell it by.
    ("microsoft.aad", Profile::Entra),
    ("microsoft azure ad", Profile::Entra),
    ("microsoft entra", Profile::Entra),
    ("onelogin", Profile::OneLogin),
    ("jumpcloud", Profile::JumpCloud),
    ("pingfederate", Profile::Ping),
    ("pingone", Profile::Ping),
    ("pingdata", Profile::Ping),
    // `authentik@2022.8.2`: `authentik_user_agent` in its `lib/utils/http.py`; `goauthentik.io/…` since.
    ("authentik", Profile::Authentik),
    ("keycloak", Profile::Keycloak),
    ("scim-for-keycloak", Profile::Keycloak),
];

/// The flags that Entra ID's administrators put into the tenant URL; it repeats them in every request.
const ENTRA_FLAGS: [&str; 2] = ["aadOptscim062020", "AzureAdScimPatch2017"];

/// Longest `User-Agent` that is looked at.
const LONGEST_AGENT: usize = 512;

/// How often deviations must have been seen before they decide.
pub const USES_TO_BE_SURE: u64 = 3;

/// What a request says of the client that sent it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clues<'a> {
    /// `User-Agent`.
    pub agent: Option<&'a str>,
    /// The query of the address, as it came.
    pub query: &'a str,
}

impl Clues<'_> {
    /// The one product that these clues name. Nobody where they name two.
    pub fn profile(self) -> Option<Profile> {
        let agent =
            self.agent.filter(|agent| agent.len() <= LONGEST_AGENT).unwrap_or_default().to_ascii_lowercase();
        let by_agent = AGENTS.iter().filter(|(mark, _)| agent.contains(mark)).map(|(_, profile)| *profile);
        let flagged = self.query.split('&').any(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            ENTRA_FLAGS.iter().any(|flag| flag.eq_ignore_ascii_case(name))
        });
        only(by_agent.chain(flagged.then_some(Profile::Entra)))
    }
}

/// The one dialect that grants everything a client has needed so far, with how often it needed it. Nobody while it needed
/// little, or what several dialects grant, or more than any one of them.
pub fn by_uses(uses: impl IntoIterator<Item = (Leniency, u64)>) -> Option<Profile> {
    let (mut needed, mut often) = (Leniencies::NONE, 0_u64);
    for (leniency, times) in uses {
        if times > 0 {
            needed = needed.and(leniency);
            often = often.saturating_add(times);
        }
    }
    if often < USES_TO_BE_SURE {
        return None;
    }
    let mut able = Profile::ALL.into_iter().filter(|profile| profile.leniencies().contains_all(needed));
    able.next().filter(|_| able.next().is_none())
}

fn only(named: impl Iterator<Item = Profile>) -> Option<Profile> {
    let mut found = None;
    for profile in named {
        if found.is_some_and(|other| other != profile) {
            return None;
        }
        found = Some(profile);
    }
    found
}
