//! Signing in by SAML: where the browser is sent, and what its answer proves. Knows the connection's settings, certificates and keys; whom an answer means here, `admission` decides.

mod arrival;
mod departure;
mod logout;
mod metadata;
mod turns;

use std::sync::Arc;

pub use arrival::Posted;
use chrono::Duration;
use domain::id::ConnectionId;
pub use logout::{Brought, Carried};
pub(crate) use metadata::believe;
use serde::{Deserialize, Serialize};
use sso::saml::{self, Binding, Certificate, DecryptionKey, Endpoint, Facts, SigningKey};
use store::Reads;
use store::connections::ConnectionRow;
use store::saml::{CertificateRow, KeyRow};
pub(crate) use turns::Turns;
use url::Url;
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// Our keys, as they are sealed.
const KEY: &str = "saml.key";

/// What a connection by SAML needs to know, as stored. Certificates and keys have rows of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SamlSettings {
    pub(crate) entity_id: String,
    pub(crate) single_sign_on: Vec<Place>,
    pub(crate) single_logout: Vec<Place>,
    pub(crate) rules: SamlRules,
}

/// Where an identity provider takes messages, as its metadata says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Place {
    /// How: `redirect` or `post`.
    pub binding: PlaceBinding,
    /// Where.
    #[schema(value_type = String)]
    pub location: Url,
    /// Where answers go, if elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub answers: Option<Url>,
}

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PlaceBinding {
    /// In the query of an address.
    Redirect,
    /// In a form that the browser posts.
    Post,
}

/// What a connection by SAML is held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a rule of its own, which an administrator sets by its name"
)]
pub struct SamlRules {
    /// What the provider must sign.
    pub signed: SignedPart,
    /// Whether signatures by SHA-1 still count.
    pub allow_sha1: bool,
    /// Whether a certificate counts no more after its date.
    pub refuse_expired_certificates: bool,
    /// The format of the name identifier that names the person; it must be one that never changes.
    #[schema(example = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")]
    pub name_id_format: String,
    /// The attribute that names the person instead, if its value never changes.
    pub subject_attribute: Option<String>,
    /// How many seconds the provider's clock may be off.
    #[schema(minimum = 0, maximum = 300)]
    pub clock_skew_seconds: u16,
    /// Whether people may come from the provider's own pages, without having been sent there.
    pub allow_unsolicited: bool,
    /// Whether everybody must prove anew who they are, at each sign-in.
    pub force_authentication: bool,
    /// How many seconds ago the person may have proved who they are.
    pub max_age_seconds: Option<u32>,
    /// Means of sign-in, of which the provider must name one.
    pub authn_contexts: Vec<String>,
    /// The attribute with the e-mail address.
    pub email_attribute: Option<String>,
    /// The attribute with the groups.
    pub groups_attribute: Option<String>,
    /// What becomes of certificates that are new in the provider's metadata.
    pub new_certificates: NewCertificates,
}

/// What must be signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SignedPart {
    /// The response or the assertion.
    #[default]
    Either,
    /// The assertion.
    Assertion,
    /// The response.
    Response,
    /// Both.
    Both,
}

/// What becomes of new certificates in metadata that is fetched again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum NewCertificates {
    /// They count if the metadata came over https; else they wait for an administrator.
    #[default]
    Trust,
    /// They wait for an administrator.
    Approve,
}

impl Default for SamlRules {
    fn default() -> Self {
        Self {
            signed: SignedPart::Either,
            allow_sha1: false,
            refuse_expired_certificates: false,
            name_id_format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned(),
            subject_attribute: None,
            clock_skew_seconds: 60,
            allow_unsolicited: false,
            force_authentication: false,
            max_age_seconds: None,
            authn_contexts: Vec::new(),
            email_attribute: None,
            groups_attribute: None,
            new_certificates: NewCertificates::Trust,
        }
    }
}

impl Place {
    pub(crate) fn of(endpoint: &Endpoint, answers: Option<&Url>) -> Self {
        let binding = match endpoint.binding {
            Binding::Redirect => PlaceBinding::Redirect,
            Binding::Post => PlaceBinding::Post,
        };
        let answers = answers.filter(|url| **url != endpoint.location).cloned();
        Self { binding, location: endpoint.location.clone(), answers }
    }

    fn endpoint(&self) -> Endpoint {
        let binding = match self.binding {
            PlaceBinding::Redirect => Binding::Redirect,
            PlaceBinding::Post => Binding::Post,
        };
        Endpoint { binding, location: self.location.clone() }
    }
}

