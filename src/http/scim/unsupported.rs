//! What RFC 7644 leaves to the provider and this one does not have; it says so to those who may ask.

use super::super::caller::ScimClient;
use super::super::error::Refused;
use super::Answer;

/// `/Me`. RFC 7644 §3.11: "A service provider that does NOT support this feature SHOULD respond with HTTP status code
/// 501 (Not Implemented)."
pub(super) async fn me(_: ScimClient) -> Answer {
    Err(Refused::NotImplemented("/Me"))
}

/// `POST /Bulk`; `/ServiceProviderConfig` says that it is not supported.
pub(super) async fn bulk(_: ScimClient) -> Answer {
    Err(Refused::NotImplemented("/Bulk"))
}
