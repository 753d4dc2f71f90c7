//! The tables. Knows columns and Markdown; does not know what was asked.

use std::fmt::Write;

use crate::behaviours::Row;
use crate::deviations::Judged;
use crate::session::{Entry, Failure, Outcome};

/// A run, ready to be told.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) dialects: &'a [String],
    pub(crate) entries: &'a [Entry],
    pub(crate) judged: &'a Judged,
    pub(crate) left_behind: &'a [String],
    /// Title and source of each provider's transcripts.
    pub(crate) sources: &'a [(String, String)],
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    passed: usize,
    failed: usize,
    known: usize,
    skipped: usize,
}

impl Sums {
    fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// `12 passed`, and what else there is.
    fn words(self) -> String {
        let parts = [
            (self.passed, "passed"),
            (self.failed, "FAILED"),
            (self.known, "known"),
            (self.skipped, "skipped"),
        ];
        let said = parts.into_iter().filter(|(count, _)| *count > 0);
        said.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

impl Report<'_> {
    /// How many passed and how many failed. A line of the list of deviations that is not true counts as failed.
    pub(crate) fn sums(&self) -> (usize, usize) {
        let all = self.count(|_| true);
        (all.passed, all.failed + self.judged.stale.len())
    }

    fn count(&self, wanted: impl Fn(&Entry) -> bool) -> Sums {
        let mut sums = Sums::default();
        for (at, entry) in self.entries.iter().enumerate().filter(|(_, entry)| wanted(entry)) {
            match entry.outcome {
                Outcome::Passed => sums.passed += 1,
                Outcome::Skipped(_) => sums.skipped += 1,
                Outcome::Failed(_) if self.judged.known.contains_key(&at) => sums.known += 1,
                Outcome::Failed(_) => sums.failed += 1,
            }
        }
        sums
    }

    fn groups(&self, transcripts: bool) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.is_transcript == transcripts) {
            if !groups.contains(&entry.group.as_str()) {
                groups.push(&entry.group);
            }
        }
        groups
    }

    /// Failures that are not known, and those that are, with their reasons.
    fn failures(&self) -> impl Iterator<Item = (&Entry, &Failure, Option<&String>)> {
        self.entries.iter().enumerate().filter_map(|(at, entry)| match &entry.outcome {
            Outcome::Failed(failure) => Some((entry, failure.as_ref(), self.judged.known.get(&at))),
            _ => None,
        })
    }

    /// Everything for a terminal.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for (entry, failure, reason) in self.failures() {
            let (mark, why) = match reason {
                Some(reason) => ("~", format!("known: {reason}")),
                None => ("✗", String::new()),
            };
            let _ = writeln!(out, "\n{mark} {} [{}] {}", entry.group, entry.dialect, entry.name);
            if reason.is_some() {
                let _ = writeln!(out, "    {why}");
                continue;
            }
            let _ = writeln!(out, "    expected: {}", entry.sentence);
            for wrong in &failure.wrong {
                let _ = writeln!(out, "    found:    {wrong}");
            }
            let _ = write!(out, "{}", indented("request", &failure.request));
            let _ = write!(out, "{}", indented("answer", &failure.answer));
        }
        let width = self.entries.iter().map(|entry| entry.group.chars().count()).max().unwrap_or_default();
        for (title, transcripts) in [("By section", false), ("By identity provider", true)] {
            if self.groups(transcripts).is_empty() {
                continue;
            }
            let _ = writeln!(out, "\n{title}");
            for group in self.groups(transcripts) {
                let sums = self.count(|entry| entry.group == group && entry.is_transcript == transcripts);
                let _ = writeln!(out, "  {group:width$}  {}", sums.words());
            }
        }
        let _ = writeln!(out, "\nBy dialect");
        for dialect in self.dialects {
            let sums = self.count(|entry| entry.dialect == *dialect);
            let _ = writeln!(out, "  {dialect:width$}  {}", sums.words());
        }
        let mut skipped: Vec<String> = Vec::new();
        for entry in self.entries {
            if let Outcome::Skipped(why) = &entry.outcome {
                let line = format!("{}: {why}", entry.name);
                if !skipped.contains(&line) {
                    skipped.push(line);
                }
            }
        }
        for line in skipped {
            let _ = writeln!(out, "- skipped {line}");
        }
        for line in &self.judged.stale {
            let _ = writeln!(out, "✗ known deviation {line}");
        }
        for target in self.left_behind {
            let _ = writeln!(out, "! could not delete {target}");
        }
        out.push('\n');
        out
    }

    /// Everything as Markdown, without what differs from run to run.
    pub(crate) fn markdown(&self, behaviours: &[Row]) -> String {
        let mut out = String::from("# SCIM conformance\n\n");
        let _ =
            writeln!(out, "Made by running `conformance` with the dialects {}.", self.dialects.join(", "));
        let _ = writeln!(
            out,
            "A cell says how many checks passed; *known* are listed below with their reason, *skipped* are not announced by the server.\n"
        );
        self.matrix(&mut out, "Section", false);
        let _ = writeln!(out, "## Identity providers\n\n| transcript | result |\n|---|---|");
        for (at, entry) in self.entries.iter().enumerate().filter(|(_, entry)| entry.is_transcript) {
            let result = match &entry.outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Skipped(why) => format!("skipped: {why}"),
                Outcome::Failed(_) if self.judged.known.contains_key(&at) => "known deviation".to_owned(),
                Outcome::Failed(_) => "**failed**".to_owned(),
            };
            let _ = writeln!(out, "| {} | {} |", cell(&entry.name), cell(&result));
        }
        let _ = writeln!(out, "\nWhere the requests are known from:\n");
        for (title, source) in self.sources {
            let _ = writeln!(out, "- {title}: {source}");
        }
        let _ =
            writeln!(out, "\n## Behaviours\n\n| number | behaviour | state | checks |\n|--:|---|---|---|");
        for row in behaviours {
            let mut places = row.checks.iter().map(|check| cell(check)).collect::<Vec<_>>();
            places.extend(row.elsewhere.as_ref().map(|place| format!("elsewhere: {}", cell(place))));
            let (number, is) = (row.behaviour.number, cell(&row.behaviour.is));
            let _ = writeln!(out, "| {number} | {is} | {} | {} |", row.state, places.join("<br>"));
        }
        for (title, known) in [("Failures", false), ("Known deviations", true)] {
            let lines =
                self.failures().filter(|(_, _, reason)| reason.is_some() == known).collect::<Vec<_>>();
            if lines.is_empty() {
                continue;
            }
            let _ = writeln!(out, "\n## {title}\n");
            for (entry, failure, reason) in lines {
                let why = reason.cloned().unwrap_or_else(|| failure.wrong.join("; "));
                let _ = writeln!(out, "- {}, {}: `{}`. {why}", entry.group, entry.dialect, entry.name);
                if !known {
                    let _ = writeln!(out, "  Expected: {}", entry.sentence);
                    let _ = writeln!(
                        out,
                        "\n  ```\n{}{}  ```",
                        fenced(&failure.request),
                        fenced(&failure.answer)
                    );
                }
            }
        }
        let (passed, failed) = self.sums();
        let _ = writeln!(out, "\n{passed} passed, {failed} failed");
        out
    }

    fn matrix(&self, out: &mut String, title: &str, transcripts: bool) {
        let _ = writeln!(out, "| {title} | {} |", self.dialects.join(" | "));
        let _ = writeln!(out, "|---|{}", "---|".repeat(self.dialects.len()));
        for group in self.groups(transcripts) {
            let cells = self.dialects.iter().map(|dialect| {
                let sums = self.count(|entry| {
                    entry.group == group && entry.dialect == *dialect && entry.is_transcript == transcripts
                });
                if sums.is_empty() { "–".to_owned() } else { sums.words() }
            });
            let _ = writeln!(out, "| {} | {} |", cell(group), cells.collect::<Vec<_>>().join(" | "));
        }
        out.push('\n');
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn indented(title: &str, text: &str) -> String {
    let mut out = String::new();
    for (at, line) in text.lines().enumerate() {
        let head = if at == 0 { format!("{title}:") } else { String::new() };
        let _ = writeln!(out, "    {head:9} {line}");
    }
    out
}

fn fenced(text: &str) -> String {
    text.lines().fold(String::new(), |out, line| out + "  " + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, outcome: Outcome) -> Entry {
        Entry {
            dialect: "rfc".to_owned(),
            group: "RFC 7644 §3.3 Create".to_owned(),
            is_transcript: false,
            name: name.to_owned(),
            sentence: "It SHALL.".to_owned(),
            behaviours: Vec::new(),
            outcome,
        }
    }

    #[test]
    fn a_failure_is_told_with_its_sentence_request_and_answer() {
        let failure = Failure {
            request: "POST /Users\n{}".to_owned(),
            answer: "200\n{}".to_owned(),
            wrong: vec!["status 200 instead of 201".to_owned()],
        };
        let entries = [entry("a", Outcome::Passed), entry("b", Outcome::Failed(Box::new(failure)))];
        let judged = Judged { stale: vec!["`x` is the name of no check".to_owned()], ..Judged::default() };
        let dialects = ["rfc".to_owned()];
        let report = Report {
            dialects: &dialects,
            entries: &entries,
            judged: &judged,
            left_behind: &[],
            sources: &[],
        };

        let text = report.text();

        assert_eq!(report.sums(), (1, 2));
        for part in [
            "expected: It SHALL.",
            "status 200 instead of 201",
            "POST /Users",
            "1 passed, 1 FAILED",
            "✗ known",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(report.markdown(&[]).contains("| RFC 7644 §3.3 Create | 1 passed, 1 FAILED |"));
    }
}
