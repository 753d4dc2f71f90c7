//! How people come and go: statuses, invitations, people of other companies, what leavers leave. Knows the words; decides
//! nothing.

use serde::{Deserialize, Serialize};

use super::Ref;

/// How a person passes from one status to another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// The status before.
    pub from: Ref,
    /// The status after.
    pub to: Ref,
    /// What happens.
    pub on: Event,
    /// What follows.
    #[serde(default)]
    pub effects: Vec<Consequence>,
    /// Whether there is no way back.
    #[serde(default)]
    pub irreversible: bool,
}

/// What happens to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the words of the life cycle, and say it")]
pub enum Event {
    InvitationAccepted,
    InvitationCancelled,
    Registered,
    Approved,
    Rejected,
    Stopped,
    Deactivated,
    Revoked,
    Deleted,
    Reactivated,
}

/// What follows from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the words of the life cycle, and say it")]
pub enum Consequence {
    GiveDefaultRole,
    JoinDefaultPlace,
    EndSessions,
    ReleaseSeat,
    ClaimSeat,
    SendMail,
    TellInvitationAddress,
    KeepEnvironment,
    UnassignOrReassign,
    NoteStoppedAt,
    ClearStoppedAt,
}

/// How people are invited.
#[expect(clippy::struct_excessive_bools, reason = "a table of independent statements, read field by field")]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The ways.
    pub by: Vec<InvitedBy>,
    /// How long an invitation is good, in days.
    pub expires_days: u32,
    /// Whether it can be sent again.
    #[serde(default)]
    pub resend: bool,
    /// Whether one link is good for several people.
    #[serde(default)]
    pub multi_use: bool,
    /// Whether a link can be made to rest.
    #[serde(default)]
    pub can_be_frozen: bool,
    /// How several are invited at once.
    pub several: Option<Several>,
    /// What is chosen with the invitation.
    #[serde(default)]
    pub asks: Vec<Asked>,
    /// Whether cancelling an invitation is deactivating the person.
    #[serde(default)]
    pub cancel_deactivates: bool,
    /// What an administrator is told when a mail did not arrive.
    #[serde(default)]
    pub help: Vec<MailHelp>,
}

/// A way to be invited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitedBy {
    /// A mail with a link.
    Email,
    /// A link that somebody hands on.
    Link,
}

/// How several are invited at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Several {
    /// One more field for each.
    AddAnother,
    /// A list with commas.
    Commas,
    /// A CSV file.
    Csv,
}

/// What is chosen with an invitation or said in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the fields of a form, and say it")]
pub enum Asked {
    Email,
    Role,
    Restrictions,
    Home,
    Flags,
    Reason,
}

/// What an administrator is told when a mail did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the advice")]
pub enum MailHelp {
    CheckAddress,
    Bounced,
    LookInSpam,
    DomainBlocksUs,
}

/// What becomes of a leaver's things.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offboarding {
    /// The product's things that are assigned to people.
    pub things: Vec<String>,
    /// What happens unless somebody chooses.
    pub default: Handover,
    /// What can be chosen.
    pub choices: Vec<Handover>,
    /// What happens when an identity provider takes the person away.
    pub by_directory: Handover,
}

/// What becomes of something that was assigned to a leaver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handover {
    /// It is assigned to nobody.
    Unassign,
    /// It is assigned to somebody of the same place.
    Reassign,
}

/// People of other companies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Externals {
    /// The role they have.
    pub role: Ref,
    /// The variants of their place into which they can come.
    #[serde(default)]
    pub variants: Vec<Ref>,
    /// The plans that have externals; all if empty.
    #[serde(default)]
    pub plans: Vec<Ref>,
    /// The roles of which somebody must approve; whoever the grant rules let decide, if none is named.
    #[serde(default)]
    pub approved_by: Vec<Ref>,
    /// What a request says.
    #[serde(default)]
    pub asks: Vec<Asked>,
    /// Whether one request can name several.
    #[serde(default)]
    pub several: bool,
    /// How whoever approves hears of it: the product is told so, and whom, and writes to them.
    pub notice: Option<Notice>,
    /// Whether externals see each other.
    pub see_each_other: bool,
}

/// How somebody hears of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A mail.
    Email,
    /// A direct message of the product's bot.
    BotMessage,
}
