//! Names to addresses, with the guard in between. Knows the system's resolver; does not know URLs.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address;

/// The name leads to an address that is not outside.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to an address that is not public")]
pub(super) struct AddressRefused;

/// Resolves names and refuses those that lead inside. The client connects to exactly the addresses returned here, so
/// there is no second look-up that could answer differently.
pub(super) struct GuardedResolver {
    pub(super) allow_loopback: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_loopback = self.allow_loopback;
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One inside address among several is enough: a name that mixes them is up to something.
            if addresses.iter().any(|candidate| !address::is_allowed(candidate.ip(), allow_loopback)) {
                return Err(AddressRefused.into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}
