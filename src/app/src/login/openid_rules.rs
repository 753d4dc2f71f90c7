//! What a connection by OpenID Connect asks of its provider and requires of its answers, as administrators set it. Knows the
//! bounds of each setting; what a setting means, `sso` knows.

use serde::{Deserialize, Serialize};
use sso::oidc::{SigningAlg, Tenancy};
use utoipa::ToSchema;

use crate::error::AppError;

const MOST: usize = 32;
const LONGEST: usize = 256;
const LONGEST_AGE: u32 = 30 * 24 * 60 * 60;

/// What is asked and required at each sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OpenIdRules {
    /// Names of the signature algorithms that tokens may use (RFC 7518 §3.1), whatever the provider publishes.
    #[schema(example = json!(["RS256", "ES256"]))]
    pub allowed_algs: Vec<String>,
    /// How many seconds ago people may have proved who they are; left out, however long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 2_592_000)]
    pub max_age_seconds: Option<u32>,
    /// Authentication context classes, one of which people must have signed in by; empty: any.
    pub acr_values: Vec<String>,
    /// Authentication methods (RFC 8176), each of which people must have used.
    #[schema(example = json!(["mfa"]))]
    pub amr: Vec<String>,
    /// The Entra tenant whose people sign in here. Known from an issuer of Entra ID by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entra_tenant: Option<String>,
    /// The Google Workspace domain whose people sign in here; required where Google is the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosted_domain: Option<String>,
    /// The claim that names people's groups.
    pub groups_claim: String,
    /// Whether the provider's userinfo endpoint is asked for what the ID token leaves out.
    pub userinfo: bool,
    /// Whether the request is handed to the provider ahead of the browser (RFC 9126), where it takes such requests.
    pub push_requests: bool,
    /// How the client secret is sent: `auto` (as the provider publishes), `basic` or `post`.
    pub secret_method: SecretMethod,
}

/// How a client secret is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretMethod {
    /// As the provider publishes.
    #[default]
    Auto,
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

impl Default for OpenIdRules {
    fn default() -> Self {
        Self {
            allowed_algs: SigningAlg::DEFAULT.iter().map(|alg| alg.name().to_owned()).collect(),
            max_age_seconds: None,
            acr_values: Vec::new(),
            amr: Vec::new(),
            entra_tenant: None,
            hosted_domain: None,
            groups_claim: "groups".to_owned(),
            userinfo: false,
            push_requests: true,
            secret_method: SecretMethod::Auto,
        }
    }
}

impl OpenIdRules {
    /// Refuses what could not be kept or would protect nobody, with the place.
    pub(crate) fn check(&self, issuer: &str) -> Result<(), AppError> {
        let invalid = |what: &str| Err(AppError::Invalid(what.to_owned()));
        if self.allowed_algs.is_empty() || self.algorithms().is_err() {
            return invalid("allowedAlgs: names of supported algorithms, at least one");
        }
        if self.max_age_seconds.is_some_and(|age| age > LONGEST_AGE) {
            return invalid("maxAgeSeconds: at most 30 days");
        }
        let plain = |text: &String| {
            (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        for (what, list) in [("acrValues", &self.acr_values), ("amr", &self.amr)] {
            if list.len() > MOST || !list.iter().all(plain) {
                return invalid(&format!("{what}: at most {MOST}, each without spaces"));
            }
        }
        let named = [&self.entra_tenant, &self.hosted_domain];
        if !plain(&self.groups_claim) || !named.into_iter().flatten().all(plain) {
            return invalid("groupsClaim, entraTenant and hostedDomain have no spaces and are not empty");
        }
        if self.entra_tenant.is_some() && self.hosted_domain.is_some() {
            return invalid("a provider is Entra ID or Google, not both");
        }
        if Tenancy::needs_domain(issuer) && self.hosted_domain.is_none() {
            return invalid("hostedDomain: Google signs for everybody; say whose people may sign in here");
        }
        Ok(())
    }

    /// Whose people the issuer may vouch for.
    pub(super) fn tenancy(&self, issuer: &str) -> Tenancy {
        if let Some(domain) = &self.hosted_domain {
            return Tenancy::Google { domain: domain.clone() };
        }
        match &self.entra_tenant {
            Some(tenant) => Tenancy::Entra { tenant: tenant.clone() },
            None => Tenancy::of_issuer(issuer).unwrap_or(Tenancy::Any),
        }
    }

    /// The algorithms, parsed.
    pub(crate) fn algorithms(&self) -> Result<Vec<SigningAlg>, AppError> {
        let parse =
            |name: &String| name.parse().map_err(|error| AppError::Internal(format!("{name:?}: {error}")));
        self.allowed_algs.iter().map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_protect_nobody_or_cannot_be_kept_are_refused() {
        let refused = |change: fn(&mut OpenIdRules), issuer: &str| {
            let mut rules = OpenIdRules::default();
            change(&mut rules);
            rules.check(issuer).is_err()
        };
        let issuer = "https://idp.test";

        assert!(!refused(|_| {}, issuer));
        assert!(refused(|rules| rules.allowed_algs.clear(), issuer));
        assert!(refused(|rules| rules.allowed_algs = vec!["HS256".to_owned()], issuer));
        assert!(refused(|rules| rules.max_age_seconds = Some(LONGEST_AGE + 1), issuer));
        assert!(refused(|rules| rules.acr_values = vec!["urn:a urn:b".to_owned()], issuer));
        assert!(refused(|rules| rules.amr = vec![String::new()], issuer));
        assert!(refused(|rules| rules.groups_claim.clear(), issuer));
        assert!(refused(|_| {}, "https://accounts.google.com"));
        assert!(!refused(
            |rules| rules.hosted_domain = Some("acme.test".to_owned()),
            "https://accounts.google.com"
        ));
    }

    #[test]
    fn an_issuer_of_entra_id_pins_its_tenant_whatever_is_set() {
        let rules = OpenIdRules::default();

        let tenancy = rules.tenancy("https://login.microsoftonline.com/9F0E/v2.0");

        assert_eq!(tenancy, Tenancy::Entra { tenant: "9f0e".to_owned() });
        assert_eq!(rules.tenancy("https://idp.test"), Tenancy::Any);
    }
}
