//! Typed ids. Knows that a user is not a group; does not know what either of them is.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::{Builder, Uuid};

use crate::clock::Entropy;

/// The text is not an id in its one accepted spelling: a hyphenated UUID in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: expected a hyphenated lower-case UUID")]
pub struct InvalidId {
    kind: &'static str,
}

impl InvalidId {
    /// The name of the id type that was asked for.
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

/// An id is compared exactly by those who hold it, so it has exactly one spelling.
fn parse(kind: &'static str, text: &str) -> Result<Uuid, InvalidId> {
    match Uuid::try_parse(text) {
        Ok(uuid) if uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text => Ok(uuid),
        _ => Err(InvalidId { kind }),
    }
}

fn version_7(now: DateTime<Utc>, entropy: &dyn Entropy) -> Uuid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with this value, as read back from where it is stored.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare value, for storage.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }

            /// A new id that sorts after those of earlier moments (UUID version 7).
            pub fn generate(now: DateTime<Utc>, entropy: &dyn Entropy) -> Self {
                Self(version_7(now, entropy))
            }

            /// New ids of one moment that sort in the order in which they are taken (up to 2³² of them): RFC 9562
            /// §6.2, method 1, with the counter in the bits after the time.
            pub fn series(now: DateTime<Utc>, entropy: &dyn Entropy) -> impl Iterator<Item = Self> {
                let first = version_7(now, entropy).as_u128();
                (0_u32..=u32::MAX).map(move |count| Self(Uuid::from_u128(numbered(first, count))))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(stringify!($name), text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

typed_ids! {
    /// A tenant: one customer of the operator.
    TenantId
    /// A person of a tenant.
    UserId
    /// A sign-in that an administrator tries out.
    TrialId
    /// A group of a tenant.
    GroupId
    /// A directory: the SCIM link through which an identity provider provisions.
    DirectoryId
    /// A credential: a bearer token that was issued.
    CredentialId
    /// An OAuth client: a program that fetches access tokens for a directory.
    OAuthClientId
    /// An app of the product, which signs people in through us.
    AppId
    /// What an app got by one sign-in: a code, and the tokens that came of it.
    AppGrantId
    /// A gate: a proxy that asks for each request whether it may pass.
    GateId
    /// A connection: the SSO link through which people sign in.
    ConnectionId
    /// A unit of a tenant's organisation tree.
    OrgUnitId
    /// A workspace of a tenant.
    WorkspaceId
    /// A mapping rule.
    MappingRuleId
    /// A schema extension.
    SchemaExtensionId
    /// A seat pool.
    SeatPoolId
    /// A signed-in session.
    SessionId
    /// A passkey of a local person.
    PasskeyId
    /// A login that has begun and is not finished.
    LoginFlowId
    /// A receiver: who follows a tenant.
    ReceiverId
    /// A line of the audit trail.
    AuditEventId
    /// A message that waits to leave.
    OutboxId
    /// One request, for tracing it through the house.
    RequestId
    /// A grant given by hand.
    GrantId
    /// An invitation of somebody who is to become a local person.
    InvitationId
    /// A link by which several people invite themselves.
    InvitationLinkId
    /// Something that a leaver has left at a place, to be handed over.
    HandoverId
    /// A request to let somebody of another company in.
    ExternalRequestId
    /// Changes of the policy that were made together.
    ChangeSetId
    /// A bulk request that is done after it was answered.
    BulkJobId
}

/// A version 7 id with a counter in the 12 bits after the version and the 20 bits after the variant.
fn numbered(id: u128, count: u32) -> u128 {
    const HIGH: u128 = 0xfff << 64;
    const LOW: u128 = 0xf_ffff << 42;
    let count = u128::from(count);
    (id & !(HIGH | LOW)) | ((count >> 20) << 64) | ((count & 0xf_ffff) << 42)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::CountingEntropy;

    const TEXT: &str = "0198c2f0-7a3b-7c4d-8e5f-0123456789ab";

    #[test]
    fn an_id_reads_back_what_it_prints() {
        let id: UserId = TEXT.parse().unwrap();

        assert_eq!(id.to_string(), TEXT);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<UserId>(&format!("\"{TEXT}\"")).unwrap(), id);
        assert_eq!(format!("{id:?}"), format!("UserId({TEXT})"));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let simple = TEXT.replace('-', "");
        for other in
            [TEXT.to_uppercase(), simple, format!("{{{TEXT}}}"), format!("urn:uuid:{TEXT}"), String::new()]
        {
            assert_eq!(other.parse::<GroupId>(), Err(InvalidId { kind: "GroupId" }), "{other}");
        }
    }

    #[test]
    fn a_later_id_sorts_after_an_earlier_one() {
        let entropy = CountingEntropy::new();
        let early = UserId::generate(DateTime::from_timestamp_millis(1_700_000_000_000).unwrap(), &entropy);
        let late = UserId::generate(DateTime::from_timestamp_millis(1_700_000_000_001).unwrap(), &entropy);

        assert!(early < late);
        assert_eq!(early.as_uuid().get_version_num(), 7);
    }

    #[test]
    fn ids_of_a_series_sort_in_their_order() {
        let now = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
        let entropy = CountingEntropy::new();
        let ids: Vec<UserId> = UserId::series(now, &entropy).step_by(3).take(5_000).collect();

        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id.as_uuid().get_version_num() == 7));
        assert!(ids.iter().all(|id| id.as_uuid().get_variant() == uuid::Variant::RFC4122));
        assert_ne!(UserId::series(now, &entropy).next(), UserId::series(now, &entropy).next());
    }

    #[test]
    fn a_moment_before_1970_still_gives_an_id() {
        let id = UserId::generate(DateTime::from_timestamp_millis(-5).unwrap(), &CountingEntropy::new());

        assert_eq!(id.as_uuid().get_version_num(), 7);
    }
}
