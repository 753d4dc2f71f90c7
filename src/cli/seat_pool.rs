//! `usher seat-pool`. Knows its flags and tables; does not know how seats are counted.

use app::AdminScope;
use app::AppError;
use app::tenants::{SeatCheckView, SeatDoors, SeatLimit, SeatMonthsQuery, SeatPoolView, SetSeatPool};
use clap::{Args, Subcommand, ValueEnum};
use domain::seat::{Door, PoolClass};
use domain::seat_months::Month;

use super::OfTenant;
use super::answer::{Answer, Table, moment, name_of, or_dash, record, yes_no};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Set how many seats the tenant bought; more seats let those in who wait
    #[command(
        after_help = "Example:\n  usher seat-pool set --tenant acme --purchased 100 --at-limit waitlist --at-limit-by sign-in=refuse"
    )]
    Set(Set),
    /// The pool as it is, and who waits
    Show(OfPool),
    /// Every pool, where seats of several classes are counted
    List(OfTenant),
    /// Calendar months: seats at the start and the end, the most at once, and the most beyond what was bought
    Months(Months),
    /// The ledger behind them, line by line
    Ledger(Ledger),
    /// Compare counter, holds, ledger and people now; it happens once a day by itself
    Reconcile(OfTenant),
}

/// A tenant's pool.
#[derive(Debug, Args)]
pub(super) struct OfPool {
    #[command(flatten)]
    tenant: OfTenant,
    /// The class of seats; without it the common pool, in which everybody counts whose class has no pool of its own
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
}

impl OfPool {
    async fn enter(&self, console: &Console) -> Result<(AdminScope, PoolClass), CliError> {
        Ok((console.enter(&self.tenant.tenant).await?, PoolClass::of(self.class.clone())))
    }
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    of: OfPool,
    /// Seats bought; fewer than are used evicts nobody and lets nobody new in
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    purchased: i32,
    /// What happens to those who come when all seats are taken; without it as before, at first waitlist
    #[arg(long, value_enum)]
    at_limit: Option<AtLimit>,
    /// What happens at one door, which is directory, sign-in, manual, invite or acceptance; again for another, others stay as
    /// they are. `default` takes back what was said of it
    #[arg(long, value_name = "DOOR=WHAT", value_parser = door_and_word)]
    at_limit_by: Vec<(Door, Option<SeatLimit>)>,
}

/// What is said of a door.
fn door_and_word(text: &str) -> Result<(Door, Option<SeatLimit>), String> {
    let (door, word) = text.split_once('=').ok_or("a door and what happens there have a = between them")?;
    let named = |it: &Door| door_name(*it) == door;
    let door = Door::ALL.into_iter().find(named);
    let door = door.ok_or("the doors are directory, sign-in, manual, invite and acceptance")?;
    if word == "default" {
        return Ok((door, None));
    }
    let word = AtLimit::from_str(word, false).ok().and_then(AtLimit::said);
    word.map(|word| (door, Some(word)))
        .ok_or_else(|| "waitlist, refuse, overage, downgrade or default".to_owned())
}

fn door_name(door: Door) -> &'static str {
    match door {
        Door::Directory => "directory",
        Door::SignIn => "sign-in",
        Door::Manual => "manual",
        Door::Invite => "invite",
        Door::Acceptance => "acceptance",
    }
}

#[derive(Debug, Args)]
pub(super) struct Months {
    #[command(flatten)]
    of: OfPool,
    /// Up to this month, such as 2026-11; up to the current one without
    #[arg(long, value_name = "MONTH")]
    until: Option<Month>,
    /// How many
    #[arg(long, value_name = "NUMBER", default_value_t = 12)]
    count: i32,
    /// Months begin at midnight so many minutes east of UTC
    #[arg(long, value_name = "MINUTES", default_value_t = 0, allow_hyphen_values = true)]
    minutes_east: i32,
}

#[derive(Debug, Args)]
pub(super) struct Ledger {
    #[command(flatten)]
    of: OfPool,
    /// After the line of this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: i64,
    /// How many lines
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
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
    /// They wait, and are in meanwhile with the role that needs no seat, where the product has one
    Downgrade,
    /// What the product says, door by door
    Product,
}

impl AtLimit {
    /// What the tenant says by this; nothing where it leaves it to the product.
    fn said(self) -> Option<SeatLimit> {
        match self {
            Self::Waitlist => Some(SeatLimit::Waitlist),
            Self::Refuse => Some(SeatLimit::Refuse),
            Self::Overage => Some(SeatLimit::Overage),
            Self::Downgrade => Some(SeatLimit::Downgrade),
            Self::Product => None,
        }
    }
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let view = match self {
            Self::Set(set) => change(console, set).await?,
            Self::Months(it) => return months(console, it).await,
            Self::Ledger(it) => return ledger(console, it).await,
            Self::Reconcile(of) => {
                let admin = console.enter(&of.tenant).await?;
                let check = console.app.reconcile_seats(&admin).await?;
                return Answer::new(&check, differences(&check));
            }
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_seat_pools(&admin).await?;
                let mut table = Table::new(&["CLASS", "PURCHASED", "USED", "WAITING", "AT LIMIT"]);
                for view in &views {
                    table.row([
                        or_dash(view.class.class()),
                        view.purchased.to_string(),
                        view.used.to_string(),
                        view.waiting.len().to_string(),
                        at_limit(view),
                    ]);
                }
                return Answer::new(&views, table.or("No pool: seats are not counted."));
            }
            Self::Show(of) => {
                let (admin, class) = of.enter(console).await?;
                match console.app.show_seat_pool(&admin, &class).await {
                    Err(AppError::NotFound(_)) => {
                        return Err(CliError::Failed(format!(
                            "The tenant {:?} has no such seat pool: it does not count these seats by themselves. `usher seat-pool set` makes one.",
                            of.tenant.tenant
                        )));
                    }
                    shown => shown?,
                }
            }
        };
        Answer::new(&view, shown(&view))
    }
}

