//! The checks as they are written in files. Knows their format; does not know how they are run.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::expect::Expect;
use crate::files;
use crate::vars::{Into, Vars};

/// A file of checks: a section of an RFC, or a provider's requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// `RFC 7644 §3.3`, or the name of a profile.
    #[serde(default)]
    pub(crate) section: Option<String>,
    /// The identity provider, which is also the name of its dialect.
    #[serde(default)]
    pub(crate) provider: Option<String>,
    /// What it is about.
    pub(crate) title: String,
    /// Where it is known from.
    #[serde(default)]
    pub(crate) source: Option<String>,
    /// What the client calls itself.
    #[serde(default)]
    pub(crate) agent: Option<String>,
    /// What the server must announce for any of it.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Fixtures that all its checks share.
    #[serde(default)]
    pub(crate) given: Vec<String>,
    /// The dialects in which it is asked; all, if empty.
    #[serde(default)]
    pub(crate) only: Vec<String>,
    /// The checks.
    #[serde(default)]
    pub(crate) check: Vec<Check>,
    /// Checks that differ only in values.
    #[serde(default)]
    pub(crate) table: Vec<Table>,
}

/// One question to the server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// A fact, unlike the name of any other check.
    pub(crate) name: String,
    /// The sentence of the RFC, word by word.
    #[serde(default)]
    pub(crate) quote: Option<String>,
    /// The sentence that is expected, where it is not one of an RFC.
    #[serde(default)]
    pub(crate) says: Option<String>,
    /// The behaviours that it proves.
    #[serde(default)]
    pub(crate) behaviours: Vec<u16>,
    /// What the server must announce.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Fixtures made before.
    #[serde(default)]
    pub(crate) given: Vec<String>,
    /// The dialects in which it is asked; all, if empty.
    #[serde(default)]
    pub(crate) only: Vec<String>,
    /// The dialects in which the provider wants something else.
    #[serde(default)]
    pub(crate) not: Vec<String>,
    /// A check that is written in Rust, by name.
    #[serde(default)]
    pub(crate) native: Option<String>,
    /// Requests and what is expected of their answers.
    #[serde(default)]
    pub(crate) step: Vec<Step>,
    /// The values of a row.
    #[serde(skip)]
    pub(crate) row: Map<String, Value>,
}

/// One check for each row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// With `${name}`s of the rows.
    #[serde(flatten)]
    pub(crate) check: Check,
    /// The values; `not` in a row is as in a check.
    pub(crate) rows: Vec<Map<String, Value>>,
}

/// One request and what is expected of the answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// `METHOD /path?query`, or `METHOD ${url}`.
    pub(crate) send: String,
    /// The body, as JSON text.
    #[serde(default)]
    pub(crate) body: Option<String>,
    /// Values to put into the body, by JSON pointer.
    #[serde(default)]
    pub(crate) put: Map<String, Value>,
    /// Values to take out of the body, by JSON pointer.
    #[serde(default)]
    pub(crate) remove: Vec<String>,
    /// Headers in addition.
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    /// Without the token.
    #[serde(default)]
    pub(crate) anonymous: bool,
    /// With these statuses, the server does not have the feature, and the check is skipped.
    #[serde(default)]
    pub(crate) skip_on: Vec<u16>,
    /// With these statuses, the check has passed already; if they are errors, they are SCIM errors.
    #[serde(default)]
    pub(crate) done_on: Vec<u16>,
    /// Values to keep by JSON pointer; `@Name` is a header.
    #[serde(default)]
    pub(crate) keep: Map<String, Value>,
    /// What is expected.
    #[serde(default)]
    pub(crate) expect: Expect,
}

/// Requests that make what a check is about.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixture {
    /// What checks call it.
    pub(crate) name: String,
    /// The requests.
    pub(crate) step: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixtures {
    fixture: Vec<Fixture>,
}

/// Everything there is to ask.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    pub(crate) files: Vec<File>,
    pub(crate) fixtures: Vec<Fixture>,
}

impl Catalogue {
    /// Reads the files that are part of the program.
    pub(crate) fn read() -> Result<Self, String> {
        let mut read = Vec::new();
        for (name, text) in files::CHECKS.iter().chain(files::TRANSCRIPTS) {
            let mut file: File = toml::from_str(text).map_err(|trouble| format!("{name}: {trouble}"))?;
            for table in std::mem::take(&mut file.table) {
                for row in table.rows {
                    file.check
                        .push(of_row(&table.check, row).map_err(|trouble| format!("{name}: {trouble}"))?);
                }
            }
            read.push(file);
        }
        let fixtures: Fixtures =
            toml::from_str(files::FIXTURES).map_err(|trouble| format!("fixtures.toml: {trouble}"))?;
        Ok(Self { files: read, fixtures: fixtures.fixture })
    }
}

