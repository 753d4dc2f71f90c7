//! Answers of commands. Knows tables, records and JSON; does not know what is in them.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::error::CliError;

/// What a command answers, in both forms.
#[derive(Debug)]
pub(super) struct Answer {
    json: String,
    text: String,
}

impl Answer {
    /// `view` for machines, `text` for people.
    pub(super) fn new(view: &impl Serialize, text: impl Into<String>) -> Result<Self, CliError> {
        let json = serde_json::to_string_pretty(view)
            .map_err(|error| CliError::Failed(format!("The answer cannot be written as JSON: {error}.")))?;
        Ok(Self { json, text: text.into() })
    }

    /// Writes it to standard output. A reader that has seen enough (`usher audit list | head`) is no failure.
    pub(super) fn print(&self, json: bool) -> Result<(), CliError> {
        let text = if json { &self.json } else { &self.text };
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(CliError::Failed(format!("Done, but the answer cannot be written: {error}.")))
            }
            _ => Ok(()),
        }
    }
}

/// Tells standard error why a command was not done.
pub(super) fn complain(error: &CliError) {
    // A closed standard error has nobody to tell; the exit status says it all the same.
    writeln!(std::io::stderr(), "usher: {error}").ok();
}

/// Rows under headings, in columns as wide as they need to be.
#[derive(Debug)]
pub(super) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// The table, or `nothing` where it has no rows.
    pub(super) fn or(self, nothing: &str) -> String {
        if self.rows.is_empty() {
            return nothing.to_owned();
        }
        let mut lines = vec![self.headings.into_iter().map(str::to_owned).collect::<Vec<_>>()];
        lines.extend(self.rows);
        aligned(&lines)
    }
}

/// One thing: a name and a value on each line.
pub(super) fn record(fields: &[(&str, String)]) -> String {
    let lines = fields.iter().map(|(name, value)| vec![format!("{name}:"), printable(value)]);
    aligned(&lines.collect::<Vec<_>>())
}

/// What a program is told by its environment: a variable on each line.
pub(super) fn variables(named: &[(&str, &str)]) -> String {
    let lines = named.iter().map(|(name, value)| format!("{name}={}", printable(value)));
    lines.collect::<Vec<_>>().join("\n")
}

fn aligned(lines: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for line in lines {
        widths.resize(widths.len().max(line.len()), 0);
        for (most, cell) in widths.iter_mut().zip(line) {
            *most = width(cell).max(*most);
        }
    }
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (most, cell) in widths.iter().zip(line) {
            row.push_str(cell);
            row.push_str(&" ".repeat(most.saturating_sub(width(cell)).saturating_add(2)));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Names come from identity providers: none of them may move the cursor or colour the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_direction(c) { '\u{FFFD}' } else { c }).collect()
}

/// Marks that turn the direction of what follows, by which one name can look like another.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// How many columns of a terminal the text takes: East Asian characters take two, combining marks none.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '\u{0300}'..='\u{036F}' | '\u{200B}'..='\u{200D}' | '\u{FE00}'..='\u{FE0F}' => 0,
            '\u{1100}'..='\u{115F}'
            | '\u{2E80}'..='\u{A4CF}'
            | '\u{AC00}'..='\u{D7A3}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{FE30}'..='\u{FE6F}'
            | '\u{FF00}'..='\u{FF60}'
            | '\u{FFE0}'..='\u{FFE6}'
            | '\u{1F300}'..='\u{1FAFF}'
            | '\u{20000}'..='\u{3FFFD}' => 2,
            _ => 1,
        })
        .sum()
}

/// A moment, to the second.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// What there may not be, as `-`.
pub(super) fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `yes` or `no`.
pub(super) fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// A value of an enum by its name in JSON, as in the API.
pub(super) fn name_of(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(other) => other.to_string(),
        Err(_unserialisable) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]]) -> Table {
        let mut table = Table::new(&["KEY", "NAME", "PARENT"]);
        for row in rows {
            table.row(row.map(str::to_owned));
        }
        table
    }

    #[test]
    fn columns_are_as_wide_as_they_need_to_be_and_lines_end_without_spaces() {
        let text = table(&[["acme", "Acme", "-"], ["sales-osaka", "Sales / Osaka", ""]]).or("");

        assert_eq!(
            text,
            "KEY          NAME           PARENT\n\
             acme         Acme           -\n\
             sales-osaka  Sales / Osaka\n"
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let text = table(&[["大阪", "Osaka", "-"], ["tokyo", "Tokyo", "-"]]).or("");

        assert_eq!(text, "KEY    NAME   PARENT\n大阪   Osaka  -\ntokyo  Tokyo  -\n");
    }

    #[test]
    fn a_name_cannot_reach_the_terminal() {
        let text = table(&[["a\u{1b}[31m", "two\nlines", "\u{202E}evil"]]).or("");

        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains(['\u{1b}', '\u{202E}']), "{text:?}");
    }

    #[test]
    fn a_table_without_rows_says_what_is_not_there() {
        assert_eq!(table(&[]).or("No org units."), "No org units.");
    }

    #[test]
    fn a_record_has_a_line_for_each_field() {
        assert_eq!(
            record(&[("slug", "acme".to_owned()), ("blueprint", "bellface@1.0.0".to_owned())]),
            "slug:       acme\nblueprint:  bellface@1.0.0\n"
        );
    }

    #[test]
    fn json_is_the_view_as_it_serialises() {
        #[derive(Serialize)]
        struct View {
            token: &'static str,
            id: u8,
        }

        let answer = Answer::new(&[View { token: "t", id: 1 }], "").unwrap();

        assert_eq!(answer.json, "[\n  {\n    \"token\": \"t\",\n    \"id\": 1\n  }\n]");
    }
}
