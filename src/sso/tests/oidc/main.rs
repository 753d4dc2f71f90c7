//! The relying party against a provider that does whatever a test wants. Each test is named after the fact it proves.

#![cfg(test)]

mod access_token;
mod assertion;
mod cache;
mod callback;
mod claims;
mod discovery;
mod egress;
mod envelope;
mod flow;
mod provider;
mod rotation;
mod signer;
mod token_endpoint;
mod world;
