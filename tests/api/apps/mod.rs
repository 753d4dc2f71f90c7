//! The OpenID provider of the product's apps, tried with requests that are honest, hostile and malformed. Each test names the
//! sentence of the standard that it holds us to.

mod answers;
mod apache;
mod devices;
mod endings;
mod hostile;
mod keys;
mod possession;
mod registry;
mod relying_parties;
mod requests;
mod signing_in;
mod tokens;
pub(super) mod world;
