//! Calendar months of a seat pool: how many were held when one began and ended, the most in between, and how many more than were
//! bought. Knows arithmetic; does not know where the ledger is kept.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, FixedOffset, TimeZone as _, Utc};

/// A calendar month, as `2026-11`. Months are numbered through, so that one follows another by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

/// The text is no month from 2000-01 to 9999-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a month: expected one such as 2026-11")]
pub struct InvalidMonth;

impl Month {
    /// The one of this moment, at this distance from UTC.
    pub fn of(at: DateTime<Utc>, zone: FixedOffset) -> Self {
        let local = at.with_timezone(&zone);
        Self(local.year().saturating_mul(12).saturating_add(i32::try_from(local.month0()).unwrap_or(0)))
    }

    /// The one that is this many later, or earlier.
    #[must_use]
    pub fn later(self, months: i32) -> Self {
        Self(self.0.saturating_add(months))
    }

    /// Its number: twelve times the year, and the months of that year before it.
    pub fn number(self) -> i32 {
        self.0
    }

    /// The one of this number.
    pub fn numbered(number: i32) -> Self {
        Self(number)
    }

    /// When it begins, at this distance from UTC. A month that no calendar has begins with the earliest moment.
    pub fn begins(self, zone: FixedOffset) -> DateTime<Utc> {
        let month = u32::try_from(self.0.rem_euclid(12)).unwrap_or(0).saturating_add(1);
        let local = zone.with_ymd_and_hms(self.0.div_euclid(12), month, 1, 0, 0, 0);
        local.single().map_or(DateTime::<Utc>::MIN_UTC, |at| at.with_timezone(&Utc))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12).saturating_add(1))
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let (year, month) = text.split_once('-').ok_or(InvalidMonth)?;
        let number = |digits: &str, long: usize| {
            let fits = digits.len() == long && digits.bytes().all(|digit| digit.is_ascii_digit());
            if fits { digits.parse::<i32>().ok() } else { None }
        };
        match (number(year, 4), number(month, 2)) {
            (Some(year @ 2000..), Some(month @ 1..=12)) => Ok(Self(year.saturating_mul(12) + month - 1)),
            _ => Err(InvalidMonth),
        }
    }
}

/// So many seats at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// So many.
    pub seats: i32,
    /// When first.
    pub at: DateTime<Utc>,
}

/// What the ledger says of a month in which a seat was granted or released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The month.
    pub month: Month,
    /// How many were granted.
    pub granted: i64,
    /// How many were released.
    pub released: i64,
    /// How many were held after the last of it.
    pub at_end: i32,
    /// The most that were held after any of it.
    pub peak: Moment,
    /// The most beyond what was bought, after any of it; less than none if there were always some left.
    pub beyond: Option<Moment>,
}

/// What was bought from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bought {
    /// In which month.
    pub month: Month,
    /// From then on.
    pub at: DateTime<Utc>,
    /// How many.
    pub purchased: i32,
    /// How many were held then.
    pub used: i32,
}

/// A month of a seat pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthOfSeats {
    /// The month.
    pub month: Month,
    /// How many were held when it began.
    pub at_start: i32,
    /// How many were held when it ended, or are now.
    pub at_end: i32,
    /// The most that were held at once.
    pub peak: Moment,
    /// The most that were held beyond what was bought by then; none if that never was.
    pub overage: Option<Moment>,
    /// What was bought in the end; nothing if seats were not counted yet.
    pub purchased: Option<i32>,
    /// How many were granted.
    pub granted: i64,
    /// How many were released.
    pub released: i64,
}

