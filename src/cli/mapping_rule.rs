//! `usher mapping-rule`. Knows its flags and how a rule is said in words; does not know when a rule is sound.

use std::str::FromStr;

use app::tenants::{MappingRuleView, NewMappingRule, RuleMatch, RuleOutcome, RuleScope};
use clap::{ArgGroup, Args, Subcommand};
use domain::id::MappingRuleId;
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, record, yes_no};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a rule; everybody's access is computed anew
    #[command(after_help = EXAMPLES)]
    Create(Box<Create>),
    /// All rules, in the order in which they win
    List(OfTenant),
    /// Remove a rule; everybody's access is computed anew
    Delete(Delete),
}

const EXAMPLES: &str = "\
Examples:
  usher mapping-rule create --tenant acme --priority 10 --group acme-admins --flag admin_flag
  usher mapping-rule create --tenant acme --priority 20 --group-external-id 6c0f… --role manager --scope workspace:emea
  usher mapping-rule create --tenant acme --priority 30 --attribute department --home '{value}' --fallback unassigned
  usher mapping-rule create --tenant acme --priority 40 --attribute userType --value contractor --flag guest";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("match").required(true).args(["group", "group_external_id", "attribute"]))]
#[command(group = ArgGroup::new("gives").required(true).args(["flags", "role", "home", "level", "restrict", "seat_class", "block"]))]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// The lower number wins where two rules give different roles at one place, or different homes
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    priority: i32,
    /// For members of the group with this display name
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// For members of the group with this external id
    #[arg(long, value_name = "ID")]
    group_external_id: Option<String>,
    /// For people with this attribute, a SCIM path: department, or urn:…:User:department
    #[arg(long, value_name = "PATH")]
    attribute: Option<String>,
    /// Only where the attribute has this value
    #[arg(long, conflicts_with_all = ["group", "group_external_id"])]
    value: Option<String>,
    /// Gives a flag of the blueprint; can be repeated
    #[arg(long = "flag", value_name = "FLAG")]
    flags: Vec<String>,
    /// Gives a role of the blueprint
    #[arg(long)]
    role: Option<String>,
    /// Takes away from the role, by a restriction of the blueprint; can be repeated
    #[arg(long = "restriction", value_name = "RESTRICTION", requires = "role")]
    restrictions: Vec<String>,
    /// Gives a permission at a level: PERMISSION=LEVEL, or PERMISSION:WHAT=LEVEL for one thing only
    #[arg(long, value_name = "PERMISSION=LEVEL")]
    level: Option<Level>,
    /// Takes away from whatever role there is, by a restriction of the blueprint; can be repeated
    #[arg(long, value_name = "RESTRICTION")]
    restrict: Vec<String>,
    /// Says which seat they need, whatever seat their roles need: one of the blueprint's classes of seats
    #[arg(long, value_name = "CLASS")]
    seat_class: Option<String>,
    /// Gives nothing at all, whatever else gives something
    #[arg(long)]
    block: bool,
    /// Gives a home: the key of an org unit; {value} stands for the attribute's value
    #[arg(long, value_name = "TEMPLATE")]
    home: Option<String>,
    /// The home of those whom the template leads nowhere
    #[arg(long, value_name = "KEY", conflicts_with_all = ["flags", "role"])]
    fallback: Option<String>,
    /// Where the flag or role is held: environment, org-unit:KEY or workspace:KEY
    #[arg(long, default_value = "environment", conflicts_with = "home")]
    scope: Place,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    #[command(flatten)]
    of: OfTenant,
    /// The rule's id, as `list` shows it
    id: MappingRuleId,
}

/// A permission at a level as it is written on the command line.
#[derive(Debug, Clone)]
struct Level {
    permission: String,
    of: Option<String>,
    height: String,
}

/// The text is not a permission at a level.
#[derive(Debug, thiserror::Error)]
#[error("a level is PERMISSION=LEVEL or PERMISSION:WHAT=LEVEL")]
struct NoLevel;