async fn change(console: &Console, set: Set) -> Result<SeatPoolView, CliError> {
    let Set { of, purchased, at_limit, at_limit_by } = set;
    let (admin, class) = of.enter(console).await?;
    let (before, mut doors) = match console.app.show_seat_pool(&admin, &class).await {
        Ok(pool) => (pool.chosen.at_limit, pool.chosen.at_limit_by),
        Err(AppError::NotFound(_)) => (Some(SeatLimit::Waitlist), SeatDoors::default()),
        Err(error) => return Err(error.into()),
    };
    for (door, word) in at_limit_by {
        *doors.at(door) = word;
    }
    let at_limit = at_limit.map_or(before, AtLimit::said);
    let set = SetSeatPool { purchased, at_limit, at_limit_by: doors };
    Ok(console.app.set_seat_pool(&admin, class, set).await?)
}

async fn months(console: &Console, it: Months) -> Result<Answer, CliError> {
    let Months { of, until, count, minutes_east } = it;
    let (admin, class) = of.enter(console).await?;
    let query = SeatMonthsQuery { until, count, minutes_east };
    let views = console.app.list_seat_months(&admin, &class, query).await?;
    let mut table = Table::new(&["MONTH", "START", "PEAK", "AT", "BOUGHT", "OVERAGE", "AT", "END"]);
    for view in &views {
        let overage = view.overage.as_ref();
        table.row([
            view.month.clone(),
            view.at_start.to_string(),
            view.peak.seats.to_string(),
            moment(view.peak.at),
            or_dash(view.purchased),
            or_dash(overage.map(|overage| overage.seats)),
            or_dash(overage.map(|overage| moment(overage.at))),
            view.at_end.to_string(),
        ]);
    }
    Answer::new(&views, table.or(""))
}

async fn ledger(console: &Console, it: Ledger) -> Result<Answer, CliError> {
    let (admin, class) = it.of.enter(console).await?;
    let views = console.app.list_seat_ledger(&admin, &class, it.after, it.limit).await?;
    let mut table = Table::new(&["LINE", "AT", "SEATS", "HELD", "CAUSE", "USER"]);
    for view in &views {
        table.row([
            view.seq.to_string(),
            moment(view.at),
            format!("{:+}", view.delta),
            view.used_after.to_string(),
            view.cause.clone(),
            view.user.to_string(),
        ]);
    }
    Answer::new(&views, table.or("No line."))
}

fn differences(check: &SeatCheckView) -> String {
    let mut table = Table::new(&["CLASS", "WHAT", "COUNTED", "EXPECTED"]);
    for it in &check.differences {
        table.row([
            or_dash(it.class.class()),
            it.what.clone(),
            it.counted.to_string(),
            it.expected.to_string(),
        ]);
    }
    table.or("The books agree.")
}

/// What happens to most, and where it is something else.
fn at_limit(view: &SeatPoolView) -> String {
    let (all, mut doors) = (name_of(&view.at_limit), view.at_limit_by);
    let differs = Door::ALL.into_iter().filter_map(|door| {
        let word = doors.at(door).filter(|word| *word != view.at_limit)?;
        Some(format!("{} {}", door_name(door), name_of(&word)))
    });
    let differs: Vec<String> = differs.collect();
    if differs.is_empty() { all } else { format!("{all}; {}", differs.join(", ")) }
}

fn shown(view: &SeatPoolView) -> String {
    let pool = record(&[
        ("class", or_dash(view.class.class())),
        ("purchased", view.purchased.to_string()),
        ("used", view.used.to_string()),
        ("peak", view.peak.to_string()),
        ("at limit", at_limit(view)),
        ("ledger lines", view.ledger_lines.to_string()),
        ("reconciled", yes_no(view.reconciled)),
        ("books compared", or_dash(view.last_check.as_ref().map(|check| moment(check.checked_at)))),
        ("waiting", view.waiting.len().to_string()),
    ]);
    let mut table = Table::new(&["PLACE", "USER", "SINCE"]);
    for (index, waiter) in view.waiting.iter().enumerate() {
        table.row([index.saturating_add(1).to_string(), waiter.user.to_string(), moment(waiter.since)]);
    }
    format!("{pool}\n{}", table.or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_read_with_what_happens_there() {
        assert_eq!(door_and_word("sign-in=refuse"), Ok((Door::SignIn, Some(SeatLimit::Refuse))));
        assert_eq!(door_and_word("directory=downgrade"), Ok((Door::Directory, Some(SeatLimit::Downgrade))));
        assert_eq!(door_and_word("manual=default"), Ok((Door::Manual, None)));
        for wrong in ["", "manual", "window=refuse", "manual=product", "manual=explode", "manual="] {
            door_and_word(wrong).unwrap_err();
        }
    }
}
