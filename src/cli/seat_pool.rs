//! `usher seat-pool`. Knows its flags and tables; does not know how seats are counted.

use app::AppError;
use app::tenants::{SeatLimit, SeatPoolView, SetSeatPool};
use clap::{Args, Subcommand, ValueEnum};

use super::OfTenant;
use super::answer::{Answer, Table, moment, name_of, record, yes_no};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Set how many seats the tenant bought; more seats let those in who wait
    #[command(
        after_help = "Example:\n  usher seat-pool set --tenant acme --purchased 100 --at-limit waitlist"
    )]
    Set(Set),
    /// The pool as it is, and who waits
    Show(OfTenant),
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    of: OfTenant,
    /// Seats bought; fewer than are used evicts nobody and lets nobody new in
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    purchased: i32,
    /// What happens to those who come when all seats are taken; without it as before, at first waitlist
    #[arg(long, value_enum)]
    at_limit: Option<AtLimit>,
}

/// What happens to those who come when all seats are taken.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum AtLimit {
    /// They are provisioned and wait, first come, first served
    Waitlist,
    /// They are refused
    Refuse,
    /// They get a seat beyond what was bought
    Overage,
}

impl From<AtLimit> for SeatLimit {
    fn from(limit: AtLimit) -> Self {
        match limit {
            AtLimit::Waitlist => Self::Waitlist,
            AtLimit::Refuse => Self::Refuse,
            AtLimit::Overage => Self::Overage,
        }
    }
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let view = match self {
            Self::Set(Set { of, purchased, at_limit }) => {
                let admin = console.enter(&of.tenant).await?;
                let at_limit = match at_limit {
                    Some(limit) => limit.into(),
                    None => match console.app.show_seat_pool(&admin).await {
                        Ok(pool) => pool.at_limit,
                        Err(AppError::NotFound(_)) => SeatLimit::Waitlist,
                        Err(error) => return Err(error.into()),
                    },
                };
                console.app.set_seat_pool(&admin, SetSeatPool { purchased, at_limit }).await?
            }
            Self::Show(of) => {
                let admin = console.enter(&of.tenant).await?;
                match console.app.show_seat_pool(&admin).await {
                    Err(AppError::NotFound(_)) => {
                        return Err(CliError::Failed(format!(
                            "The tenant {:?} has no seat pool: it counts no seats. `usher seat-pool set` makes one.",
                            of.tenant
                        )));
                    }
                    shown => shown?,
                }
            }
        };
        Answer::new(&view, shown(&view))
    }
}

fn shown(view: &SeatPoolView) -> String {
    let pool = record(&[
        ("purchased", view.purchased.to_string()),
        ("used", view.used.to_string()),
        ("peak", view.peak.to_string()),
        ("at limit", name_of(&view.at_limit)),
        ("ledger lines", view.ledger_lines.to_string()),
        ("reconciled", yes_no(view.reconciled)),
        ("waiting", view.waiting.len().to_string()),
    ]);
    let mut table = Table::new(&["PLACE", "USER", "SINCE"]);
    for (index, waiter) in view.waiting.iter().enumerate() {
        table.row([index.saturating_add(1).to_string(), waiter.user.to_string(), moment(waiter.since)]);
    }
    format!("{pool}\n{}", table.or(""))
}
