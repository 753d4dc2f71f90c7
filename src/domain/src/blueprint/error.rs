//! Why a blueprint was refused. Knows the rules by name; does not know how they are checked.

use std::fmt;

/// The rule that a blueprint breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The text is TOML, with the tables, keys and types of the format and no others.
    Format,
    /// `schema` names this edition of the format.
    Schema,
    /// Ids are short lower-case words with `.` and `_` inside, and `default_locale` is a language we speak.
    Spelling,
    /// No two things of a kind have the same id.
    Duplicate,
    /// Every reference leads to something declared.
    Reference,
    /// Flags say where they are held, permissions do not.
    FlagScope,
    /// Requirements do not lead back to themselves.
    RequirementCycle,
    /// Every role says something about every permission.
    MatrixGap,
    /// A cell is `yes`, `no`, `if:<condition>`, `level:<level>`, `grantable` or `unspecified`, as fits the permission; what is
    /// grantable can be granted or taken away.
    Cell,
    /// A permission of levels, and no other, declares two or more; `none` is the lowest.
    Levels,
    /// What is exclusive to a role is given by no other.
    Exclusive,
    /// Whoever has a level has what it implies.
    Implied,
    /// A restriction takes something from somebody.
    Restriction,
    /// A condition is decided in one way: by the product, a feature, the plan or a restriction.
    Decidable,
    /// A grant rule says who and what.
    GrantRule,
    /// The columns of a file are lettered in order, and each shows one thing.
    CsvColumn,
    /// A search is over names and e-mail addresses.
    Search,
    /// An administrator's level fits where the role is held.
    Level,
    /// A derived role is declared as derived, holds where a home can put it, and rests on flags that the role
    /// itself allows and that require nothing else.
    Derivation,
    /// The default role is one that needs no workspace, makes no administrator and is not said to be never the default.
    DefaultRole,
    /// An invariant asks for at least one.
    Invariant,
    /// What happens at the limit of seats is said of doors at which a seat is asked for, and a role needs a seat of one class.
    Seats,
}

impl Rule {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Schema => "schema",
            Self::Spelling => "spelling",
            Self::Duplicate => "duplicate",
            Self::Reference => "reference",
            Self::FlagScope => "flag-scope",
            Self::RequirementCycle => "requirement-cycle",
            Self::MatrixGap => "matrix-gap",
            Self::Cell => "cell",
            Self::Levels => "levels",
            Self::Exclusive => "exclusive",
            Self::Implied => "implied",
            Self::Restriction => "restriction",
            Self::Decidable => "decidable",
            Self::GrantRule => "grant-rule",
            Self::CsvColumn => "csv-column",
            Self::Search => "search",
            Self::Level => "level",
            Self::Derivation => "derivation",
            Self::DefaultRole => "default-role",
            Self::Invariant => "invariant",
            Self::Seats => "seats",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a blueprint was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail} ({rule})")]
pub struct BlueprintError {
    line: usize,
    rule: Rule,
    detail: String,
}

impl BlueprintError {
    pub(super) fn new(line: usize, rule: Rule, detail: String) -> Self {
        Self { line, rule, detail }
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The rule that was broken.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What is wrong, in words.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}
