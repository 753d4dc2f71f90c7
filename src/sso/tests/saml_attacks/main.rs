//! Every attack on a SAML response that is known to us, generated: each class in three places of the document, against every
//! variant of the provider's signature. None is believed, none panics, none costs much; and what identity providers really
//! send is believed.

#![cfg(test)]

mod base;
mod bombs;
mod corpus;
mod cost;
mod encryption;
mod names;
mod providers;
mod rules;
#[path = "../saml/sealing.rs"]
#[expect(dead_code, reason = "the rest of it is for the other tests")]
mod sealing;
mod signatures;
mod texts;
#[path = "../saml/world.rs"]
#[expect(dead_code, reason = "the rest of it is for the other tests")]
mod world;
mod wrapping;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sso::saml::{self, Accepted, Connection, Expected, Refusal, Subject};

use base::*;
use world::{REQUEST, now};

fn accept(connection: &Connection, message: &[u8]) -> Result<Accepted, Refusal> {
    accept_message(connection, &STANDARD.encode(message))
}

fn accept_message(connection: &Connection, message: &str) -> Result<Accepted, Refusal> {
    saml::accept(message, &Expected { connection, request: Some(REQUEST), fresh_since: None, now: now() })
}

/// None is believed, and none takes long.
fn assert_harmless(shape: Shape) {
    let connection = connection();
    let mut fooled = Vec::new();
    let mut slowest = cost::Slowest::default();
    let count = corpus::each(shape, |class, profile, attack| {
        let message = STANDARD.encode(&attack.message);
        let verdict = slowest.of(&attack.name, || accept_message(&connection, &message));
        let is_harmless =
            class.may_be_harmless && verdict.as_ref().is_ok_and(|accepted| accepted.subject == PERSON);
        if let Ok(accepted) = verdict
            && !is_harmless
        {
            let variant = profile.words();
            fooled.push(format!("{}: {} ({variant}): {}", class.name, attack.name, accepted.subject));
        }
    });

    assert!(fooled.is_empty(), "{} of {count} were believed:\n{}", fooled.len(), fooled.join("\n"));
    assert!(count > 1_000, "{count}");
    slowest.assert_bound();
}

#[test]
fn nothing_hostile_is_believed_where_the_assertion_is_signed() {
    assert_harmless(Shape::Assertion);
}

#[test]
fn nothing_hostile_is_believed_where_the_response_is_signed() {
    assert_harmless(Shape::Response);
}

#[test]
fn nothing_hostile_is_believed_where_both_are_signed() {
    assert_harmless(Shape::Both);
}

#[test]
fn no_document_takes_more_than_20_mb() {
    cost::assert_memory(corpus::costly());
}

/// In a process of its own, which [`cost::assert_memory`] starts.
#[test]
#[ignore = "reads documents from standard input"]
fn documents_are_read_one_by_one() {
    let connection = connection();
    cost::report_memory(|message| drop(accept_message(&connection, message)));
}

#[test]
fn whatever_identity_providers_send_is_believed() {
    for sent in providers::all() {
        let mut connection = connection();
        connection.subject = Subject::NameId { format: sent.format.to_owned() };

        let accepted = accept(&connection, sent.document.as_bytes());

        let subject = accepted.map(|accepted| accepted.subject);
        let believed = subject.as_ref().is_ok_and(|subject| subject.contains(PERSON));
        assert!(believed, "{}: {subject:?}\n{}", sent.provider, sent.document);
    }
}

#[test]
fn every_variant_of_a_signature_that_is_allowed_is_believed() {
    for profile in Profile::all() {
        let verdict = accept(&connection(), Base::new(profile).document.as_bytes()).map(|it| it.subject);

        if profile.inclusive {
            assert!(
                matches!(verdict, Err(Refusal::Canonicalization | Refusal::Transforms)),
                "{}",
                profile.words()
            );
        } else {
            assert_eq!(verdict.as_deref(), Ok(PERSON), "{}", profile.words());
        }
    }
}

/// For other implementations, to compare with: a line of JSON for each document.
#[test]
#[ignore = "writes files for other implementations"]
fn the_documents_are_written_for_others() {
    corpus::write();
}
