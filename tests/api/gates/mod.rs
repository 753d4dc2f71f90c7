//! Gates: what a proxy asks and is answered, and real proxies in front of an app that knows nothing of us.

mod asking;
mod proxies;
mod registry;
pub(super) mod world;
