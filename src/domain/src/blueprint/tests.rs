//! What a blueprint file may say. Knows each rule by an example that breaks it; does not know the products.

use super::*;
use crate::fixture::{GRID, grid, shipped};

/// The sound blueprint with one text replaced everywhere it stands.
fn broken(from: &str, to: &str) -> BlueprintError {
    assert!(GRID.contains(from), "{from:?} is not in the sound blueprint");
    Blueprint::parse(&GRID.replace(from, to)).expect_err(from)
}

/// The sound blueprint with the first occurrence of a text replaced.
fn broken_once(from: &str, to: &str) -> BlueprintError {
    assert!(GRID.contains(from), "{from:?} is not in the sound blueprint");
    Blueprint::parse(&GRID.replacen(from, to, 1)).expect_err(from)
}

/// The line of the sound blueprint on which a text first stands.
fn line_of(text: &str) -> usize {
    GRID.lines().position(|line| line.contains(text)).unwrap() + 1
}

#[test]
fn an_error_names_the_line_and_the_rule() {
    let error = broken("default_role = \"guest\"", "default_role = \"visitor\"");

    assert_eq!(error.line(), line_of("default_role"));
    assert_eq!(error.rule(), Rule::Reference);
    assert_eq!(
        error.to_string(),
        format!("line {}: no role \"visitor\" is declared (reference)", line_of("default_role"))
    );
}

#[test]
fn what_is_not_of_the_format_is_refused() {
    assert_eq!(Blueprint::parse("").unwrap_err().rule(), Rule::Format);
    assert_eq!(Blueprint::parse("a = [").unwrap_err().line(), 1);
    let unknown = broken("rank = 15", "rank = 15\npower = 9000");
    assert_eq!((unknown.rule(), unknown.line()), (Rule::Format, line_of("rank = 15") + 1));
    assert!(unknown.detail().contains("power"));
    assert_eq!(broken("kind = \"org_unit\"", "kind = \"galaxy\"").rule(), Rule::Format);
    assert_eq!(broken("en = \"Out\", ", "").rule(), Rule::Format);
    assert_eq!(broken("rank = 15", "rank = \"15\"").rule(), Rule::Format);
    assert_eq!(broken("blueprint/1", "blueprint/2").rule(), Rule::Schema);
}

#[test]
fn each_rule_refuses_what_breaks_it() {
    for (error, rule) in [
        (broken("id = \"grid\"", "id = \"Grid\""), Rule::Spelling),
        (broken("default_locale = \"en\"", "default_locale = \"de\""), Rule::Spelling),
        (broken("id = \"in\"", "id = \"out\""), Rule::Duplicate),
        (broken("id = \"agent\"", "id = \"manager\""), Rule::Duplicate),
        (broken("kind = \"org_unit\"", "kind = \"workspace\""), Rule::Duplicate),
        (broken("scope = \"region\"", "scope = \"planet\""), Rule::Reference),
        (broken("scope = [\"workspace\"]", "scope = [\"planet\"]"), Rule::Reference),
        (broken("requires = [\"export\"]", "requires = [\"import\"]"), Rule::Reference),
        (broken("\"if:office_hours\"", "\"if:sunshine\""), Rule::Reference),
        (broken("only_if = \"paid_plan\"", "only_if = \"sunshine\""), Rule::Reference),
        (broken("\"bill\" = \"yes\"", "\"bil\" = \"yes\""), Rule::Reference),
        (broken("role = \"captain\"", "role = \"admiral\""), Rule::Reference),
        (broken("requires_flags = [\"lead\"]", "requires_flags = [\"export\"]"), Rule::Reference),
        (broken("counted = [\"in\"]", "counted = [\"here\"]"), Rule::Reference),
        (broken("counted = [\"in\"]", "counted = [\"out\"]"), Rule::Reference),
        (broken("at_limit = \"refuse\"", "at_limit = \"explode\""), Rule::Reference),
        (broken("person = \"inactive\"", "person = \"asleep\""), Rule::Reference),
        (broken("scope = [\"workspace\"]\n", ""), Rule::FlagScope),
        (broken("only_if = \"paid_plan\"", "scope = [\"workspace\"]"), Rule::FlagScope),
        (
            broken(
                "requires = [\"export\"]\nlabel = { ja = \"消",
                "requires = [\"erase\"]\nlabel = { ja = \"消",
            ),
            Rule::RequirementCycle,
        ),
        (broken("\"bill\" = \"yes\"\n", ""), Rule::MatrixGap),
        (broken("\"if:office_hours\"", "\"maybe\""), Rule::Cell),
        (broken("\"if:office_hours\"", "\"grantable\""), Rule::Cell),
        (broken_once("\"bulk\" = \"grantable\"", "\"bulk\" = \"yes\""), Rule::Cell),
        (broken("\"bill\" = \"yes\"", "\"bill\" = \"if:office_hours\""), Rule::TwoConditions),
        (broken("rank = 15", "rank = 15\nlevel = \"admin\""), Rule::Level),
        (broken("rank = 5", "rank = 5\nlevel = \"org_admin\""), Rule::Level),
        (broken("assignment = \"derived\"", "assignment = \"given\""), Rule::Derivation),
        (broken("requires_flags = [\"lead\"]", "requires_flags = []"), Rule::Derivation),
        (broken("requires_flags = [\"lead\"]", "requires_flags = [\"bulk\"]"), Rule::Derivation),
        (broken("role = \"captain\"\nrequires", "role = \"agent\"\nrequires"), Rule::Derivation),
        (broken("default_role = \"guest\"", "default_role = \"agent\""), Rule::DefaultRole),
        (broken("rank = 1\n", "rank = 1\nlevel = \"admin\"\n"), Rule::DefaultRole),
        (broken("minimum = 1", "minimum = 0"), Rule::Invariant),
    ] {
        assert_eq!(error.rule(), rule, "{error}");
        assert!(error.line() > 1, "{error}");
    }
}

