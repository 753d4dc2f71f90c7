//! How people are listed, searched and written to a file. Knows the words; lists nobody.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::{Deed, Ref};
use crate::blueprint::Label;

/// What is done to many at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    /// What.
    pub deeds: Vec<Deed>,
    /// Whether a sheet can be had to fill in.
    #[serde(default)]
    pub template: bool,
}

/// The list of people.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The roles that may see it; whoever has the permission if empty.
    #[serde(default)]
    pub visible_to: Vec<Ref>,
    /// Its columns.
    pub columns: Vec<Field>,
    /// By what it can be limited.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// What can be done in a row.
    #[serde(default)]
    pub row_actions: Vec<RowAction>,
    /// Whether it shows who is there now.
    #[serde(default)]
    pub presence: bool,
    /// Where a profile opens.
    pub profile_opens: Option<Opens>,
}

/// Something that a list shows of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are columns, and say it")]
pub enum Field {
    Avatar,
    Name,
    Email,
    Role,
    Status,
    Department,
    JobTitle,
    Home,
    Flags,
    Team,
    PlaceCount,
    Presence,
    LastSeen,
    LastLogin,
    StoppedAt,
    CardProfile,
    AppVersion,
}

impl Field {
    /// What stands above it where the product does not say.
    pub fn heading(self) -> Label {
        let (ja, en, fr) = match self {
            Self::Avatar => ("画像", "Picture", "Photo"),
            Self::Name => ("氏名", "Name", "Nom"),
            Self::Email => ("メールアドレス", "E-mail", "E-mail"),
            Self::Role => ("ロール", "Role", "Rôle"),
            Self::Status => ("状態", "Status", "Statut"),
            Self::Department => ("部署", "Department", "Service"),
            Self::JobTitle => ("役職", "Job title", "Fonction"),
            Self::Home => ("所属組織", "Organisation", "Organisation"),
            Self::Flags => ("権限", "Rights", "Droits"),
            Self::Team => ("チーム", "Team", "Équipe"),
            Self::PlaceCount => ("拠点数", "Places", "Lieux"),
            Self::Presence => ("在席状況", "Presence", "Présence"),
            Self::LastSeen => ("最終アクセス", "Last seen", "Dernière activité"),
            Self::LastLogin => ("最終ログイン", "Last sign-in", "Dernière connexion"),
            Self::StoppedAt => ("停止日", "Stopped on", "Suspendu le"),
            Self::CardProfile => ("プロフィールURL", "Profile", "Profil"),
            Self::AppVersion => ("バージョン", "Version", "Version"),
        };
        Label { ja: ja.to_owned(), en: en.to_owned(), fr: fr.to_owned() }
    }

    /// How it is written where the product does not say.
    pub fn shown(self) -> Shows {
        match self {
            Self::LastSeen | Self::LastLogin => Shows::DateTime,
            Self::StoppedAt => Shows::DateOrBlank,
            Self::AppVersion => Shows::VersionOrUnknown,
            _ => Shows::Text,
        }
    }
}

/// By what a list can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are filters, and say it")]
pub enum Filter {
    Subtree,
    Status,
    Role,
    Team,
    Place,
    Permission,
    Search,
}

/// What can be done in a row of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are actions, and say it")]
pub enum RowAction {
    Edit,
    ChangeRole,
    ToggleFlags,
    ViewProfile,
    ViewMaterials,
    ChangeHome,
    ChangeEmail,
    Stop,
    Deactivate,
    Revoke,
    Delete,
    Promote,
    ResendInvitation,
    SendResetLink,
}

/// Where something opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opens {
    /// In the same window.
    Here,
    /// In another window.
    NewWindow,
}

/// The search in the list of people.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// What is searched: names and e-mail addresses.
    pub fields: Spanned<BTreeSet<Field>>,
    /// Between words; every word must be found.
    #[serde(default)]
    pub separators: Vec<char>,
    /// Whether it searches the list as it is limited already.
    #[serde(default)]
    pub within_list: bool,
}

/// The list as a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// The encodings it can be had in.
    pub encodings: Vec<Encoding>,
    /// Its columns, in order; those of the list if empty.
    #[serde(default)]
    pub column: Vec<CsvColumn>,
}

/// An encoding of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are encodings")]
pub enum Encoding {
    Utf8Bom,
    ShiftJis,
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvColumn {
    /// Its letter.
    pub letter: Spanned<char>,
    /// What it shows of a person, unless a flag.
    pub field: Option<Field>,
    /// The flag it shows.
    pub flag: Option<Ref>,
    /// Its heading.
    pub header: Label,
    /// How it is written.
    #[serde(default)]
    pub shows: Shows,
}

/// How a value is written in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shows {
    /// As it is.
    #[default]
    Text,
    /// `ON` or `OFF`.
    OnOff,
    /// `◯`, or nothing.
    Circle,
    /// The top of the organisation and the home, with `/` between; the top alone for those at the top.
    TopAndHome,
    /// The version, or `不明` if it was never used.
    VersionOrUnknown,
    /// A date and a time.
    DateTime,
    /// A date, or nothing.
    DateOrBlank,
    /// The status's name, or nothing for the active.
    StatusUnlessActive,
}
