//! The layers a value comes from. Knows TOML and environment variables; does not know what any key means.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::{Table, Value};

use super::ConfigError;

/// What the names of our own variables begin with.
const PREFIX: &str = "USHER_";

/// Every section and its keys: what is not here is refused.
const SECTIONS: &[(&str, &[&str])] = &[
    ("http", super::http::KEYS),
    ("database", super::database::KEYS),
    ("secrets", super::secrets::KEYS),
    ("session", super::session::KEYS),
    ("limits", super::limits::KEYS),
    ("requests", super::requests::KEYS),
    ("signals", super::signals::KEYS),
    ("mail", super::mail::KEYS),
    ("log", super::log::KEYS),
    ("egress", super::egress::KEYS),
    ("development", super::development::KEYS),
];

/// The file and the environment, and what was wrong with them.
pub(super) struct Source {
    file: String,
    table: Table,
    overrides: BTreeMap<String, String>,
    /// `PATH` and `XDG_DATA_HOME`, which are not Usher's own.
    system: BTreeMap<OsString, OsString>,
    problems: Vec<String>,
}

/// A value and the place it was found, for messages.
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) place: String,
}

impl Source {
    pub(super) fn new(
        file: Option<(PathBuf, String)>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let (file, table) = match file {
            Some((path, text)) => (path.display().to_string(), parse(path, &text)?),
            None => (String::new(), Table::new()),
        };
        let mut source =
            Self { file, table, overrides: BTreeMap::new(), system: BTreeMap::new(), problems: Vec::new() };
        for (name, value) in environment {
            source.take_variable(name, value);
        }
        source.refuse_unknown_in_file();
        Ok(source)
    }

    pub(super) fn section(&mut self, name: &'static str) -> Section<'_> {
        Section { name, source: self }
    }

    pub(super) fn problem(&mut self, sentence: impl Into<String>) {
        self.problems.push(sentence.into());
    }

    /// A variable of the system's that is not Usher's own.
    pub(super) fn system(&self, name: &str) -> Option<&OsString> {
        self.system.get(&OsString::from(name)).filter(|value| !value.is_empty())
    }

    pub(super) fn finish(self) -> Result<(), ConfigError> {
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigError::Problems(self.problems)) }
    }

    fn take_variable(&mut self, name: OsString, value: OsString) {
        if name == "PATH" || name == "XDG_DATA_HOME" {
            self.system.insert(name, value);
            return;
        }
        let Some((name, rest)) =
            name.to_str().and_then(|name| Some((name.to_owned(), name.strip_prefix(PREFIX)?.to_owned())))
        else {
            return;
        };
        let (section, key) =
            rest.split_once('_').map_or((rest.as_str(), ""), |(section, key)| (section, key));
        let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
        match SECTIONS.iter().find(|(known, _)| *known == section) {
            None => {
                // Other tools may own a variable that begins like ours; one letter off a section is a mistake.
                if let Some((known, _)) = SECTIONS.iter().find(|(known, _)| distance(known, &section) == 1) {
                    let known = known.to_ascii_uppercase();
                    self.problem(format!(
                        "The environment variable {name} is not known; did you mean {PREFIX}{known}_…?"
                    ));
                }
            }
            Some((_, keys)) if !keys.contains(&key.as_str()) => {
                let known = keys.iter().map(|key| variable(&section, key)).collect::<Vec<_>>();
                let hint = hint(&name, &known);
                self.problem(format!("The environment variable {name} is not known; {hint}"));
            }
            Some(_) => match value.into_string() {
                Ok(value) => {
                    self.overrides.insert(name, value);
                }
                Err(_) => self.problem(format!("The environment variable {name} is not valid UTF-8.")),
            },
        }
    }

    fn refuse_unknown_in_file(&mut self) {
        let mut problems = Vec::new();
        for (section, value) in &self.table {
            let Some((_, keys)) = SECTIONS.iter().find(|(known, _)| known == section) else {
                let known = SECTIONS.iter().map(|(known, _)| (*known).to_owned()).collect::<Vec<_>>();
                let hint = hint(section, &known);
                problems.push(format!("{}: the section [{section}] is not known; {hint}", self.file));
                continue;
            };
            let Value::Table(table) = value else {
                problems.push(format!("{}: {section} is a section; write it as [{section}].", self.file));
                continue;
            };
            for key in table.keys().filter(|key| !keys.contains(&key.as_str())) {
                let known = keys.iter().map(|known| format!("{section}.{known}")).collect::<Vec<_>>();
                let name = format!("{section}.{key}");
                let hint = hint(&name, &known);
                problems.push(format!("{}: the key {name} is not known; {hint}", self.file));
            }
        }
        self.problems.append(&mut problems);
    }
}

/// Reads the keys of one section; a wrong value is remembered and the default returned in its place.
pub(super) struct Section<'a> {
    name: &'static str,
    source: &'a mut Source,
}

