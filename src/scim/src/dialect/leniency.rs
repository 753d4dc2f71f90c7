//! Named leniencies. Knows what provisioning clients really send and who was seen to send it; does not know how it is
//! repaired.

use std::fmt;

/// One row a leniency: its name, the behaviours of our checklist that it belongs to, the keyword with which it is
/// refused where it is not granted, and the evidence.
macro_rules! leniencies {
    ($($variant:ident = $name:literal, $behaviours:expr, $refusal:literal, $evidence:literal;)*) => {
        /// One deviation from the RFCs that we may accept. What the RFCs allow (names in any case, `null` for nothing,
        /// `"$ref": null`, `members eq "id"` for `members.value eq "id"`, an `&` at the end of a query) is none.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Leniency {
            $(#[doc = $evidence] $variant,)*
        }

        impl Leniency {
            /// Every leniency.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// A stable name for logs, metrics and the API.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Numbers of the checklist of server behaviours.
            pub fn behaviours(self) -> &'static [u8] {
                match self { $(Self::$variant => &$behaviours,)* }
            }

            /// What becomes of such a request where the leniency is not granted: a `scimType`, or a few words.
            pub fn otherwise(self) -> &'static str {
                match self { $(Self::$variant => $refusal,)* }
            }

            /// What is sent, by whom, and what the RFC says instead.
            pub fn evidence(self) -> &'static str {
                match self { $(Self::$variant => $evidence,)* }
            }
        }
    };
}