fn of_row(template: &Check, mut row: Map<String, Value>) -> Result<Check, String> {
    let not = row.remove("not").unwrap_or_default();
    let not = not.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let not = template.not.iter().cloned().chain(not).collect();
    let mut vars = Vars::default();
    for (name, value) in &row {
        vars.set(name.clone(), value.clone());
    }
    let name = vars.fill(&template.name, Into::Plain)?.replace("${", "").replace('}', "");
    Ok(Check { name, not, row, ..template.clone() })
}

impl File {
    /// Its row in the table of sections, or of providers.
    pub(crate) fn group(&self) -> String {
        match (&self.section, &self.provider) {
            (Some(section), _) => format!("{section} {}", self.title),
            (None, Some(provider)) => provider.clone(),
            (None, None) => self.title.clone(),
        }
    }

    /// Is it asked in any of these dialects?
    pub(crate) fn is_asked_of(&self, dialects: &[String]) -> bool {
        dialects.iter().any(|dialect| self.is_for(dialect))
    }

    /// Is this check of the file the same in every dialect?
    pub(crate) fn is_same(&self, check: &Check) -> bool {
        self.provider.is_none() && self.only.is_empty() && check.only.is_empty() && check.not.is_empty()
    }

    /// Is it asked in this dialect?
    pub(crate) fn is_for(&self, dialect: &str) -> bool {
        let provided = self.provider.as_deref().is_none_or(|provider| provider == dialect);
        provided && (self.only.is_empty() || self.only.iter().any(|it| it == dialect))
    }
}

impl Check {
    /// Is it asked in this dialect?
    pub(crate) fn is_for(&self, dialect: &str) -> bool {
        let wanted = self.only.is_empty() || self.only.iter().any(|it| it == dialect);
        wanted && !self.not.iter().any(|it| it == dialect)
    }

    /// The sentence that is expected.
    pub(crate) fn sentence(&self) -> &str {
        self.quote.as_deref().or(self.says.as_deref()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::{DIALECTS, behaviours, native};

    #[test]
    fn every_file_is_read_and_part_of_the_program() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut there = BTreeSet::new();
        for folder in ["checks", "transcripts"] {
            for entry in std::fs::read_dir(here.join(folder)).unwrap() {
                there.insert(format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy()));
            }
        }
        there.remove("checks/fixtures.toml");

        let listed = files::CHECKS.iter().chain(files::TRANSCRIPTS).map(|(name, _)| (*name).to_owned());

        assert_eq!(listed.collect::<BTreeSet<_>>(), there);
        assert!(Catalogue::read().unwrap().files.len() > 20);
    }

    #[test]
    fn every_check_has_a_name_of_its_own_a_sentence_and_something_that_can_fail() {
        let catalogue = Catalogue::read().unwrap();
        let mut names = BTreeSet::new();
        for file in &catalogue.files {
            assert!(file.section.is_some() != file.provider.is_some(), "{}", file.title);
            assert!(file.provider.is_none() || file.source.is_some(), "{} names no source", file.title);
            for check in &file.check {
                assert!(names.insert(check.name.clone()), "{} is there twice", check.name);
                assert!(check.quote.is_some() != check.says.is_some(), "{} needs one sentence", check.name);
                assert_eq!(check.native.is_some(), check.step.is_empty(), "{} is empty", check.name);
                for dialect in check.only.iter().chain(&check.not).chain(&file.only).chain(&file.provider) {
                    assert!(DIALECTS.contains(&dialect.as_str()), "{dialect}");
                }
            }
        }
    }

    #[test]
    fn what_checks_name_is_there() {
        let catalogue = Catalogue::read().unwrap();
        let known = behaviours::all().unwrap();
        let fixtures =
            catalogue.fixtures.iter().map(|fixture| fixture.name.as_str()).collect::<BTreeSet<_>>();
        for file in &catalogue.files {
            for check in &file.check {
                for given in check.given.iter().chain(&file.given) {
                    assert!(fixtures.contains(given.as_str()), "{}: no fixture {given}", check.name);
                }
                for number in &check.behaviours {
                    assert!(known.iter().any(|it| it.number == *number), "{}: {number}", check.name);
                }
                if let Some(native) = &check.native {
                    assert!(native::NAMES.contains(&native.as_str()), "{}: {native}", check.name);
                }
            }
        }
    }
}
