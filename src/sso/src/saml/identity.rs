//! An accepted response as the word that every protocol ends in. Knows which attributes say what; does not know whom they mean.

use serde_json::{Map, Value};

use super::logout::Hint;
use super::{Accepted, Attributes, Connection};
use crate::identity::{Email, Groups, SpentMessage};
use crate::{SsoError, VerifiedIdentity};

/// What Entra ID sends in place of groups when there are too many: where to ask for them.
const GROUPS_ELSEWHERE: &str = "http://schemas.microsoft.com/claims/groups.link";

/// Which attributes of a connection say what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The attribute with the e-mail address.
    pub email: Option<String>,
    /// The attribute with the groups.
    pub groups: Option<String>,
}

impl Accepted {
    /// Who was proven to be signing in.
    pub fn identity(self, connection: &Connection, facts: &Facts) -> Result<VerifiedIdentity, SsoError> {
        let email = facts.email.as_deref().and_then(|name| match self.attributes.of(name) {
            [address] => Some(Email { address: address.clone(), verified: None }),
            _ => None,
        });
        let groups = groups(&self.attributes, facts);
        let claims: Map<String, Value> = self
            .attributes
            .iter()
            .map(|(name, values)| (name.to_owned(), Value::from(values.to_vec())))
            .collect();
        let spent = [("assertion", &self.id), ("response", &self.response_id)]
            .map(|(kind, id)| SpentMessage { id: format!("{kind}:{id}"), forget_at: self.remember_until });
        let mut identity =
            VerifiedIdentity::new(connection.idp_entity_id.clone(), self.subject, claims, self.issued_at)?;
        identity.email = email;
        identity.groups = groups;
        identity.auth_time = Some(self.authn_instant);
        identity.expires_hint = self.session_not_on_or_after;
        identity.provider_name = Some(format!("{} {}", self.name_id.format, self.name_id.value));
        identity.provider_session.clone_from(&self.session_index);
        identity.logout_hint = Hint { name_id: self.name_id, session_index: self.session_index }.keep();
        identity.spent = spent.to_vec();
        identity.certificate = Some(self.certificate);
        Ok(identity)
    }
}

/// An attribute that is not there says nothing: providers leave it out for somebody in no group, and for somebody in too
/// many.
fn groups(attributes: &Attributes, facts: &Facts) -> Groups {
    let values = facts.groups.as_deref().map(|name| attributes.of(name)).unwrap_or_default();
    if values.is_empty() || !attributes.of(GROUPS_ELSEWHERE).is_empty() {
        return Groups::Unknown;
    }
    Groups::Known(values.to_vec())
}
