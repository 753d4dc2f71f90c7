//! `usher guard`. Knows its flags and tables; does not know what the guards count.

use app::guards::{DepartureDecision, MassGuardMode, SetMassGuard};
use clap::{Args, Subcommand, ValueEnum};
use domain::id::UserId;

use super::OfTenant;
use super::answer::{Answer, Table, moment, name_of, yes_no};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Roles that the tenant must not run out of, and how many people each directory shut out within the hour
    Show(OfTenant),
    /// Say what happens when a directory shuts out many within an hour
    #[command(
        after_help = "Example:\n  usher guard set --tenant acme --directory entra --mode hold --at-least 10 --percent 5"
    )]
    Set(Set),
    /// Departures that wait for an administrator
    Held(OfTenant),
    /// Let somebody go whose departure was held
    Approve(One),
    /// Let them stay
    Refuse(One),
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    of: OfTenant,
    /// The directory's short name
    #[arg(long, value_name = "SLUG")]
    directory: String,
    /// Raise an alarm, or raise it and hold the further ones
    #[arg(long)]
    mode: Mode,
    /// So many may go within an hour in any case
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    at_least: i32,
    /// And so many of a hundred
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    percent: i32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Alert,
    Hold,
}

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    of: OfTenant,
    /// Id of the person
    #[arg(long, value_name = "ID")]
    user: UserId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Show(of) => show(console, of).await,
            Self::Set(it) => set(console, it).await,
            Self::Held(of) => held(console, of).await,
            Self::Approve(one) => decide(console, one, DepartureDecision::Approve, "They are out.").await,
            Self::Refuse(one) => decide(console, one, DepartureDecision::Refuse, "They stay.").await,
        }
    }
}

async fn show(console: &Console, of: OfTenant) -> Result<Answer, CliError> {
    let admin = console.enter(&of.tenant).await?;
    let view = console.app.show_guards(&admin).await?;
    let mut roles = Table::new(&["ROLE", "HOLDERS", "NEEDED", "ALARM"]);
    for role in &view.roles {
        roles.row([
            role.role.clone(),
            role.holders.to_string(),
            role.minimum.to_string(),
            yes_no(role.alarm),
        ]);
    }
    let mut directories = Table::new(&["DIRECTORY", "MODE", "AT LEAST", "PERCENT", "WENT", "ALARM"]);
    for it in &view.directories {
        directories.row([
            it.directory.clone(),
            name_of(&it.mode),
            it.at_least.to_string(),
            it.percent.to_string(),
            it.departures.to_string(),
            yes_no(it.alarm),
        ]);
    }
    let text = format!("{}\n{}", roles.or("No protected roles."), directories.or("No directories."));
    Answer::new(&view, text)
}

async fn set(console: &Console, it: Set) -> Result<Answer, CliError> {
    let admin = console.enter(&it.of.tenant).await?;
    let mode = match it.mode {
        Mode::Alert => MassGuardMode::Alert,
        Mode::Hold => MassGuardMode::Hold,
    };
    let set = SetMassGuard { mode, at_least: it.at_least, percent: it.percent };
    let view = console.app.set_mass_guard(&admin, &it.directory, set).await?;
    Answer::new(&view, "Set.")
}

async fn held(console: &Console, of: OfTenant) -> Result<Answer, CliError> {
    let admin = console.enter(&of.tenant).await?;
    let views = console.app.list_held_departures(&admin).await?;
    let mut table = Table::new(&["USER NAME", "DIRECTORY", "HOW", "HELD", "FORGOTTEN", "ID"]);
    for view in &views {
        table.row([
            view.user_name.clone(),
            view.directory.clone(),
            name_of(&view.kind),
            moment(view.held_at),
            moment(view.expires_at),
            view.user.to_string(),
        ]);
    }
    Answer::new(&views, table.or("Nobody."))
}

async fn decide(
    console: &Console,
    One { of, user }: One,
    decision: DepartureDecision,
    done: &str,
) -> Result<Answer, CliError> {
    let admin = console.enter(&of.tenant).await?;
    console.app.decide_departure(&admin, user, decision).await?;
    Answer::new(&serde_json::json!({"user": user}), done)
}
