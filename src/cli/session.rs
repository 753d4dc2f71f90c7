//! `usher session`. Knows its flags and tables; does not know how a session begins.

use clap::{Args, Subcommand};
use domain::id::SessionId;
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, moment};
use super::console::Console;
use super::error::CliError;
use super::user::find;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// A person's sessions that are in force, newest first
    #[command(after_help = "Example:\n  usher session list --tenant acme --user hana@acme.example")]
    List(One),
    /// End a session of a person, or all of them with what is under way
    #[command(after_help = "Example:\n  usher session end --tenant acme --user hana@acme.example --all")]
    End(End),
}

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    of: OfTenant,
    /// Id or user name of the person
    #[arg(long, value_name = "ID|NAME")]
    user: String,
}

#[derive(Debug, Args)]
pub(super) struct End {
    #[command(flatten)]
    one: One,
    /// Id of the session
    #[arg(required_unless_present = "all")]
    session: Option<SessionId>,
    /// Every session, and every sign-in that is under way
    #[arg(long, conflicts_with = "session")]
    all: bool,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::List(One { of, user }) => {
                let admin = console.enter(&of.tenant).await?;
                let user = find(console, &admin, &user).await?;
                let views = console.app.list_sessions(&admin, user).await?;
                let mut table = Table::new(&["THROUGH", "BEGAN", "LAST USED", "ENDS", "ID"]);
                for view in &views {
                    table.row([
                        view.connection.clone().unwrap_or_else(|| "passkey".to_owned()),
                        moment(view.created_at),
                        moment(view.last_seen_at),
                        moment(view.expires_at),
                        view.id.to_string(),
                    ]);
                }
                Answer::new(&views, table.or("Nobody is signed in as them."))
            }
            Self::End(End { one: One { of, user }, session, .. }) => {
                let admin = console.enter(&of.tenant).await?;
                let user = find(console, &admin, &user).await?;
                match session {
                    Some(session) => console.app.revoke_session(&admin, user, session).await?,
                    None => console.app.revoke_sessions(&admin, user).await?,
                }
                Answer::new(&json!({"user": user, "session": session}), "Signed out.")
            }
        }
    }
}
