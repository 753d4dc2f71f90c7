//! `usher invitation`. Knows its flags and tables; does not know what an invitation is.

use app::AppError;
use app::invitations::{InvitationView, Invite, InviteSeveral, Invited, Resend};
use clap::{Args, Subcommand};
use domain::id::InvitationId;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record};
use super::console::Console;
use super::error::CliError;
use super::user::Page;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Invite people: they hold nothing until they have accepted by their link
    #[command(
        after_help = "Example:\n  usher invitation create --tenant acme hana@acme.example ken@acme.example"
    )]
    Create(Create),
    /// The tenant's invitations, the newest first
    List(List),
    /// Send an invitation again, by a new link
    Resend(Again),
    /// Take an invitation back
    Cancel(One),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// Their addresses
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// Language of the mails: ja, en or fr
    #[arg(long)]
    language: Option<String>,
    /// Only try it
    #[arg(long)]
    dry_run: bool,
    /// The tenant's first person: holds what the product keeps for them
    #[arg(long, conflicts_with = "dry_run")]
    first: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: OfTenant,
    /// Those in this state: pending, accepted, cancelled or expired
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    of: OfTenant,
    /// Id of the invitation
    invitation: InvitationId,
}

#[derive(Debug, Args)]
pub(super) struct Again {
    #[command(flatten)]
    one: One,
    /// Another address, if the one there was is wrong
    #[arg(long)]
    address: Option<String>,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(it) => create(console, it).await,
            Self::List(List { of, state, page }) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_invitations(&admin, state.as_deref(), page.slice()).await?;
                let mut table = Table::new(&["ADDRESS", "STATE", "MAIL", "GOOD UNTIL", "ID"]);
                for view in &views {
                    table.row(line(view));
                }
                Answer::new(&views, table.or("None; `usher invitation create` invites somebody."))
            }
            Self::Resend(Again { one: One { of, invitation }, address }) => {
                let admin = console.enter(&of.tenant).await?;
                let resend = Resend { address, mail: None };
                let made = console.app.resend_invitation(&admin, &of.tenant, invitation, resend).await?;
                Answer::new(&made, shown(&made))
            }
            Self::Cancel(One { of, invitation }) => {
                let admin = console.enter(&of.tenant).await?;
                console.app.cancel_invitation(&admin, invitation).await?;
                Answer::new(&serde_json::json!({"cancelled": invitation}), "Taken back.")
            }
        }
    }
}

async fn create(console: &Console, it: Create) -> Result<Answer, CliError> {
    let admin = console.enter(&it.of.tenant).await?;
    if it.first {
        let [address] = it.addresses.as_slice() else {
            return Err(AppError::Invalid("one person comes first, not several".to_owned()).into());
        };
        let address = address.clone();
        let invite = Invite { address, language: it.language, first: true, ..Invite::default() };
        let made = console.app.invite(&admin, &it.of.tenant, invite).await?;
        return Answer::new(&made, shown(&made));
    }
    let several = InviteSeveral {
        addresses: Some(it.addresses.join(",")),
        people: Vec::new(),
        gives: Vec::new(),
        language: it.language,
        mail: None,
        dry_run: it.dry_run,
    };
    let rows = console.app.invite_several(&admin, &it.of.tenant, several).await?;
    let mut table = Table::new(&["ADDRESS", "OUTCOME", "LINK OR REASON"]);
    let mut made = Vec::new();
    for row in rows {
        let (outcome, more) = match row.outcome {
            Ok(Some(invited)) => {
                let link = invited.link.clone();
                made.push(invited);
                ("invited", link)
            }
            Ok(None) => ("would be invited", String::new()),
            Err(error) => ("refused", error.to_string()),
        };
        table.row([row.address, outcome.to_owned(), more]);
    }
    Answer::new(&made, table.or("Nobody."))
}

fn line(view: &InvitationView) -> [String; 5] {
    [
        view.address.clone(),
        view.state.clone(),
        view.mail.state.clone(),
        moment(view.expires_at),
        view.id.to_string(),
    ]
}

fn shown(made: &Invited) -> String {
    let view = &made.invitation;
    record(&[
        ("address", view.address.clone()),
        ("link", made.link.clone()),
        ("good until", moment(view.expires_at)),
        ("mail", view.mail.state.clone()),
        ("mail server", or_dash(view.mail.answer.as_ref())),
    ])
}
