//! The relying party against a provider that does whatever a test wants. Each test is named after the fact it proves; the
//! numbers above it are those of `SsoError::check`, which docs/openid.md lists.

#![cfg(test)]

mod access_token;
mod assertion;
mod cache;
mod callback;
mod claims;
mod client_auth;
mod discovery;
mod egress;
mod envelope;
mod flow;
mod hostile;
mod logout;
mod provider;
mod push;
mod rotation;
mod signer;
mod tenancy;
mod token_endpoint;
mod userinfo;
mod world;
