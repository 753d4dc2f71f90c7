//! Where apps find us. Knows addresses; does not know what is there.

use url::Url;

use crate::App;
use crate::error::AppError;

/// The addresses of a tenant's provider.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Our name, which all others begin with.
    pub issuer: String,
}

impl Addresses {
    /// One of them.
    pub fn of(&self, what: &str) -> String {
        format!("{}/{what}", self.issuer)
    }
}

impl App {
    /// Where the apps of this tenant find us.
    pub fn app_addresses(&self, tenant: &str) -> Addresses {
        Addresses { issuer: format!("{}/op/{tenant}", self.issuer()) }
    }
}

/// An address with parameters behind those that it has.
pub(crate) fn with_params(address: &str, params: &[(&str, &str)]) -> Result<Url, AppError> {
    let mut url =
        Url::parse(address).map_err(|error| AppError::Internal(format!("an address of an app: {error}")))?;
    url.query_pairs_mut().extend_pairs(params);
    Ok(url)
}
