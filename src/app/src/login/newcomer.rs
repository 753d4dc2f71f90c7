//! Somebody comes whom nobody has sent, at a connection that makes people of those: just-in-time provisioning. Knows what an identity says of a person; they are created as a directory creates them.

use scim::ScimType;
use scim::dialect::Dialect;
use serde_json::{Value, json};
use sso::VerifiedIdentity;
use store::connections::{self, ConnectionRow};
use store::users::Named;
use store::{Reads, Scope, domains, newcomers};

use super::admission::Arrival;
use super::settings::{JustInTime, LinkTo, Settings};
use crate::App;
use crate::error::{AppError, Refusal};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// Where identity providers say what: claims of OpenID Connect, and attributes of SAML as Entra ID, Okta and the
/// eduPerson world name them.
const DISPLAY_NAME: [&str; 4] = [
    "name",
    "displayName",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "urn:oid:2.16.840.1.113730.3.1.241",
];
const GIVEN_NAME: [&str; 5] = [
    "given_name",
    "givenName",
    "firstName",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
    "urn:oid:2.5.4.42",
];
const FAMILY_NAME: [&str; 6] = [
    "family_name",
    "surname",
    "sn",
    "lastName",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
    "urn:oid:2.5.4.4",
];

impl App {
    /// Creates whoever arrived, if the connection is set so. They belong to the connection's directory, which finds them
    /// by their name when it describes them later. Returns whether there may be somebody now: also when another request
    /// was faster.
    pub(super) async fn welcome(&self, scope: &Scope, arrival: &Arrival) -> Result<bool, AppError> {
        let Some((row, body)) = self.newcomer(scope, arrival).await? else { return Ok(false) };
        let directory = newcomers::as_newcomer(scope, &row);
        match self.create_user(&directory, body, &Dialect::strict()).await {
            Ok(_) => Ok(true),
            Err(AppError::Scim(error)) if error.scim_type == Some(ScimType::Uniqueness) => Ok(true),
            Err(AppError::Scim(error)) => Err(Refusal::NotCreated(error.to_string()).into()),
            Err(AppError::Invalid(reason)) => Err(Refusal::NotCreated(reason).into()),
            Err(error) => Err(error.said_at_the_door()),
        }
    }

    /// Who would be created, in SCIM, and at which connection; nobody if it is not set so. Whoever was deleted under the
    /// same name is refused.
    pub(super) async fn newcomer(
        &self,
        scope: &Scope,
        arrival: &Arrival,
    ) -> Result<Option<(ConnectionRow, Value)>, AppError> {
        let mut tx = self.db.read(scope).await?;
        let row = connections::by_id(&mut tx, arrival.connection).await?.ok_or(Refusal::UnknownDoor)?;
        let body = person(&mut tx, &Settings::of(&row)?, &arrival.identity).await?;
        if let Some(body) = &body {
            let named = [
                body.get("userName").and_then(Value::as_str).map(Named::UserName),
                body.get("externalId").and_then(Value::as_str).map(Named::ExternalId),
            ];
            for named in named.into_iter().flatten() {
                if newcomers::was_deleted(&mut tx, row.directory(), named).await? {
                    return Err(Refusal::Departed.into());
                }
            }
        }
        tx.finish().await?;
        Ok(body.map(|body| (row, body)))
    }
}

/// Who is to be created, in SCIM; nobody if the connection's rule lets nobody be made of this identity.
async fn person(
    tx: &mut impl Reads,
    settings: &Settings,
    identity: &VerifiedIdentity,
) -> Result<Option<Value>, AppError> {
    if settings.just_in_time == JustInTime::Off {
        return Ok(None);
    }
    let Some(name) = settings.name_of(identity) else { return Ok(None) };
    let mut address = None;
    if let Some(email) = identity.email.as_ref().filter(|email| email.verified != Some(false))
        && domains::speaks_for(tx, &email.address).await?
    {
        address = Some(email.address.as_str());
    }
    let (user_name, external_id) = match settings.link_to {
        LinkTo::UserName => (Some(name), None),
        LinkTo::ExternalId => (identity.claim("preferred_username").or(address), Some(name)),
    };
    let user_name = user_name.unwrap_or(name);
    let named_by_address = user_name.contains('@');
    if named_by_address && !domains::speaks_for(tx, user_name).await? {
        return Err(Refusal::DomainUnverified.into());
    }
    if settings.just_in_time == JustInTime::VerifiedDomain && address.is_none() && !named_by_address {
        return Ok(None);
    }
    let said = |names: &[&str]| names.iter().find_map(|name| identity.claim(name));
    Ok(Some(json!({
        "schemas": [USER],
        "userName": user_name,
        "externalId": external_id,
        "displayName": said(&DISPLAY_NAME),
        "name": {"givenName": said(&GIVEN_NAME), "familyName": said(&FAMILY_NAME)},
        "emails": address.map(|address| json!([{"value": address, "primary": true}])),
        "active": true,
    })))
}
