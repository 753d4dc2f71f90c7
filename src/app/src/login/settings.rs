//! What a connection is set to, as stored. Knows what all have in common and what each protocol adds; does not know how it comes to be set.

use std::net::IpAddr;

use domain::network::Network;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sso::VerifiedIdentity;
use store::connections::ConnectionRow;
use utoipa::ToSchema;

use super::openid::OpenIdSettings;
use super::saml::SamlSettings;
use crate::error::AppError;

/// What every connection is set to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    /// Which claim names the person the first time.
    pub(crate) link_claim: String,
    /// Which attribute of the person it equals.
    pub(crate) link_to: LinkTo,
    /// Where people land, and the only origin that they may be sent back to.
    pub(crate) return_to: url::Url,
    /// Whether whoever is not there is made.
    #[serde(default)]
    pub(crate) just_in_time: JustInTime,
    /// Whoever has a higher role than this one does not come in here.
    #[serde(default)]
    pub(crate) highest_role: Option<String>,
    /// The verified domains whose people are sent here; those of no connection are sent to any of the others.
    #[serde(default)]
    pub(crate) domains: Vec<String>,
    /// Where people may be when they come in; anywhere, if there are none.
    #[serde(default)]
    pub(crate) allowed_networks: Vec<Network>,
}

/// Whether a sign-in makes people whom the directory has not sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum JustInTime {
    /// It does not.
    #[default]
    Off,
    /// It does, for everybody whom the provider vouches for.
    On,
    /// It does, for those with an address in a domain that the tenant has verified.
    VerifiedDomain,
}

/// The attribute of the SCIM person that the link claim equals. Both are unique in a directory; an e-mail address is
/// not, and is never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkTo {
    /// `userName`, compared without case.
    UserName,
    /// `externalId`, compared exactly.
    ExternalId,
}

/// A connection's protocol, and what it needs to know.
#[derive(Debug, Clone)]
pub(crate) enum Protocol {
    /// OpenID Connect.
    OpenId(Box<OpenIdSettings>),
    /// SAML 2.0.
    Saml(Box<SamlSettings>),
}

/// Whether people can sign in at a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ConnectionState {
    /// They can.
    Active,
    /// Nobody can for now; who is signed in stays so.
    Paused,
}

impl ConnectionState {
    /// As stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }

    pub(crate) fn of(row: &ConnectionRow) -> Self {
        if row.state == Self::Active.name() { Self::Active } else { Self::Paused }
    }
}

impl Settings {
    /// What the link claim says of an identity.
    pub(crate) fn name_of<'a>(&self, identity: &'a VerifiedIdentity) -> Option<&'a str> {
        let name = match self.link_claim.as_str() {
            "sub" => Some(identity.subject.as_str()),
            claim => identity.claim(claim),
        };
        name.filter(|name| !name.is_empty())
    }

    /// Whether people may come in from this address.
    pub(super) fn lets_in_from(&self, address: IpAddr) -> bool {
        self.allowed_networks.is_empty() || self.allowed_networks.iter().any(|it| it.contains(address))
    }

    pub(crate) fn of(row: &ConnectionRow) -> Result<Self, AppError> {
        stored(&row.settings)
    }
}

impl Protocol {
    pub(crate) const OPENID: &'static str = "openid";
    pub(crate) const SAML: &'static str = "saml";

    pub(crate) fn of(row: &ConnectionRow) -> Result<Self, AppError> {
        match row.kind.as_str() {
            Self::OPENID => Ok(Self::OpenId(Box::new(stored(&row.protocol)?))),
            Self::SAML => Ok(Self::Saml(Box::new(stored(&row.protocol)?))),
            other => Err(AppError::Internal(format!("a connection of the unknown kind {other:?}"))),
        }
    }
}

fn stored<T: serde::de::DeserializeOwned>(document: &Value) -> Result<T, AppError> {
    T::deserialize(document)
        .map_err(|error| AppError::Internal(format!("stored settings of a connection: {error}")))
}
