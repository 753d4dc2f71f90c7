//! Whose people an issuer may vouch for. Knows what Entra ID and Google say about it; does not know signatures.
//!
//! Some issuers sign for many customers, or name a person differently to each of their clients. What Entra ID puts into
//! `email` and `upn` an administrator of any Entra tenant may have written; only `oid` within `tid` is a person.

use serde_json::{Map, Value};
use url::Url;

use crate::SsoError;
use crate::jose::Claims;

const LONGEST_NAME: usize = 64;

/// Whose people an issuer may vouch for, and by what name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// Everybody for whom it signs; `sub` names them.
    Any,
    /// Those of one Entra tenant: `tid` is this id, and `oid` in it names them.
    Entra {
        /// The tenant's id.
        tenant: String,
    },
    /// Those of one Google Workspace domain: `hd` is this domain.
    Google {
        /// The domain.
        domain: String,
    },
}

impl Tenancy {
    /// Of an issuer that is known to sign for one Entra tenant.
    pub fn of_issuer(issuer: &str) -> Option<Self> {
        const ENTRA: [&str; 5] = [
            "login.microsoftonline.com",
            "login.microsoftonline.us",
            "login.partner.microsoftonline.cn",
            "login.chinacloudapi.cn",
            "sts.windows.net",
        ];
        let url = Url::parse(issuer).ok()?;
        let host = url.host_str()?;
        let tenant = url.path_segments()?.next()?.to_ascii_lowercase();
        (ENTRA.contains(&host) && !tenant.is_empty()).then_some(Self::Entra { tenant })
    }

    /// Whether an issuer signs for everybody who has an address there, so that a domain must be said.
    pub fn needs_domain(issuer: &str) -> bool {
        matches!(issuer.trim_end_matches('/'), "https://accounts.google.com" | "accounts.google.com")
    }

    /// Holds the claims of a verified token to it. Returns the person's name if it is another than `sub`.
    pub(super) fn check(&self, claims: &Map<String, Value>) -> Result<Option<String>, SsoError> {
        match self {
            Self::Any => Ok(None),
            Self::Entra { tenant } => {
                let claims = Claims(claims);
                if !claims.text("tid")?.eq_ignore_ascii_case(tenant) {
                    return Err(SsoError::EntraTenantMismatch);
                }
                let object = claims.text("oid")?;
                if object.is_empty()
                    || object.len() > LONGEST_NAME
                    || !object.bytes().all(|it| it.is_ascii_graphic())
                {
                    return Err(SsoError::ClaimMalformed("oid"));
                }
                Ok(Some(format!("{}/{}", tenant.to_ascii_lowercase(), object.to_ascii_lowercase())))
            }
            Self::Google { domain } => match claims.get("hd").and_then(Value::as_str) {
                Some(hosted) if hosted.eq_ignore_ascii_case(domain) => Ok(None),
                _ => Err(SsoError::HostedDomainMismatch),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tenancy;

    #[test]
    fn an_issuer_of_entra_id_says_its_tenant() {
        let tenant = |issuer: &str| match Tenancy::of_issuer(issuer) {
            Some(Tenancy::Entra { tenant }) => tenant,
            _ => String::new(),
        };

        let id = "9f0e4a1c-1111-2222-3333-444455556666";
        assert_eq!(tenant(&format!("https://login.microsoftonline.com/{id}/v2.0")), id);
        assert_eq!(tenant(&format!("https://sts.windows.net/{}/", id.to_uppercase())), id);
        assert_eq!(tenant(&format!("https://login.microsoftonline.com.evil.example/{id}/v2.0")), "");
        assert_eq!(tenant("https://login.microsoftonline.com/"), "");
    }

    #[test]
    fn google_signs_for_everybody() {
        assert!(Tenancy::needs_domain("https://accounts.google.com"));
        assert!(!Tenancy::needs_domain("https://accounts.google.com.evil.example"));
    }
}
