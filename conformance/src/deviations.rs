//! Deviations that are known. Knows their list; does not know the checks.

use std::collections::BTreeMap;

use crate::session::{Entry, Outcome};

/// A line of the list: a check, the dialects it speaks of (all, if none is named), and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deviation {
    pub(crate) check: String,
    pub(crate) dialects: Vec<String>,
    pub(crate) reason: String,
}

/// What the list makes of a run.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// The reason of each entry that failed as listed, by its place in the run.
    pub(crate) known: BTreeMap<usize, String>,
    /// Lines that are not true (any more).
    pub(crate) stale: Vec<String>,
}

/// Reads lines such as ``- `name of a check` (entra, okta): reason``. All else is prose.
pub(crate) fn read(text: &str) -> Result<Vec<Deviation>, String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("- `").map(|rest| (line, rest)));
    lines
        .map(|(line, rest)| {
            let wrong = || format!("not a deviation: {line}");
            let (check, rest) = rest.split_once('`').ok_or_else(wrong)?;
            let (dialects, reason) = rest.split_once(':').ok_or_else(wrong)?;
            let dialects = dialects.trim().trim_start_matches('(').trim_end_matches(')');
            let dialects =
                dialects.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
            let reason = reason.trim().to_owned();
            if reason.is_empty() {
                return Err(format!("no reason: {line}"));
            }
            Ok(Deviation { check: check.to_owned(), dialects, reason })
        })
        .collect()
}

/// Which failures are known, and which lines of the list are not needed.
pub(crate) fn judge(list: &[Deviation], entries: &[Entry], names: &[String]) -> Judged {
    let mut judged = Judged::default();
    for deviation in list {
        if !names.contains(&deviation.check) {
            judged.stale.push(format!("`{}` is the name of no check", deviation.check));
        }
        for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| concerns(deviation, entry)) {
            match entry.outcome {
                Outcome::Failed(_) => {
                    judged.known.insert(at, deviation.reason.clone());
                }
                Outcome::Passed => {
                    let line =
                        format!("`{}` passes with the dialect {}: take it out", entry.name, entry.dialect);
                    judged.stale.push(line);
                }
                Outcome::Skipped(_) => {
                    let line = format!(
                        "`{}` is skipped with the dialect {}: take it out",
                        entry.name, entry.dialect
                    );
                    judged.stale.push(line);
                }
            }
        }
    }
    judged
}

fn concerns(deviation: &Deviation, entry: &Entry) -> bool {
    deviation.check == entry.name
        && (deviation.dialects.is_empty() || deviation.dialects.contains(&entry.dialect))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, outcome: Outcome) -> Entry {
        Entry {
            dialect: "rfc".to_owned(),
            group: String::new(),
            is_transcript: false,
            name: name.to_owned(),
            sentence: String::new(),
            behaviours: Vec::new(),
            outcome,
        }
    }

    #[test]
    fn a_known_failure_is_no_failure_and_a_pass_is_an_error() {
        let list =
            read("# Words\n\n- `a` (rfc): later\n- `b`: never\n- `c` (okta): other\n- `d`: gone\n").unwrap();
        let entries = [
            entry("a", Outcome::Failed(Box::default())),
            entry("b", Outcome::Passed),
            entry("c", Outcome::Passed),
        ];

        let judged = judge(&list, &entries, &["a".to_owned(), "b".to_owned(), "c".to_owned()]);

        assert_eq!(judged.known, BTreeMap::from([(0, "later".to_owned())]));
        assert_eq!(judged.stale.len(), 2, "{:?}", judged.stale);
    }

    #[test]
    fn a_line_without_a_reason_is_refused() {
        assert!(read("- `a` (rfc):\n").is_err());
        assert!(read("- `a` (rfc)\n").is_err());
    }
}
