//! What those who follow a tenant are told. Knows the facts and which events each of them is; does not know how an event is
//! written or sent.
//!
//! A webhook gets every fact under its own name. A stream of security event tokens gets the events that the standards have
//! for it: one fact can be two of them, or none. The table for readers is `src/app/src/signals/EVENTS.md`.

/// A kind of fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactKind {
    /// Its name, which is the type of the webhook.
    pub name: &'static str,
    /// What has happened.
    pub says: &'static str,
    /// The security events that it is, in the order in which they are sent.
    pub events: &'static [SecurityEvent],
}

/// An event that a security event token tells of (RFC 8417).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityEvent {
    /// CAEP: a session of the person ended, or all of them.
    SessionRevoked,
    /// CAEP: what tokens say of the person has changed.
    TokenClaimsChange,
    /// CAEP: what the person signs in with has changed.
    CredentialChange,
    /// RFC 9967 §2.4.1.
    Created,
    /// RFC 9967 §2.4.3.
    Changed,
    /// RFC 9967 §2.4.5.
    Activated,
    /// RFC 9967 §2.4.6.
    Deactivated,
    /// RFC 9967 §2.4.4.
    Deleted,
    /// SSF §8.1.4: the receiver asked for it.
    Verification,
    /// SSF §8.1.5: the stream was paused, disabled or enabled.
    StreamUpdated,
}

use SecurityEvent::{
    Activated, Changed, Created, CredentialChange, Deactivated, Deleted, SessionRevoked, StreamUpdated,
    TokenClaimsChange, Verification,
};

impl SecurityEvent {
    /// Those that a stream can ask for.
    pub const OFFERED: [Self; 8] = [
        SessionRevoked,
        TokenClaimsChange,
        CredentialChange,
        Created,
        Changed,
        Activated,
        Deactivated,
        Deleted,
    ];

    /// The URI in `events`.
    pub fn uri(self) -> &'static str {
        match self {
            Self::SessionRevoked => "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
            Self::TokenClaimsChange => {
                "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
            }
            Self::CredentialChange => "https://schemas.openid.net/secevent/caep/event-type/credential-change",
            Self::Created => "urn:ietf:params:scim:event:prov:create:notice",
            Self::Changed => "urn:ietf:params:scim:event:prov:put:notice",
            Self::Activated => "urn:ietf:params:scim:event:prov:activate",
            Self::Deactivated => "urn:ietf:params:scim:event:prov:deactivate",
            Self::Deleted => "urn:ietf:params:scim:event:prov:delete",
            Self::Verification => "https://schemas.openid.net/secevent/ssf/event-type/verification",
            Self::StreamUpdated => "https://schemas.openid.net/secevent/ssf/event-type/stream-updated",
        }
    }

    /// The one with this URI.
    pub fn find(uri: &str) -> Option<Self> {
        let all = Self::OFFERED.into_iter().chain([Verification, StreamUpdated]);
        all.into_iter().find(|event| event.uri() == uri)
    }
}

/// A receiver is sent a test.
pub const TEST: &str = "receiver.test";
/// A stream's receiver asked for a verification.
pub const VERIFICATION: &str = "receiver.verification";
/// A stream was paused, disabled or enabled here.
pub const STREAM_UPDATED: &str = "receiver.updated";

const fn fact(name: &'static str, says: &'static str, events: &'static [SecurityEvent]) -> FactKind {
    FactKind { name, says, events }
}

/// An app's session of a person is over.
pub const SIGNED_OUT: &str = "app.signed_out";

