//! A discovered provider. Knows its endpoints and keys; does not know our client.

use url::Url;

use super::metadata::{self, Metadata};
use crate::SsoError;
use crate::egress::Egress;
use crate::jose::{Published, PublishedKeys};

/// An OpenID provider: what it publishes about itself, and its keys.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    metadata: Metadata,
    keys: PublishedKeys,
}

impl Provider {
    /// Fetches the discovery document and the keys.
    pub async fn discover(egress: &Egress, issuer: &str) -> Result<Self, SsoError> {
        let metadata = metadata::fetch(egress, issuer).await?;
        let keys = PublishedKeys::at(egress, &metadata.jwks_uri).await?;
        Ok(Self { issuer: issuer.to_owned(), metadata, keys })
    }

    /// The issuer, exactly as configured and published.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where browsers are sent.
    pub fn authorization_endpoint(&self) -> &Url {
        &self.metadata.authorization_endpoint
    }

    /// Whether browsers can be sent there to sign out.
    pub fn signs_out(&self) -> bool {
        self.metadata.end_session_endpoint.is_some()
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(crate) fn keys(&self) -> &PublishedKeys {
        &self.keys
    }
}

impl Published for Provider {
    type Error = SsoError;

    fn address(&self) -> &str {
        &self.issuer
    }

    async fn fetch(egress: &Egress, address: &str) -> Result<Self, SsoError> {
        Self::discover(egress, address).await
    }

    /// A discovery document that suddenly speaks for somebody else was put there by somebody else.
    fn disowns(failure: &SsoError) -> bool {
        *failure == SsoError::DiscoveryIssuerMismatch
    }
}
