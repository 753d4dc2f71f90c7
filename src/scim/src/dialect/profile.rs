//! Who speaks how: each dialect as a set of leniencies. Knows products by name; does not know directories.

use super::leniency::{Leniencies, Leniency};

/// A dialect by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// The RFCs and nothing else.
    Rfc,
    /// The SCIM 2.0 interoperability profile (draft-zollner-scim-interop-profile-01), which asks for more than the RFCs.
    Interop,
    /// Microsoft Entra ID.
    Entra,
    /// Okta.
    Okta,
    /// `OneLogin`.
    OneLogin,
    /// `JumpCloud`.
    JumpCloud,
    /// PingFederate and `PingOne`.
    Ping,
    /// authentik's SCIM provider.
    Authentik,
    /// The SCIM clients of Keycloak.
    Keycloak,
}

impl Profile {
    /// Every dialect.
    pub const ALL: [Self; 9] = [
        Self::Rfc,
        Self::Interop,
        Self::Entra,
        Self::Okta,
        Self::OneLogin,
        Self::JumpCloud,
        Self::Ping,
        Self::Authentik,
        Self::Keycloak,
    ];

    /// The name in settings, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rfc => "rfc",
            Self::Interop => "interop",
            Self::Entra => "entra",
            Self::Okta => "okta",
            Self::OneLogin => "onelogin",
            Self::JumpCloud => "jumpcloud",
            Self::Ping => "ping",
            Self::Authentik => "authentik",
            Self::Keycloak => "keycloak",
        }
    }

    /// The dialect of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name)
    }

    /// What it deviates in. The evidence stands with each [`Leniency`].
    pub fn leniencies(self) -> Leniencies {
        use Leniency as L;
        let granted: &[L] = match self {
            Self::Rfc | Self::Interop => &[],
            Self::Entra => &[
                L::OperationCase,
                L::BooleanAsString,
                L::IntegerAsString,
                L::RemoveByValue,
                L::DottedKey,
                L::ScalarForComplex,
                L::JsonInString,
                L::CreateFromFilter,
                L::UnknownSchema,
                L::UnquotedValue,
                L::ConditionAfterValuePath,
                L::PlusAsSpace,
                L::UnknownRole,
            ],
            Self::Okta => &[L::ReadOnlyInPatch, L::UnknownAttribute, L::PendingMember],
            Self::OneLogin => &[L::SingleForMultiple, L::DraftSchema, L::UnknownAttribute, L::PlusAsSpace],
            Self::JumpCloud => &[L::RemoveByValue, L::UnknownAttribute],
            Self::Authentik => &[L::RemoveByValue, L::ReadOnlyInPatch, L::PlusAsSpace],
            Self::Ping | Self::Keycloak => &[L::PlusAsSpace],
        };
        granted.iter().copied().collect()
    }

    /// What it asks for beyond the RFCs.
    pub fn strictures(self) -> &'static [Stricture] {
        if self == Self::Interop { &Stricture::ALL } else { &[] }
    }
}

/// What the RFCs allow and the interoperability profile does not, in the PATCH section of its draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stricture {
    /// Every operation has a `path`: `invalidSyntax` otherwise.
    PathRequired,
    /// A path with a filter ends in a sub-attribute: `invalidPath` otherwise. Not for `members`, of which the profile
    /// has no other form to remove one.
    SubAttributeRequired,
    /// A filter in a path selects one value at most: `invalidFilter` otherwise.
    OneTarget,
    /// What is added to or put into a multi-valued attribute is an array: `invalidValue` otherwise.
    ArrayRequired,
    /// Replacing a complex attribute replaces all of it; RFC 7644 leaves sub-attributes that are not named unchanged.
    WholeReplace,
}

impl Stricture {
    /// Every stricture.
    pub const ALL: [Self; 5] = [
        Self::PathRequired,
        Self::SubAttributeRequired,
        Self::OneTarget,
        Self::ArrayRequired,
        Self::WholeReplace,
    ];

    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PathRequired => "path_required",
            Self::SubAttributeRequired => "sub_attribute_required",
            Self::OneTarget => "one_target",
            Self::ArrayRequired => "array_required",
            Self::WholeReplace => "whole_replace",
        }
    }
}

/// What an administrator says of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Setting {
    /// To be recognised.
    #[default]
    Auto,
    /// This one.
    Named(Profile),
}

impl Setting {
    /// `auto`, or the dialect's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Named(profile) => profile.as_str(),
        }
    }

    /// What [`Setting::as_str`] wrote.
    pub fn parse(name: &str) -> Option<Self> {
        if name == "auto" { Some(Self::Auto) } else { Profile::parse(name).map(Self::Named) }
    }
}
