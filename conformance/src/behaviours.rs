//! The numbered behaviours of a SCIM server. Knows their list and which checks prove them; does not know how.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::session::{Entry, Outcome};

/// One behaviour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Behaviour {
    pub(crate) number: u16,
    pub(crate) is: String,
}

#[derive(Debug, Deserialize)]
struct List {
    behaviour: Vec<Behaviour>,
}

/// A behaviour and what a run says about it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) behaviour: Behaviour,
    pub(crate) state: &'static str,
    /// `state check`, each check once.
    pub(crate) checks: Vec<String>,
    pub(crate) elsewhere: Option<String>,
}

/// The list.
pub(crate) fn all() -> Result<Vec<Behaviour>, String> {
    let list: List = toml::from_str(include_str!("../behaviours.toml"))
        .map_err(|trouble| format!("behaviours.toml: {trouble}"))?;
    Ok(list.behaviour)
}

/// Reads where else behaviours are proved.
pub(crate) fn elsewhere(text: &str) -> Result<BTreeMap<u16, String>, String> {
    let read: BTreeMap<String, Vec<String>> = toml::from_str(text).map_err(|trouble| trouble.to_string())?;
    read.into_iter()
        .map(|(number, place)| {
            let parsed = number.parse().map_err(|trouble| format!("{number}: {trouble}"))?;
            Ok((parsed, place.join("; ")))
        })
        .collect()
}

/// Reads which behaviours nobody proves yet, and why.
pub(crate) fn unproved(text: &str) -> Result<BTreeMap<u16, String>, String> {
    let read: BTreeMap<String, String> = toml::from_str(text).map_err(|trouble| trouble.to_string())?;
    read.into_iter()
        .map(|(number, reason)| {
            let parsed = number.parse().map_err(|trouble| format!("{number}: {trouble}"))?;
            Ok((parsed, reason))
        })
        .collect()
}

/// What is wrong with the proofs: a behaviour without one that is not on the list, and one on the list that has one.
pub(crate) fn lacking(rows: &[Row], unproved: &BTreeMap<u16, String>) -> Vec<String> {
    rows.iter()
        .filter_map(|row| {
            let Behaviour { number, is } = &row.behaviour;
            let is_proved = matches!(row.state, "passed" | "deviates" | "elsewhere");
            match (is_proved, unproved.contains_key(number)) {
                (false, false) if row.state != "failed" => Some(format!("nothing proves {number}, {is}")),
                (true, true) => Some(format!("{number} is proved; take it off the list of what is not")),
                _ => None,
            }
        })
        .collect()
}

/// Every behaviour with its state.
pub(crate) fn table(
    entries: &[Entry],
    known: &BTreeMap<usize, String>,
    elsewhere: &BTreeMap<u16, String>,
) -> Result<Vec<Row>, String> {
    let rows = all()?.into_iter().map(|behaviour| {
        let mut states: BTreeMap<&str, &'static str> = BTreeMap::new();
        for (at, entry) in
            entries.iter().enumerate().filter(|(_, it)| it.behaviours.contains(&behaviour.number))
        {
            let state = match entry.outcome {
                Outcome::Passed => "passed",
                Outcome::Skipped(_) => "skipped",
                Outcome::Failed(_) if known.contains_key(&at) => "deviates",
                Outcome::Failed(_) => "failed",
            };
            let before = states.get(entry.name.as_str()).copied();
            if before.is_none_or(|before| weight(state) > weight(before)) {
                states.insert(&entry.name, state);
            }
        }
        let place = elsewhere.get(&behaviour.number).cloned();
        let worst = states.values().copied().max_by_key(|state| weight(state));
        let state = match (worst, &place) {
            (Some("skipped") | None, Some(_)) => "elsewhere",
            (Some(state), _) => state,
            (None, None) => "not asked",
        };
        let checks = states.iter().map(|(name, state)| format!("{state} {name}")).collect();
        Row { behaviour, state, checks, elsewhere: place }
    });
    Ok(rows.collect())
}

/// What says more about a check that was asked in several dialects, or a behaviour with several checks.
fn weight(state: &str) -> u8 {
    match state {
        "failed" => 3,
        "deviates" => 2,
        "passed" => 1,
        _ => 0,
    }
}

/// The list for a terminal.
pub(crate) fn text(rows: &[Row]) -> String {
    let mut out = String::from("\nBehaviours\n");
    for row in rows {
        let _ = writeln!(out, "{:>4}  {:<10}  {}", row.behaviour.number, row.state, row.behaviour.is);
        for check in &row.checks {
            let _ = writeln!(out, "{:18}{check}", "");
        }
        if let Some(place) = &row.elsewhere {
            let _ = writeln!(out, "{:18}elsewhere: {place}", "");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_numbered_without_gaps() {
        let numbers = all().unwrap().iter().map(|it| it.number).collect::<Vec<_>>();

        assert_eq!(numbers, (1..=113).collect::<Vec<_>>());
    }

    #[test]
    fn a_behaviour_is_as_good_as_its_worst_check() {
        let entry = |name: &str, outcome: Outcome| Entry {
            dialect: "rfc".to_owned(),
            group: String::new(),
            is_transcript: false,
            name: name.to_owned(),
            sentence: String::new(),
            behaviours: vec![1],
            outcome,
        };
        let entries = [
            entry("a", Outcome::Passed),
            entry("b", Outcome::Failed(Box::default())),
            entry("c", Outcome::Skipped("no".to_owned())),
        ];

        let rows = table(&entries, &BTreeMap::new(), &BTreeMap::from([(2, "there".to_owned())])).unwrap();
        let states = rows.iter().take(3).map(|row| row.state).collect::<Vec<_>>();

        assert_eq!(states, ["failed", "elsewhere", "not asked"]);
        let lacking = lacking(&rows[..3], &unproved("2 = \"is\"").unwrap());
        assert_eq!(lacking.len(), 2, "{lacking:?}");
        assert!(lacking[0].starts_with("2 is proved") && lacking[1].starts_with("nothing proves 3"));
        assert_eq!(
            table(&entries, &BTreeMap::from([(1, "later".to_owned())]), &BTreeMap::new()).unwrap()[0].state,
            "deviates"
        );
    }
}