impl FromStr for Level {
    type Err = NoLevel;

    fn from_str(text: &str) -> Result<Self, NoLevel> {
        let (what, level) = text.rsplit_once('=').ok_or(NoLevel)?;
        let (permission, of) =
            what.split_once(':').map_or((what, None), |(id, of)| (id, Some(of.to_owned())));
        Ok(Self { permission: permission.to_owned(), of, height: level.to_owned() })
    }
}

/// A scope as it is written on the command line.
#[derive(Debug, Clone)]
pub(super) struct Place(pub(super) RuleScope);

/// The text is not a scope.
#[derive(Debug, thiserror::Error)]
#[error("a scope is environment, org-unit:KEY or workspace:KEY")]
pub(super) struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let scope = match text.split_once(':') {
            None if text == "environment" => RuleScope::Environment,
            // A key may hold a colon of its own.
            Some(("org-unit", key)) if !key.is_empty() => RuleScope::OrgUnit(key.to_owned()),
            Some(("workspace", key)) if !key.is_empty() => RuleScope::Workspace(key.to_owned()),
            _ => return Err(NoPlace),
        };
        Ok(Self(scope))
    }
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(create) => {
                let admin = console.enter(&create.of.tenant).await?;
                let view = console.app.create_mapping_rule(&admin, create.rule()?).await?;
                Answer::new(&view, shown(&view))
            }
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_mapping_rules(&admin).await?;
                let mut table = Table::new(&["PRIORITY", "FOR", "GIVES", "ACTIVE", "ID"]);
                for view in &views {
                    table.row([
                        view.priority.to_string(),
                        whom(&view.matches),
                        what(&view.gives),
                        yes_no(view.active),
                        view.id.to_string(),
                    ]);
                }
                Answer::new(&views, table.or("No mapping rules yet; `usher mapping-rule create` makes one."))
            }
            Self::Delete(Delete { of, id }) => {
                let admin = console.enter(&of.tenant).await?;
                console.app.delete_mapping_rule(&admin, id).await?;
                Answer::new(&json!({"id": id}), format!("Deleted mapping rule {id}."))
            }
        }
    }
}

impl Create {
    /// The rule that the flags spell.
    fn rule(self) -> Result<NewMappingRule, CliError> {
        let Self {
            priority,
            group,
            group_external_id,
            attribute,
            value,
            flags,
            role,
            restrictions,
            level,
            restrict,
            seat_class,
            block,
            home,
            fallback,
            scope,
            ..
        } = self;
        let scope = scope.0;
        let matches = match (group, group_external_id, attribute) {
            (Some(name), None, None) => RuleMatch::Group(name),
            (None, Some(id), None) => RuleMatch::GroupExternalId(id),
            (None, None, Some(path)) => RuleMatch::Attribute { path, value },
            _ => return Err(misspelt("one of --group, --group-external-id and --attribute")),
        };
        let gives = match (role, home, level) {
            (Some(role), None, None) => RuleOutcome::Role { role, scope, restrictions },
            (None, Some(template), None) => RuleOutcome::Home { template, fallback },
            (None, None, Some(Level { permission, of, height: level })) => {
                RuleOutcome::Level { permission, level, of, scope }
            }
            (None, None, None) if !flags.is_empty() => RuleOutcome::Flags { flags, scope },
            (None, None, None) if !restrict.is_empty() => {
                RuleOutcome::Restrictions { restrictions: restrict, scope }
            }
            (None, None, None) if let Some(class) = seat_class => RuleOutcome::SeatClass(class),
            (None, None, None) if block => RuleOutcome::Block(true),
            _ => {
                return Err(misspelt(
                    "one of --flag, --role, --level, --restrict, --seat-class, --block and --home",
                ));
            }
        };
        Ok(NewMappingRule { priority, matches, gives })
    }
}

