//! `usher passkey`. Knows its flags and tables; does not know what a passkey is.

use clap::{Args, Subcommand};
use domain::id::PasskeyId;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record};
use super::console::Console;
use super::error::CliError;
use super::user::find;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a link by which a local person registers a passkey, once and within a quarter of an hour
    #[command(after_help = "Example:\n  usher passkey invite --tenant acme --user hana@acme.example")]
    Invite(One),
    /// A local person's passkeys
    List(One),
    /// Remove a passkey and end the person's sessions
    Remove(Remove),
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
pub(super) struct Remove {
    #[command(flatten)]
    one: One,
    /// Id of the passkey
    passkey: PasskeyId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Invite(One { of, user }) => {
                let admin = console.enter(&of.tenant).await?;
                let user = find(console, &admin, &user).await?;
                let view = console.app.invite_passkey(&admin, &of.tenant, user).await?;
                let shown =
                    record(&[("address", view.address.clone()), ("good until", moment(view.expires_at))]);
                Answer::new(&view, format!("{shown}\nWhoever has the link can sign in as them from then on."))
            }
            Self::List(One { of, user }) => {
                let admin = console.enter(&of.tenant).await?;
                let user = find(console, &admin, &user).await?;
                let views = console.app.list_passkeys(&admin, user).await?;
                let mut table = Table::new(&["NAME", "REGISTERED", "LAST USED", "ID"]);
                for view in &views {
                    table.row([
                        view.name.clone(),
                        moment(view.created_at),
                        or_dash(view.last_used_at.map(moment)),
                        view.id.to_string(),
                    ]);
                }
                Answer::new(&views, table.or("None; `usher passkey invite` makes a link to register one."))
            }
            Self::Remove(Remove { one: One { of, user }, passkey }) => {
                let admin = console.enter(&of.tenant).await?;
                let user = find(console, &admin, &user).await?;
                console.app.remove_passkey(&admin, user, passkey).await?;
                Answer::new(&serde_json::json!({"removed": passkey}), "Removed.")
            }
        }
    }
}
