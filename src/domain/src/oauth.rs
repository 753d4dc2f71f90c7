//! OAuth clients of directories. Knows their public names and the scopes they may ask for; does not know how one proves that
//! it is itself.

use std::fmt;

use uuid::Uuid;

use crate::id::{OAuthClientId, TenantId};
use crate::token::CredentialScope;

/// The `client_id` of a client: `usher_client_{tenant}_{client}`, each 32 hexadecimal digits. It names the tenant, so that
/// the client is looked up inside that tenant's barrier, as a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientName {
    /// Whose client.
    pub tenant: TenantId,
    /// Which.
    pub client: OAuthClientId,
}

const PREFIX: &str = "usher_client_";

impl ClientName {
    /// Reads a name in its one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let (tenant, client) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let name = Self {
            tenant: TenantId::from_uuid(Uuid::try_parse(tenant).ok()?),
            client: OAuthClientId::from_uuid(Uuid::try_parse(client).ok()?),
        };
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_{}", self.tenant.as_uuid().simple(), self.client.as_uuid().simple())
    }
}

/// Everything.
const ALL: &str = "scim";
/// Asking alone.
const READ: &str = "scim:read";

/// The scopes that clients may ask for (RFC 6749 §3.3).
pub const SCOPES: [&str; 2] = [ALL, READ];

/// What a credential with this scope may do, in OAuth's words.
pub fn scope_name(of: CredentialScope) -> &'static str {
    match of {
        CredentialScope::Write => ALL,
        CredentialScope::Read => READ,
    }
}

/// What a client gets that asks for these scopes, or for none: at most what it may; `None` if it asks for more or for what
/// there is not.
pub fn granted(asked: Option<&str>, may: CredentialScope) -> Option<CredentialScope> {
    let Some(asked) = asked else { return Some(may) };
    let mut granted = None;
    for name in asked.split(' ').filter(|name| !name.is_empty()) {
        match name {
            ALL if may.writes() => granted = Some(CredentialScope::Write),
            READ => granted = granted.or(Some(CredentialScope::Read)),
            _ => return None,
        }
    }
    granted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let name = ClientName {
            tenant: "0198c2f0-7a3b-7c4d-8e5f-0123456789ab".parse().unwrap(),
            client: "0198c2f0-7a3b-7c4d-8e5f-0123456789ac".parse().unwrap(),
        };
        let text = "usher_client_0198c2f07a3b7c4d8e5f0123456789ab_0198c2f07a3b7c4d8e5f0123456789ac";

        assert_eq!(name.to_string(), text);
        assert_eq!(ClientName::parse(text), Some(name));
        for other in [
            text.to_uppercase(),
            format!("{text} "),
            text.replace("0198c2f07a3b", "0198c2f0-7a3b"),
            String::new(),
        ] {
            assert_eq!(ClientName::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn a_client_gets_what_it_asks_for_and_never_more_than_it_may() {
        use CredentialScope::{Read, Write};

        for (asked, of_a_writer, of_a_reader) in [
            (None, Some(Write), Some(Read)),
            (Some("scim"), Some(Write), None),
            (Some("scim:read"), Some(Read), Some(Read)),
            (Some("scim:read scim"), Some(Write), None),
            (Some("scim scim:read"), Some(Write), None),
            (Some("openid"), None, None),
            (Some("scim openid"), None, None),
            (Some("SCIM"), None, None),
            (Some(" "), None, None),
        ] {
            assert_eq!(
                (granted(asked, Write), granted(asked, Read)),
                (of_a_writer, of_a_reader),
                "{asked:?}"
            );
        }
        for scope in [Read, Write] {
            assert_eq!(granted(Some(scope_name(scope)), scope), Some(scope));
        }
    }
}
