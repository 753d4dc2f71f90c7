//! What a transmitter publishes of itself (SSF 1.0 §7). Knows the document and where it lies; does not know whose it is.

use serde::Deserialize;
use url::Url;

use crate::egress::{Egress, EgressError};

/// Why a transmitter cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransmitterError {
    /// The issuer is not the address of anything.
    #[error("the issuer is not an address without query and fragment")]
    NotAnAddress,
    /// The document cannot be fetched, or is none.
    #[error("the transmitter's configuration: {0}")]
    Fetch(#[from] EgressError),
    /// There is no such document there.
    #[error("the transmitter's configuration: the server answered {0}")]
    Status(u16),
    /// The document is of somebody else.
    #[error("the transmitter's configuration names another issuer")]
    IssuerMismatch,
    /// It says nothing of keys.
    #[error("the transmitter's configuration names no keys")]
    NoKeys,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: Option<Url>,
}

/// Where the keys of this transmitter are, by its own word.
pub async fn discover_keys(egress: &Egress, issuer: &str) -> Result<Url, TransmitterError> {
    let answer = egress.get(&location(issuer)?).await?;
    if answer.status != 200 {
        return Err(TransmitterError::Status(answer.status));
    }
    let document: Document = answer.json()?;
    if document.issuer != issuer {
        return Err(TransmitterError::IssuerMismatch);
    }
    let keys = document.jwks_uri.ok_or(TransmitterError::NoKeys)?;
    egress.check(&keys)?;
    Ok(keys)
}

/// §7.2: between the host and the path of the issuer.
fn location(issuer: &str) -> Result<Url, TransmitterError> {
    let mut url = Url::parse(issuer).or(Err(TransmitterError::NotAnAddress))?;
    if url.cannot_be_a_base() || url.query().is_some() || url.fragment().is_some() {
        return Err(TransmitterError::NotAnAddress);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("/.well-known/ssf-configuration{path}"));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_lies_between_host_and_path() {
        let at = |issuer: &str| location(issuer).map(String::from);

        let there = "https://idp.example/.well-known/ssf-configuration";
        assert_eq!(at("https://idp.example").as_deref(), Ok(there));
        assert_eq!(at("https://idp.example/").as_deref(), Ok(there));
        assert_eq!(at("https://idp.example/a/b").as_deref(), Ok(format!("{there}/a/b").as_str()));
        for wrong in ["idp.example", "mailto:a@b", "https://idp.example/?x", "https://idp.example/#x"] {
            assert_eq!(at(wrong), Err(TransmitterError::NotAnAddress), "{wrong}");
        }
    }
}
