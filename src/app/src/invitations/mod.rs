//! Invitations: somebody becomes a local person who may do nothing until they have accepted, by a link that goes to an
//! address. Knows what the product's blueprint says of them; how a mail leaves, `mail` knows.
//!
//! Who accepts proves that the address is theirs: by the link, which only its mailbox got, and in a domain of the tenant's also
//! by signing in at a connection whose identity has that very address.

mod accept;
mod change;
mod duty;
mod invite;
mod links;
mod several;
mod words;

use chrono::{DateTime, Utc};
use domain::access::Policy;
use domain::blueprint::{Blueprint, Invitation, Label, MailHelp};
use domain::id::{InvitationId, UserId};
use serde::Serialize;
use store::invitations::{self, InvitationRow};
use store::people::{self, Whom};
use store::users::Slice;
use store::{AdminScope, ReadTx};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;
use crate::people::PeopleQuery;
use crate::provision::state;

pub use accept::Opened;
pub use change::Resend;
pub(crate) use change::take_back;
pub use invite::{Invite, Invited};
pub(crate) use invite::{address_of, claims, note_invited};
pub use links::{
    ChangeInvitationLink, InvitationLinkView, Joined, Joining, MadeInvitationLink, NewInvitationLink,
};
pub use several::{InviteSeveral, Invitee, Row};

/// Where somebody stands, in the product's words.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// Id of the blueprint's status.
    #[schema(example = "invited")]
    pub id: String,
    /// What people call it.
    pub label: LabelView,
}

impl StatusView {
    /// Where somebody stands who is active or not, and has yet to accept an invitation or not.
    pub(crate) fn of(blueprint: &Blueprint, active: bool, invited: bool) -> Option<Self> {
        let status = blueprint.status_of(state(active), invited)?;
        Some(Self { id: status.id().to_owned(), label: status.label().into() })
    }
}

/// A word in the three languages of the house.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LabelView {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
    /// French.
    pub fr: String,
}

impl From<&Label> for LabelView {
    fn from(label: &Label) -> Self {
        let Label { ja, en, fr } = label.clone();
        Self { ja, en, fr }
    }
}

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: InvitationId,
    /// The person who was invited.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// At which address.
    #[schema(example = "hana@acme.example")]
    pub address: String,
    /// `pending`, `accepted`, `cancelled` or `expired`.
    #[schema(example = "pending")]
    pub state: String,
    /// Where the person stands, in the product's words.
    pub status: Option<StatusView>,
    /// The language of the mail.
    #[schema(example = "ja")]
    pub language: String,
    /// Who invited.
    pub invited_by: String,
    /// When they were invited first.
    pub created_at: DateTime<Utc>,
    /// When the newest link was made.
    pub sent_at: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// When it was accepted, taken back, or ran out.
    pub ended_at: Option<DateTime<Utc>>,
    /// What became of the mail.
    pub mail: MailView,
}

/// What became of the mail with an invitation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailView {
    /// `off`: none is sent, the link is handed on; `waiting`, `sent`; `refused`: the mail server will not take it; `given_up`.
    #[schema(example = "sent")]
    pub state: String,
    /// The address that it is sent from.
    pub from: Option<String>,
    /// How often it was tried to send it.
    pub attempts: i32,
    /// When it is tried next.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What the mail server said last, or why it could not be asked.
    pub answer: Option<String>,
    /// What to do if it does not arrive.
    pub help: Vec<HelpView>,
}

/// Something to do if a mail does not arrive.
#[derive(Debug, Serialize, ToSchema)]
pub struct HelpView {
    /// What.
    #[schema(example = "look_in_spam")]
    pub id: &'static str,
    /// In words.
    pub text: LabelView,
}

/// What the product says of invitations.
pub(crate) fn terms(policy: &Policy) -> Result<&Invitation, AppError> {
    let terms = policy.blueprint.product().invitation.as_ref();
    terms.ok_or_else(|| AppError::Conflict("this product knows no invitations".to_owned()))
}

/// What is advised now of what the product advises.
fn help(terms: Option<&Invitation>, row: &InvitationRow, from: Option<&str>) -> Vec<HelpView> {
    let said = terms.map(|terms| terms.help.as_slice()).unwrap_or_default();
    let failed = matches!(row.mail_state.as_str(), "refused" | "given_up");
    let fits = |help: &&MailHelp| match help {
        MailHelp::CheckAddress => true,
        MailHelp::Bounced => failed,
        MailHelp::LookInSpam => row.mail_state == "sent",
        MailHelp::DomainBlocksUs => failed || row.mail_answer.is_some(),
    };
    if row.state != "pending" || row.mail_state == "off" {
        return Vec::new();
    }
    said.iter().filter(fits).map(|help| words::help(*help, from.unwrap_or_default())).collect()
}

impl App {
    fn view(&self, policy: &Policy, row: InvitationRow, person: (bool, bool)) -> InvitationView {
        let from = self.mailer.as_ref().map(|mailer| mailer.from().to_owned());
        let terms = policy.blueprint.product().invitation.as_ref();
        let help = help(terms, &row, from.as_deref());
        InvitationView {
            id: row.invitation_id(),
            user: row.user(),
            status: StatusView::of(&policy.blueprint, person.0, person.1),
            mail: MailView {
                from: from.filter(|_| row.mail_state != "off"),
                state: row.mail_state,
                attempts: row.mail_attempts,
                next_attempt_at: row.mail_due_at,
                answer: row.mail_answer,
                help,
            },
            address: row.address,
            state: row.state,
            language: row.language,
            invited_by: row.invited_by,
            created_at: row.created_at,
            sent_at: row.sent_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
        }
    }

    /// Invitations, the newest first, of people whom the caller sees; those of one state if one is named.
    pub async fn list_invitations(
        &self,
        admin: &AdminScope,
        state: Option<&str>,
        slice: Slice,
    ) -> Result<Vec<InvitationView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = invitations::list(&mut tx, state, slice).await?;
        let shown = self.seen_of(&mut tx, admin, rows).await?;
        tx.finish().await?;
        Ok(shown)
    }

    /// One invitation. One of somebody whom the caller does not see is not there.
    pub async fn show_invitation(
        &self,
        admin: &AdminScope,
        id: InvitationId,
    ) -> Result<InvitationView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let row = invitations::find(&mut tx, id).await?;
        let shown = self.seen_of(&mut tx, admin, row.into_iter().collect()).await?.pop();
        tx.finish().await?;
        shown.ok_or(AppError::NotFound("invitation"))
    }

    /// Those of these whose people the caller sees.
    async fn seen_of(
        &self,
        tx: &mut ReadTx,
        admin: &AdminScope,
        rows: Vec<InvitationRow>,
    ) -> Result<Vec<InvitationView>, AppError> {
        let (policy, whom) = self.seen(tx, admin, PeopleQuery::default(), None).await?;
        let among = Some(rows.iter().map(InvitationRow::user).collect());
        let most = Slice { offset: 0, limit: i64::try_from(rows.len()).unwrap_or(i64::MAX) };
        let people = people::list(tx, Whom { among, ..whom }, most).await?;
        let shown = rows.into_iter().filter_map(|row| {
            let person = people.iter().find(|person| person.id == row.user())?;
            Some(self.view(&policy, row, (person.active, person.invited)))
        });
        Ok(shown.collect())
    }
}