/// The parser has refused this already.
fn misspelt(wanted: &str) -> CliError {
    CliError::Failed(format!("A rule needs {wanted}."))
}

fn shown(view: &MappingRuleView) -> String {
    record(&[
        ("id", view.id.to_string()),
        ("priority", view.priority.to_string()),
        ("for", whom(&view.matches)),
        ("gives", what(&view.gives)),
        ("active", yes_no(view.active)),
    ])
}

fn whom(matches: &RuleMatch) -> String {
    match matches {
        RuleMatch::Group(name) => format!("group {name:?}"),
        RuleMatch::GroupExternalId(id) => format!("group with external id {id:?}"),
        RuleMatch::Attribute { path, value: Some(value) } => format!("{path} = {value:?}"),
        RuleMatch::Attribute { path, value: None } => format!("any {path}"),
    }
}

fn what(gives: &RuleOutcome) -> String {
    match gives {
        RuleOutcome::Flags { flags, scope } => {
            format!("{} {}{}", noun(flags), flags.join(", "), place(scope))
        }
        RuleOutcome::Role { role, scope, restrictions } if restrictions.is_empty() => {
            format!("role {role}{}", place(scope))
        }
        RuleOutcome::Role { role, scope, restrictions } => {
            format!("role {role}{} under {}", place(scope), restrictions.join(", "))
        }
        RuleOutcome::Level { permission, level, of, scope } => {
            let of = of.as_ref().map(|of| format!(" for {of}")).unwrap_or_default();
            format!("{permission} at {level}{of}{}", place(scope))
        }
        RuleOutcome::Restrictions { restrictions, scope } => {
            format!("restrictions {}{}", restrictions.join(", "), place(scope))
        }
        RuleOutcome::SeatClass(class) => format!("a seat of the class {class}"),
        RuleOutcome::Block(_) => "nothing, whatever else gives something".to_owned(),
        RuleOutcome::Home { template, fallback: Some(key) } => format!("home {template}, else {key}"),
        RuleOutcome::Home { template, fallback: None } => format!("home {template}"),
    }
}

fn noun(flags: &[String]) -> &'static str {
    if flags.len() == 1 { "flag" } else { "flags" }
}

fn place(scope: &RuleScope) -> String {
    match scope {
        RuleScope::Environment => String::new(),
        RuleScope::OrgUnit(key) => format!(" in org unit {key}"),
        RuleScope::Workspace(key) => format!(" in workspace {key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Option<String> {
        text.parse::<Place>().ok().map(|scope| place(&scope.0))
    }

    #[test]
    fn a_scope_is_a_kind_and_a_key() {
        assert_eq!(scope("environment").as_deref(), Some(""));
        assert_eq!(scope("org-unit:Sales/Osaka").as_deref(), Some(" in org unit Sales/Osaka"));
        assert_eq!(scope("org-unit:a:b").as_deref(), Some(" in org unit a:b"));
        assert_eq!(scope("workspace:emea").as_deref(), Some(" in workspace emea"));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in ["", "env", "environment:x", "org-unit", "org-unit:", "workspace:", "orgunit:sales", ":x"]
        {
            assert!(scope(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_rule_is_said_in_words() {
        let flags = ["materials.upload", "materials.approve"].map(str::to_owned).to_vec();
        let gives = RuleOutcome::Flags { flags, scope: RuleScope::OrgUnit("sales".to_owned()) };

        assert_eq!(what(&gives), "flags materials.upload, materials.approve in org unit sales");
        let level: Level = "case.inquiry_type:refund=reply".parse().unwrap();
        let (permission, of) = (level.permission, level.of);
        let gives = RuleOutcome::Level { permission, of, level: level.height, scope: RuleScope::Environment };
        assert_eq!(what(&gives), "case.inquiry_type at reply for refund");
        assert!("reply".parse::<Level>().is_err());
        assert_eq!(whom(&RuleMatch::Group("acme-admins".to_owned())), "group \"acme-admins\"");
    }
}