#[test]
fn a_derived_role_must_allow_the_flag_it_rests_on() {
    let captain = GRID.find("id = \"captain\"").unwrap();
    let (before, after) = GRID.split_at(captain);
    let text = format!("{before}{}", after.replacen("\"lead\" = \"grantable\"", "\"lead\" = \"no\"", 1));

    assert_eq!(Blueprint::parse(&text).unwrap_err().rule(), Rule::Derivation);
}

#[test]
fn a_derived_role_rests_on_no_flag_that_could_fall() {
    let lead = "scope = [\"environment\", \"workspace\"]";
    let error = broken(lead, &format!("{lead}\nrequires = [\"export\"]"));

    assert_eq!((error.rule(), error.line()), (Rule::Derivation, line_of("requires_flags") + 1));
}

#[test]
fn a_blueprint_answers_what_it_was_told() {
    let grid = grid();

    assert_eq!((grid.id(), grid.version()), ("grid", "0.0.1"));
    assert_eq!(grid.flags().map(Permission::id).collect::<Vec<_>>(), ["bulk", "lead"]);
    assert_eq!(grid.permission_ids().collect::<Vec<_>>(), ["bill", "bulk", "erase", "export", "lead"]);
    assert!(grid.flag("export").is_none() && grid.permission("export").is_some());
    let manager = grid.role("manager").unwrap();
    assert_eq!((manager.rank(), manager.scope(), manager.level()), (20, ScopeKind::Workspace, None));
    assert_eq!(manager.cell("export"), Some(&Cell::Yes));
    assert_eq!(grid.role("regional").unwrap().cell("export"), Some(&Cell::If("office_hours".into())));
    assert_eq!(grid.default_role().unwrap().id(), "guest");
    assert!(grid.seats().counts("in") && !grid.seats().counts("out"));
    assert_eq!(grid.seats().at_limit(), AtLimit::Refuse);
    assert!(grid.has_homes());
}

#[test]
fn words_come_in_the_language_asked_for_or_the_products_own() {
    let grid = grid();

    assert_eq!(grid.name("fr"), "Grille");
    assert_eq!(grid.name("fr-CA"), "Grille");
    assert_eq!(grid.name("JA_jp"), "グリッド");
    assert_eq!(grid.name("de"), "Grid");
    assert_eq!(grid.name(""), "Grid");
    let shipped = shipped();
    assert_eq!(shipped.name("de"), shipped.name("ja"));
    let stopped = shipped.statuses().iter().find(|status| status.person() == PersonState::Inactive).unwrap();
    assert_eq!(shipped.say(stopped.label(), "ja"), "停止済み");
}

#[test]
fn the_shipped_administrator_is_protected_and_must_exist() {
    let shipped = shipped();
    let [last] = shipped.invariants() else { panic!("one invariant") };

    assert_eq!((last.role(), last.minimum(), last.on_idp_demotion()), ("admin", 1, OnDemotion::Hold));
    let role = shipped.role("admin").unwrap();
    assert!(role.protected());
    assert_eq!((role.level(), role.assignment()), (Some(AdminLevel::Admin), Assignment::Derived));
}

#[test]
fn a_role_contains_those_of_lower_rank_whose_every_right_it_has() {
    let shown = |blueprint: &Blueprint, id: &str| {
        let role = blueprint.role(id).unwrap();
        let ids =
            |roles: Vec<&Role>| roles.into_iter().map(|it| it.id().to_owned()).collect::<Vec<_>>().join(" ");
        (ids(blueprint.contained_in(role).collect()), ids(blueprint.containing(role).collect()))
    };

    assert_eq!(shown(&grid(), "manager"), ("agent".to_owned(), String::new()));
    assert_eq!(shown(&grid(), "captain"), ("guest".to_owned(), String::new()));
    assert_eq!(shown(&grid(), "regional"), (String::new(), String::new()));
    assert_eq!(shown(&shipped(), "admin"), ("general org_admin".to_owned(), String::new()));
    assert_eq!(shown(&shipped(), "general"), (String::new(), "admin".to_owned()));
}
