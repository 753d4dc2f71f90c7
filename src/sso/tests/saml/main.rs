//! The service provider against an identity provider that signs whatever a test wants. Each test is named after the fact
//! it proves; the numbers are those of the checks (`Refusal::check`).

#![cfg(test)]

mod assertions;
mod documents;
mod encrypted;
mod logout;
mod metadata;
mod requests;
mod responses;
mod sealing;
mod signatures;
mod world;