/// Every fact that a receiver can follow.
pub const FACTS: [FactKind; 35] = [
    fact("user.provisioned", "A person was provisioned.", &[Created]),
    fact("user.updated", "A person's attributes changed.", &[Changed]),
    fact("user.deactivated", "A person was shut out.", &[SessionRevoked, Deactivated]),
    fact("user.reactivated", "A person was let in again.", &[Activated]),
    fact("user.deleted", "A person was removed.", &[SessionRevoked, Deleted]),
    fact(
        "user.merged",
        "A local person became one whom a directory manages; what they sign in with went along.",
        &[Deleted, CredentialChange],
    ),
    fact("user.departure_held", "A departure waits for an administrator.", &[]),
    fact("session.started", "A person signed in.", &[]),
    fact("session.ended", "A person signed out.", &[SessionRevoked]),
    fact("session.revoked", "A session of a person was ended for them.", &[SessionRevoked]),
    fact(
        "login.protected",
        "A protected local administrator signed in by a passkey, past every identity provider.",
        &[],
    ),
    fact("passkey.registered", "A protected local administrator registered a passkey.", &[]),
    fact("passkey.removed", "A passkey of a protected local administrator was removed.", &[]),
    fact("invitation.created", "Somebody was invited; they may do nothing yet.", &[]),
    fact("invitation.accepted", "Somebody accepted an invitation, and is in.", &[]),
    fact("invitation.cancelled", "An invitation was taken back.", &[]),
    fact("invitation.expired", "An invitation ran out; the seat that was kept for it is free.", &[]),
    fact("invitation.undelivered", "The mail with an invitation could not be delivered.", &[]),
    fact(
        "handover.due",
        "What a leaver left at a place is to be handed over; the product says when it has.",
        &[],
    ),
    fact("handover.cancelled", "A leaver is back, and keeps what was to be handed over.", &[]),
    fact("handover.failed", "What a leaver left could not be handed over; an administrator is to look.", &[]),
    fact("external.requested", "Somebody asked that a person of another company be let in.", &[]),
    fact("external.decided", "It was decided whether a person of another company is let in.", &[]),
    fact(
        "external.ended",
        "The time of a person of another company was over, or of the request for them.",
        &[],
    ),
    fact("access.changed", "What a person may do changed.", &[TokenClaimsChange]),
    fact(
        "access.alarm",
        "A directory took a role from its last holder that the tenant must not run out of; they keep it if it is held.",
        &[],
    ),
    fact("role.changed", "What a role gives changed, or it came or went, or became the default.", &[]),
    fact("seat.granted", "A person got a seat.", &[]),
    fact("seat.waiting", "A person began to wait for a seat.", &[]),
    fact("seat.released", "A person gave back a seat.", &[]),
    fact("seat_pool.differs", "What says how many seats are held does not all say the same.", &[]),
    fact("domain.verified", "A domain of e-mail addresses was proved to be the tenant's.", &[]),
    fact("domain.lapsed", "The proof of a domain was not found any more for too long.", &[]),
    fact(
        "connection.disowned",
        "What a connection's provider publishes names another issuer all at once; the connection is paused.",
        &[],
    ),
    fact("directory.alarm", "A directory shut out more people within an hour than its limit.", &[]),
];

/// What only one receiver is told, and always.
pub const ADDRESSED: [FactKind; 4] = [
    fact(TEST, "A test.", &[Verification]),
    fact(VERIFICATION, "A verification that the receiver asked for.", &[Verification]),
    fact(STREAM_UPDATED, "The stream was paused, disabled or enabled.", &[StreamUpdated]),
    fact(SIGNED_OUT, "A session is over through which a person was signed in to the app.", &[]),
];

impl FactKind {
    /// The kind with this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        FACTS.iter().chain(&ADDRESSED).find(|kind| kind.name == name)
    }

    /// Whether only one receiver is told, whatever it asked for.
    pub fn is_addressed(&self) -> bool {
        ADDRESSED.contains(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table for readers, line by line.
    #[test]
    fn the_table_for_readers_says_the_same() {
        let table = include_str!("../../app/src/signals/EVENTS.md");
        let lines: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();

        assert_eq!(lines.len(), FACTS.len());
        for (line, kind) in lines.into_iter().zip(FACTS) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, says, _, events, _] = cells.as_slice() else { panic!("{line}") };
            assert_eq!((*name, *says), (format!("`{}`", kind.name).as_str(), kind.says));
            let named: Vec<String> =
                events.split('`').skip(1).step_by(2).filter(|it| it.contains(':')).map(full).collect();
            let expected: Vec<&str> = kind.events.iter().map(|event| event.uri()).collect();
            assert_eq!(named, expected, "{name}");
        }
    }

    fn full(short: &str) -> String {
        short
            .replace("caep:", "https://schemas.openid.net/secevent/caep/event-type/")
            .replace("scim:", "urn:ietf:params:scim:event:prov:")
    }

    #[test]
    fn every_fact_and_every_event_has_one_name() {
        for (at, kind) in FACTS.iter().enumerate() {
            assert_eq!(FACTS.iter().position(|other| other.name == kind.name), Some(at), "{}", kind.name);
            assert_eq!(FactKind::find(kind.name), Some(kind));
            assert!(!kind.is_addressed());
        }
        for event in SecurityEvent::OFFERED {
            assert_eq!(SecurityEvent::find(event.uri()), Some(event));
        }
        assert_eq!(FactKind::find("user.vanished"), None);
    }

    #[test]
    fn every_event_that_is_offered_is_sent_for_some_fact() {
        for event in SecurityEvent::OFFERED {
            assert!(FACTS.iter().any(|kind| kind.events.contains(&event)), "{event:?}");
        }
    }

    #[test]
    fn what_follows_from_a_persons_life_is_among_the_facts() {
        use crate::lifecycle::Fact;

        for fact in Fact::ALL {
            assert!(FactKind::find(fact.name()).is_some(), "{fact}");
        }
    }
}