leniencies! {
    OperationCase = "operation_case", [50], "invalidSyntax",
        "`\"op\": \"Replace\"`. Entra ID sends `Add`, `Replace` and `Remove` unless its tenant URL carries a flag; RFC 7644 \
         §3.5.2 lists the names in lower case.";
    BooleanAsString = "boolean_as_string", [56], "invalidValue",
        "`\"active\": \"False\"`, `roles[primary eq \"True\"]`. Entra ID's default form, and `\"primary\": \"True\"` from its \
         validator.";
    IntegerAsString = "integer_as_string", [56], "invalidValue",
        "`\"7\"` where an integer belongs. Inferred from Entra ID's booleans, which are text by default; not seen in a recording.";
    RemoveByValue = "remove_by_value", [59], "invalidSyntax",
        "`{\"op\": \"remove\", \"path\": \"members\", \"value\": [{\"value\": id}]}`. Entra ID's default, authentik \
         (`clients/groups.py`) and JumpCloud. RFC 7644 §3.5.2.2 has no `value`; without the leniency it is refused, never \
         read as all members.";
    DottedKey = "dotted_key", [52], "invalidSyntax",
        "`{\"name.givenName\": \"Ada\"}` as a key of an operation without a path, also after a schema URN. Entra ID with \
         `aadOptscim062020`.";
    ScalarForComplex = "scalar_for_complex", [57], "invalidValue",
        "`\"value\": \"26118915-…\"` for `manager`, and `\"\"` to unassign it. Entra ID's manager mapping and its validator.";
    JsonInString = "json_in_string", [58], "invalidValue",
        "`{\"value\": \"{\\\"id\\\":\\\"…\\\",\\\"value\\\":\\\"Admin\\\",\\\"displayName\\\":\\\"Administrator\\\"}\"}`. Entra ID's PATCH of \
         `roles` with `AppRoleAssignmentsComplex`, as its attribute-mapping guide shows it. Without the leniency it is a \
         value like any other, and no tenant offers it.";
    SingleForMultiple = "single_for_multiple", [66], "invalidValue",
        "`\"emails\": {\"value\": …}`: one value where a list belongs. OneLogin, as the adapters of django-scim2 note.";
    CreateFromFilter = "create_from_filter", [55], "noTarget",
        "`emails[type eq \"work\"].value` for somebody without a work e-mail makes one from the filter's literals. Entra ID \
         relies on it; RFC 7644 §3.5.2.3 says `noTarget`.";
    ReadOnlyInPatch = "read_only_in_patch", [52], "mutability",
        "`id` or another read-only attribute among the keys of an operation without a path is ignored, as in POST and PUT. \
         Okta repeats `id` in every group rename, authentik sends the whole group.";
    UnknownSchema = "unknown_schema", [25], "invalidSyntax",
        "A URN we do not have, in `schemas` or as a key, is ignored. Entra ID adds \
         `http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group` to every new group.";
    DraftSchema = "draft_schema", [25, 49], "invalidSyntax",
        "`urn:scim:schemas:core:2.0` and `urn:scim:schemas:extension:enterprise:2.0`, the URNs of the drafts, are read as \
         their RFC 7643 successors. OneLogin (authentik issue 11249).";
    UnknownAttribute = "unknown_attribute", [25], "invalidSyntax",
        "Attributes that our schema does not have are ignored. Mappings of Okta, OneLogin and JumpCloud carry whole \
         directory entries, whatever `/Schemas` lists.";
    UnquotedValue = "unquoted_value", [31], "invalidFilter",
        "`externalId eq 0a21f0f2-…`. The requests in Entra ID's documentation; RFC 7644 §3.4.2.2 has JSON literals.";
    ConditionAfterValuePath = "condition_after_value_path", [31], "invalidFilter",
        "`emails[type eq \"work\"].value eq \"x\"`, read as `emails[type eq \"work\" and value eq \"x\"]`. Entra ID, when it \
         matches people by their work e-mail; the grammar of RFC 7644 §3.4.2.2 has no such form in a filter.";
    PlusAsSpace = "plus_as_space", [31], "invalidFilter",
        "`filter=userName+eq+%22x%22`, as HTML forms encode. OneLogin (authentik issue 11249), Entra ID (SCIMReferenceCode \
         issue 63), authentik (Django's `urlencode`); inferred for Keycloak and Ping from Java's `URLEncoder`. By RFC 3986 a `+` \
         stands for itself.";
    PendingMember = "pending_member", [60], "invalidValue",
        "A member that is not there is kept as a reference, by what its client will call it (`externalId`), and becomes one \
         when the person arrives. Okta takes 400 as final and does not push the group again (fleet issue 52600). To replace all \
         members by a list of which nobody is there is still refused: it would empty the group.";
    UnknownRole = "unknown_role", [88], "invalidValue",
        "A value of `roles` or `entitlements` that the tenant does not offer is left out, and the rest is done. Entra ID's \
         validator makes up a role for every user that it creates (`roles[0].primary: \"True\"`), and its app roles are named \
         by the customer. RFC 7643 §7 allows both to refuse such values and to ignore them.";
}

impl Leniency {
    /// The leniency of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|leniency| leniency.as_str() == name)
    }

    fn bit(self) -> u32 {
        let place = Self::ALL.iter().position(|other| *other == self).and_then(|at| u32::try_from(at).ok());
        place.and_then(|at| 1_u32.checked_shl(at)).unwrap_or_default()
    }
}

/// A set of leniencies.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Leniencies(u32);

impl Leniencies {
    /// None.
    pub const NONE: Self = Self(0);

    pub(super) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) fn bits(self) -> u32 {
        self.0
    }

    /// Is it one of these?
    pub fn contains(self, leniency: Leniency) -> bool {
        self.0 & leniency.bit() != 0
    }

    /// Are all of those among these?
    pub fn contains_all(self, those: Self) -> bool {
        self.0 & those.0 == those.0
    }

    /// Are there none?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and that one.
    #[must_use]
    pub fn and(self, leniency: Leniency) -> Self {
        Self(self.0 | leniency.bit())
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Leniency> {
        Leniency::ALL.into_iter().filter(move |leniency| self.contains(*leniency))
    }
}

impl FromIterator<Leniency> for Leniencies {
    fn from_iter<I: IntoIterator<Item = Leniency>>(leniencies: I) -> Self {
        leniencies.into_iter().fold(Self::NONE, Self::and)
    }
}

impl fmt::Debug for Leniencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Leniency::as_str)).finish()
    }
}