/// By redirect if the provider takes it: then the browser shows no page on its way.
fn best(places: &[Place]) -> Option<&Place> {
    places.iter().find(|place| place.binding == PlaceBinding::Redirect).or_else(|| places.first())
}

/// Our side of a connection, with whom it believes and our keys.
pub(crate) struct OurSide {
    pub(crate) connection: Arc<saml::Connection>,
    pub(crate) facts: Facts,
    /// The current key first.
    pub(crate) signing: Vec<SigningKey>,
}

impl App {
    /// An address of ours that belongs to a connection.
    pub(crate) fn saml_address(&self, tenant: &str, connection: &str, what: &str) -> Result<Url, AppError> {
        self.public_url
            .join(&format!("/saml/{tenant}/{connection}/{what}"))
            .map_err(|error| AppError::Internal(format!("an address for SAML: {error}")))
    }

    /// Reads our side of a connection.
    pub(crate) async fn our_side(
        &self,
        tx: &mut impl Reads,
        tenant: &str,
        row: &ConnectionRow,
        settings: &SamlSettings,
    ) -> Result<OurSide, AppError> {
        let id = row.connection_id();
        let certificates = store::saml::certificates(tx, Some(id)).await?;
        let keys = store::saml::keys(tx, Some(id)).await?;
        self.assemble(tenant, row, settings, (&certificates, &keys))
    }

    fn assemble(
        &self,
        tenant: &str,
        row: &ConnectionRow,
        settings: &SamlSettings,
        (certificates, keys): (&[CertificateRow], &[KeyRow]),
    ) -> Result<OurSide, AppError> {
        let rules = &settings.rules;
        let active = certificates.iter().filter(|row| row.state == "active");
        let certificates = active
            .map(|row| Certificate::from_der(&row.certificate).map_err(kept))
            .collect::<Result<_, _>>()?;
        let (mut signing, mut decryption_keys) = (Vec::new(), Vec::new());
        for key in keys {
            let plain = self.open_saml_key(row.connection_id(), key)?;
            decryption_keys.push(DecryptionKey::from_pkcs8(&plain).map_err(kept)?);
            let certificate = Certificate::from_der(&key.certificate).map_err(kept)?;
            signing.push(SigningKey::new(&plain, certificate).map_err(kept)?);
        }
        let connection = saml::Connection {
            idp_entity_id: settings.entity_id.clone(),
            sp_entity_id: self.saml_address(tenant, &row.slug, "metadata")?.to_string(),
            acs_url: self.saml_address(tenant, &row.slug, "acs")?.to_string(),
            certificates,
            expired_refused: rules.refuse_expired_certificates,
            signed: match rules.signed {
                SignedPart::Either => saml::Signed::Either,
                SignedPart::Assertion => saml::Signed::Assertion,
                SignedPart::Response => saml::Signed::Response,
                SignedPart::Both => saml::Signed::Both,
            },
            sha1: rules.allow_sha1,
            subject: match &rules.subject_attribute {
                Some(name) => saml::Subject::Attribute { name: name.clone() },
                None => saml::Subject::NameId { format: rules.name_id_format.clone() },
            },
            clock_skew: Duration::seconds(rules.clock_skew_seconds.into()),
            unsolicited: rules.allow_unsolicited,
            max_age: rules.max_age_seconds.map(|age| Duration::seconds(age.into())),
            authn_contexts: rules.authn_contexts.clone(),
            decryption_keys,
        };
        let facts = Facts { email: rules.email_attribute.clone(), groups: rules.groups_attribute.clone() };
        Ok(OurSide { connection: Arc::new(connection), facts, signing })
    }

    /// A key is sealed for its connection: in another's row it opens nothing.
    pub(crate) fn seal_saml_key(&self, connection: ConnectionId, pkcs8: &[u8]) -> Result<Vec<u8>, AppError> {
        self.sealer.seal(&format!("{KEY}.{connection}"), pkcs8, &*self.entropy)
    }

    fn open_saml_key(&self, connection: ConnectionId, row: &KeyRow) -> Result<Vec<u8>, AppError> {
        self.sealer.open(&format!("{KEY}.{connection}"), &row.key_sealed)
    }
}

/// What was checked before it was kept.
fn kept(refusal: saml::Refusal) -> AppError {
    AppError::Internal(format!("a certificate or key of a connection that was kept: {refusal}"))
}