impl Section<'_> {
    pub(super) fn boolean(&mut self, key: &str, default: bool) -> bool {
        self.typed(key, "true or false", |value| match value {
            Raw::File(Value::Boolean(value)) => Some(value),
            Raw::Variable(text) => text.parse().ok(),
            Raw::File(_) => None,
        })
        .map_or(default, |given| given.value)
    }

    pub(super) fn integer<T>(&mut self, key: &str, range: RangeInclusive<T>, default: T) -> T
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.typed(key, &expected, |value| {
            let number = match value {
                Raw::File(Value::Integer(number)) => number,
                Raw::Variable(text) => text.parse::<i64>().ok()?,
                Raw::File(_) => return None,
            };
            T::try_from(number).ok().filter(|number| range.contains(number))
        })
        .map_or(default, |given| given.value)
    }

    pub(super) fn text(&mut self, key: &str) -> Option<Given<String>> {
        self.typed(key, "a text that is not empty", |value| match value {
            Raw::File(Value::String(text)) | Raw::Variable(text) => {
                Some(text).filter(|text| !text.is_empty())
            }
            Raw::File(_) => None,
        })
    }

    /// A text that `parse` understands; its error completes the sentence `<key> …`.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let given = self.text(key)?;
        match parse(&given.value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem_at(&given.place, &error);
                None
            }
        }
    }

    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|given| PathBuf::from(given.value))
    }

    /// A list of texts; in the environment separated by commas.
    pub(super) fn list(&mut self, key: &str) -> Option<Given<Vec<String>>> {
        self.typed(key, "a list", |value| match value {
            Raw::File(Value::Array(values)) => values
                .into_iter()
                .map(|value| match value {
                    Value::String(text) => Some(text),
                    Value::Integer(number) => Some(number.to_string()),
                    _ => None,
                })
                .collect(),
            Raw::Variable(text) => Some(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
            ),
            Raw::File(_) => None,
        })
    }

    /// A list of tables from the file, or the text of the variable.
    pub(super) fn tables(&mut self, key: &str) -> Option<Given<Tables>> {
        self.typed(key, "a list of tables", |value| match value {
            Raw::File(Value::Array(values)) => values
                .into_iter()
                .map(|value| match value {
                    Value::Table(table) => Some(table),
                    _ => None,
                })
                .collect::<Option<_>>()
                .map(Tables::File),
            Raw::Variable(text) => Some(Tables::Variable(text)),
            Raw::File(_) => None,
        })
    }

    pub(super) fn system(&self, name: &str) -> Option<&OsString> {
        self.source.system(name)
    }

    /// Remembers that `key` of this section is wrong; `what` completes the sentence `<key> …`.
    pub(super) fn problem(&mut self, key: &str, what: impl Display) {
        let place = self.place(key);
        self.problem_at(&place, what);
    }

    pub(super) fn problem_at(&mut self, place: &str, what: impl Display) {
        self.source.problem(format!("{place} {what}."));
    }

    fn place(&self, key: &str) -> String {
        let variable = variable(self.name, key);
        if self.source.overrides.contains_key(&variable) {
            return format!("{variable} (in the environment)");
        }
        let in_file =
            matches!(self.source.table.get(self.name), Some(Value::Table(t)) if t.contains_key(key));
        if in_file {
            return format!("{}.{key} (in {})", self.name, self.source.file);
        }
        format!("{}.{key}", self.name)
    }

    /// The value of `key` as `convert` understands it; a value it does not understand is a remembered problem
    /// whose text does not repeat the value, which may be a secret.
    fn typed<T>(
        &mut self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(Raw) -> Option<T>,
    ) -> Option<Given<T>> {
        let place = self.place(key);
        let raw = match self.source.overrides.get(&variable(self.name, key)) {
            Some(text) => Raw::Variable(text.clone()),
            None => match self.source.table.get(self.name) {
                Some(Value::Table(table)) => Raw::File(table.get(key)?.clone()),
                _ => return None,
            },
        };
        let converted = convert(raw);
        if converted.is_none() {
            self.problem_at(&place, format!("must be {expected}"));
        }
        converted.map(|value| Given { value, place })
    }
}

/// What a key of tables was given as.
pub(super) enum Tables {
    File(Vec<Table>),
    Variable(String),
}

enum Raw {
    File(Value),
    Variable(String),
}

fn parse(path: PathBuf, text: &str) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1);
        ConfigError::Malformed { path, line, reason: error.message().to_owned() }
    })
}

fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{}_{}", section.to_ascii_uppercase(), key.to_ascii_uppercase())
}

/// Names the nearest known name, or all of them when none is near.
fn hint(name: &str, known: &[String]) -> String {
    let nearest = known.iter().map(|known| (distance(known, name), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 3 => format!("did you mean {known}?"),
        _ => format!("known are {}.", known.join(", ")),
    }
}

/// Edit distance: how many characters must be put in, taken out or replaced.
fn distance(left: &str, right: &str) -> usize {
    let right = right.chars().collect::<Vec<_>>();
    let mut previous = (0..=right.len()).collect::<Vec<usize>>();
    for (row, a) in left.chars().enumerate() {
        let mut last = row.saturating_add(1);
        let mut current = vec![last];
        for ((b, diagonal), above) in right.iter().zip(&previous).zip(previous.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(a != *b));
            last = replaced.min(above.saturating_add(1)).min(last.saturating_add(1));
            current.push(last);
        }
        previous = current;
    }
    previous.last().copied().unwrap_or_default()
}
