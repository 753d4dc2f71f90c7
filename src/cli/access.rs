//! `usher access`. Knows how access and its reasons are laid out on a page; does not know how access is computed.

use std::fmt::Display;

use clap::{Args, Subcommand};
use domain::access::{AccessStatus, EffectiveAccess, Reason, Scope};

use super::OfTenant;
use super::answer::{Answer, Table, moment, name_of};
use super::console::Console;
use super::error::CliError;
use super::user;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// What a person may do now, with the reasons
    #[command(after_help = "Example:\n  usher access show --tenant acme hana")]
    Show(Show),
    /// How far everybody has been computed since the policy was last changed
    #[command(after_help = "Example:\n  usher access progress --tenant acme")]
    Progress(OfTenant),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    of: OfTenant,
    /// The person's user name or id
    user: String,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let Show { of, user } = match self {
            Self::Show(show) => show,
            Self::Progress(of) => return progress(console, &of).await,
        };
        let admin = console.enter(&of.tenant).await?;
        let id = user::find(console, &admin, &user).await?;
        let access = console.app.show_access(&admin, id).await?;
        Answer::new(&access, shown(&access))
    }
}

async fn progress(console: &Console, of: &OfTenant) -> Result<Answer, CliError> {
    let admin = console.enter(&of.tenant).await?;
    let view = console.app.show_reevaluation(&admin).await?;
    let mut table = Table::new(&["POLICY", "PEOPLE", "DONE", "AFFECTED", "SINCE", "UNTIL"]);
    if let (Some(version), Some(since)) = (view.policy_version, view.started_at) {
        let people = view.people.map(|people| people.to_string()).unwrap_or_default();
        let until = view.finished_at.map(moment).unwrap_or_default();
        let (done, affected) = (view.done.to_string(), view.affected.to_string());
        table.row([version.to_string(), people, done, affected, moment(since), until]);
    }
    let text = table.or("The policy has not changed since the tenant began.");
    Answer::new(&view, text)
}

fn shown(access: &EffectiveAccess) -> String {
    let mut table = Table::new(&["", "WHAT", "WHERE", "BECAUSE"]);
    table.row(["status".to_owned(), status(access.status), String::new(), because(&access.reasons)]);
    if let Some(home) = &access.home {
        table.row(["home".to_owned(), home.key.clone(), home.name.clone(), because(&home.reasons)]);
    }
    for held in &access.roles {
        table.row(["role".to_owned(), held.role.clone(), place(&held.scope), because(&held.reasons)]);
    }
    for held in &access.flags {
        let what = with_conditions(&held.flag, &held.obligations);
        table.row(["flag".to_owned(), what, place(&held.scope), because(&held.reasons)]);
    }
    for held in &access.permissions {
        let at = held.level.as_ref().map(|level| format!(" at {level}")).unwrap_or_default();
        let of = held.of.as_ref().map(|of| format!(" for {of}")).unwrap_or_default();
        let what = with_conditions(&format!("{}{at}{of}", held.permission), &held.obligations);
        table.row(["permission".to_owned(), what, place(&held.scope), because(&held.reasons)]);
    }
    for held in &access.restrictions {
        let restriction = held.restriction.clone();
        table.row(["restriction".to_owned(), restriction, place(&held.scope), because(&held.reasons)]);
    }
    if let Some(seat) = &access.seat {
        let class = seat.class.clone().unwrap_or_else(|| "none".to_owned());
        table.row(["seat".to_owned(), class, String::new(), because(&seat.reasons)]);
    }
    for dropped in &access.dropped {
        let scope = dropped.scope.as_ref().map(place).unwrap_or_default();
        let kind = format!("not {}", name_of(&dropped.what));
        table.row([kind, dropped.id.clone(), scope, because(&dropped.reasons)]);
    }
    table.or("")
}

fn status(status: AccessStatus) -> String {
    match status {
        AccessStatus::Granted => "granted".to_owned(),
        AccessStatus::Inactive => "inactive".to_owned(),
        AccessStatus::WaitingForSeat { position } => format!("waiting, place {position}"),
        AccessStatus::NoSeat => "no seat".to_owned(),
        AccessStatus::Blocked => "blocked".to_owned(),
        AccessStatus::Invited => "invited, not accepted".to_owned(),
    }
}

fn with_conditions(what: &str, obligations: &[String]) -> String {
    if obligations.is_empty() { what.to_owned() } else { format!("{what} if {}", obligations.join(", ")) }
}

fn place(scope: &Scope) -> String {
    let named = |kind: &str, key: &dyn Display| format!("{kind} {key}");
    match scope {
        Scope::Environment => "everywhere".to_owned(),
        Scope::OrgUnit { key, .. } => named("org unit", key),
        Scope::Workspace { key, .. } => named("workspace", key),
    }
}

fn because(reasons: &[Reason]) -> String {
    reasons.iter().map(Reason::sentence).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_who_waits_is_shown_with_the_place_and_the_reason() {
        let access = EffectiveAccess {
            status: AccessStatus::WaitingForSeat { position: 2 },
            home: None,
            flags: Vec::new(),
            roles: Vec::new(),
            permissions: Vec::new(),
            restrictions: Vec::new(),
            seat: None,
            dropped: Vec::new(),
            reasons: vec![Reason::WaitingForSeat { position: 2 }],
        };

        let text = shown(&access);

        assert!(text.contains("waiting, place 2"), "{text}");
        assert!(text.contains("The person waits for a seat, at place 2 in the queue."), "{text}");
    }
}