/// The months from the first to the last: what the ledger says of those in which it has lines, and of the others what the one
/// before left. `used` were held before the first; `bought` is in its order, and has also what was bought before.
pub fn months(
    (first, last): (Month, Month),
    zone: FixedOffset,
    mut used: i32,
    (moved, bought): (&[Moved], &[Bought]),
) -> Vec<MonthOfSeats> {
    let mut purchased = bought.iter().rfind(|it| it.month < first).map(|it| it.purchased);
    let mut all = Vec::new();
    for month in (first.0..=last.0).map(Month) {
        let begins = month.begins(zone);
        let moved = moved.iter().find(|it| it.month == month);
        let mut peak = Moment { seats: used, at: begins };
        let mut overage = purchased.map(|bought| Moment { seats: used.saturating_sub(bought), at: begins });
        let mut note = |next: Moment| {
            if overage.is_none_or(|so_far| {
                (next.seats, std::cmp::Reverse(next.at)) > (so_far.seats, std::cmp::Reverse(so_far.at))
            }) {
                overage = Some(next);
            }
        };
        for it in bought.iter().filter(|it| it.month == month) {
            note(Moment { seats: it.used.saturating_sub(it.purchased), at: it.at });
            purchased = Some(it.purchased);
        }
        moved.and_then(|moved| moved.beyond).into_iter().for_each(note);
        if let Some(moved) = moved.filter(|moved| moved.peak.seats > peak.seats) {
            peak = moved.peak;
        }
        let at_start = used;
        used = moved.map_or(used, |moved| moved.at_end);
        all.push(MonthOfSeats {
            month,
            at_start,
            at_end: used,
            peak,
            overage: overage.filter(|overage| overage.seats > 0),
            purchased,
            granted: moved.map_or(0, |moved| moved.granted),
            released: moved.map_or(0, |moved| moved.released),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc() -> FixedOffset {
        FixedOffset::east_opt(0).unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_reads_back_what_it_prints_and_begins_where_its_people_are() {
        for text in ["2000-01", "2026-11", "2026-12", "9999-12"] {
            assert_eq!(text.parse::<Month>().unwrap().to_string(), text);
        }
        for text in [
            "1999-12",
            "2026-00",
            "2026-13",
            "2026-1",
            "26-11",
            "2026-11-01",
            "2026",
            "+026-11",
            "２０２６-11",
        ] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
        let japan = FixedOffset::east_opt(9 * 3600).unwrap();
        let december: Month = "2026-12".parse().unwrap();
        assert_eq!(december.begins(utc()), at("2026-12-01T00:00:00Z"));
        assert_eq!(december.begins(japan), at("2026-11-30T15:00:00Z"));
        assert_eq!(Month::of(at("2026-11-30T15:00:00Z"), japan), december);
        assert_eq!(Month::of(at("2026-11-30T14:59:59Z"), japan), december.later(-1));
        assert_eq!(december.later(1).to_string(), "2027-01");
    }

    #[test]
    fn a_month_without_a_line_is_as_the_one_before_ended() {
        let november: Month = "2026-11".parse().unwrap();
        let peak = Moment { seats: 9, at: at("2026-11-10T00:00:00Z") };
        let beyond = Some(Moment { seats: 4, at: at("2026-11-10T00:00:00Z") });
        let moved = [Moved { month: november, granted: 7, released: 3, at_end: 6, peak, beyond }];
        let first = at("2026-10-02T00:00:00Z");
        let bought = [Bought { month: november.later(-1), at: first, purchased: 5, used: 2 }];

        let all = months((november.later(-1), november.later(1)), utc(), 2, (&moved, &bought));

        let [october, then, december] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((october.at_start, october.at_end, october.overage), (2, 2, None));
        assert_eq!(october.peak, Moment { seats: 2, at: at("2026-10-01T00:00:00Z") });
        assert_eq!((then.at_start, then.at_end, then.peak, then.overage), (2, 6, peak, beyond));
        let still = Moment { seats: 1, at: at("2026-12-01T00:00:00Z") };
        assert_eq!((december.at_start, december.peak.seats, december.overage), (6, 6, Some(still)));
        assert_eq!((december.granted, december.purchased), (0, Some(5)));
    }

    #[test]
    fn buying_fewer_than_are_held_is_an_overage_from_that_moment_on() {
        let november: Month = "2026-11".parse().unwrap();
        let (then, later) = (at("2026-11-05T00:00:00Z"), at("2026-11-20T00:00:00Z"));
        let bought = [
            Bought { month: november.later(-2), at: at("2026-09-01T00:00:00Z"), purchased: 10, used: 0 },
            Bought { month: november, at: then, purchased: 7, used: 8 },
            Bought { month: november, at: later, purchased: 20, used: 8 },
        ];

        let all = months((november, november), utc(), 8, (&[], &bought));

        assert_eq!(all[0].overage, Some(Moment { seats: 1, at: then }));
        assert_eq!((all[0].purchased, all[0].peak.seats), (Some(20), 8));
    }
}
