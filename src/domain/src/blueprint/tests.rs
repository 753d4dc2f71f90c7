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
        (broken("kind = \"workspace\"", "kind = \"workspace\"\nbelow = [\"planet\"]"), Rule::Reference),
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
        (broken_once("[[status]]", "[search]\nfields = [\"name\"]\n\n[[status]]"), Rule::Search),
        (broken("\"if:office_hours\"", "\"grantable\""), Rule::Cell),
        (broken_once("\"bulk\" = \"grantable\"", "\"bulk\" = \"if:office_hours\""), Rule::Cell),
        (broken("\"if:office_hours\"", "\"level:high\""), Rule::Cell),
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

/// A table put before the roles of the sound blueprint, or a key put behind a line of it.
fn with(table: &str) -> BlueprintError {
    Blueprint::parse(&GRID.replacen("[membership]", &format!("{table}\n[membership]"), 1)).expect_err(table)
}

/// A class of seats.
fn class(id: &str, role: &str) -> String {
    format!("[[seat_class]]\nid = \"{id}\"\nroles = [\"{role}\"]\nbillable = true")
}

/// A status of those who were invited and have not accepted.
const PENDING: &str = r#"
[[status]]
id = "asked"
person = "active"
label = { ja = "x", en = "x", fr = "x" }
[[transition]]
from = "asked"
to = "in"
on = "invitation_accepted"
"#;

const NAME: &str = "label = { ja = \"x\", en = \"x\", fr = \"x\" }";

#[test]
fn each_rule_about_levels_and_restrictions_refuses_what_breaks_it() {
    let level =
        |keys: &str| with(&format!("[[permission]]\nid = \"reach\"\nkind = \"level\"\n{keys}\n{NAME}\n"));
    let restriction = |keys: &str| with(&format!("[[restriction]]\nid = \"less\"\n{keys}\n{NAME}\n"));
    for (error, rule) in [
        (level("levels = [\"one\"]"), Rule::Levels),
        (level("levels = [\"one\", \"none\"]"), Rule::Levels),
        (level("levels = [\"one\", \"one\"]"), Rule::Duplicate),
        (level("levels = [\"one\", \"two\"]\nobligations = { three = [\"office_hours\"] }"), Rule::Reference),
        (level("levels = [\"one\", \"two\"]\nobligations = { two = [\"sunshine\"] }"), Rule::Reference),
        (level("levels = [\"one\", \"two\"]\nimplies = { two = [\"fly\"] }"), Rule::Reference),
        (level("levels = [\"one\", \"two\"]\nsection = \"back\""), Rule::Reference),
        (level("levels = [\"one\", \"two\"]"), Rule::MatrixGap),
        (restriction("applies_to = [\"agent\"]"), Rule::Restriction),
        (restriction("applies_to = []\ndenies = [\"bill\"]"), Rule::Restriction),
        (restriction("applies_to = [\"king\"]\ndenies = [\"bill\"]"), Rule::Reference),
        (restriction("applies_to = [\"agent\"]\nlimits = { bill = \"low\" }"), Rule::Reference),
        (restriction("applies_to = [\"agent\"]\ndenies = [\"bill\"]\nplans = [\"gold\"]"), Rule::Reference),
        (with(&format!("[[condition]]\nid = \"c\"\nfeature = \"f\"\n{NAME}")), Rule::Reference),
        (
            with(&format!(
                "[[plan]]\nid = \"p\"\n{NAME}\n[[feature]]\nid = \"f\"\n{NAME}\n[[condition]]\nid = \"c\"\nfeature = \"f\"\nplans = [\"p\"]\n{NAME}"
            )),
            Rule::Decidable,
        ),
    ] {
        assert_eq!(error.rule(), rule, "{error}");
    }
    assert_eq!(
        broken("id = \"bill\"\nkind = \"bool\"", "id = \"bill\"\nkind = \"bool\"\nexclusive_to = \"guest\"")
            .rule(),
        Rule::Exclusive
    );
    assert_eq!(
        broken("id = \"bill\"\nkind = \"bool\"", "id = \"bill\"\nkind = \"bool\"\nper = \"month\"").rule(),
        Rule::Levels
    );
}

#[test]
fn what_a_product_says_besides_its_matrix_leads_somewhere_too() {
    let rule = |keys: &str| with(&format!("[[grant_rule]]\nid = \"r\"\n{keys}\neffect = \"allow\"\n"));
    for (error, rule) in [
        (rule("actors = [\"king\"]\nactions = [\"invite\"]"), Rule::Reference),
        (rule("actors = [\"*\"]\nexcept = [\"king\"]\nactions = [\"invite\"]"), Rule::Reference),
        (rule("actors = [\"*\"]\nactions = [\"conquer\"]"), Rule::Format),
        (rule("actors = []\nactions = [\"invite\"]"), Rule::GrantRule),
        (rule("actors = [\"*\"]\nactions = [\"invite\"]\npermissions = [\"fly\"]"), Rule::Reference),
        (rule("actors = [\"*\"]\nactions = [\"invite\"]\nmember_of = \"planet\""), Rule::Reference),
        (rule("actors = [\"*\"]\nactions = [\"invite\"]\nonly_if = \"sunshine\""), Rule::Reference),
        (with("[[transition]]\nfrom = \"in\"\nto = \"gone\"\non = \"stopped\""), Rule::Reference),
        (with("[externals]\nrole = \"guest\"\nplans = [\"gold\"]\nsee_each_other = false"), Rule::Reference),
        (with("[profile]\nkept_at = \"planet\""), Rule::Reference),
        (with("[[seat_class]]\nid = \"s\"\nroles = [\"king\"]\nbillable = true"), Rule::Reference),
        (with(&class("s", "guest").replace("[\"guest\"]", "[\"guest\", \"agent\", \"guest\"]")), Rule::Seats),
        (with(&format!("{}\n{}", class("s", "guest"), class("t", "guest"))), Rule::Seats),
        (with("[directory]\ncolumns = [\"name\", \"shoe_size\"]"), Rule::Format),
        (with("[email]\nchange = \"by_admin\"\nwhen = \"now\""), Rule::Format),
        (
            with(&format!(
                "[csv]\nencodings = []\n[[csv.column]]\nletter = \"B\"\nfield = \"name\"\n{}",
                NAME.replace("label", "header")
            )),
            Rule::CsvColumn,
        ),
        (
            with(&format!(
                "[csv]\nencodings = []\n[[csv.column]]\nletter = \"A\"\n{}",
                NAME.replace("label", "header")
            )),
            Rule::CsvColumn,
        ),
        (
            with(&format!(
                "[csv]\nencodings = []\n[[csv.column]]\nletter = \"A\"\nflag = \"fly\"\n{}",
                NAME.replace("label", "header")
            )),
            Rule::Reference,
        ),
    ] {
        assert_eq!(error.rule(), rule, "{error}");
    }
    let never = broken("default_role = \"guest\"", "default_role = \"guest\"\nnever_default = [\"guest\"]");
    assert_eq!(never.rule(), Rule::DefaultRole);
}

/// The sound blueprint with this said of the limit, door by door.
fn by_door(words: &str) -> String {
    GRID.replacen("at_limit = \"refuse\"", &format!("at_limit = \"refuse\"\nat_limit_by = {{ {words} }}"), 1)
}

#[test]
fn what_happens_at_the_limit_is_said_of_each_door() {
    let grid =
        Blueprint::parse(&by_door(r#"directory = "waitlist", sign_in = "overage", manual = "overage""#));
    let said = Door::ALL.map(|door| grid.as_ref().unwrap().at_limit(door));
    let first = Blueprint::parse(&by_door(r#"directory = "overage", invitation = "waitlist""#)).unwrap();

    // What is done by hand goes for invitations too, and of who accepts one the product said nothing.
    let (wait, over, refuse) = (AtLimit::Waitlist, AtLimit::Overage, AtLimit::Refuse);
    assert_eq!(said, [wait, over, over, over, refuse]);
    assert_eq!(Door::ALL.map(|door| first.at_limit(door)), [over, refuse, refuse, refuse, wait]);
}

#[test]
fn what_is_wrong_with_the_limit_of_seats_is_said_with_its_line() {
    let wrong = |words: &str| Blueprint::parse(&by_door(words)).expect_err(words);
    let line = line_of("at_limit") + 1;
    let counted = format!("{}\n{PENDING}", by_door(r#"manual = "waitlist", invite = "refuse""#));
    let uncounted = Blueprint::parse(&counted).expect_err("nobody who is invited is counted");

    for words in [r#"window = "refuse""#, r#"manual = "explode""#, r#"manual = "refuse", manual = "refuse""#]
    {
        assert_eq!((wrong(words).rule(), wrong(words).line()), (Rule::Format, line), "{words}");
    }
    assert_eq!((uncounted.rule(), uncounted.line()), (Rule::Seats, line));
    let counted = counted.replace("counted = [\"in\"]", "counted = [\"in\", \"asked\"]");
    assert_eq!(Blueprint::parse(&counted).unwrap().at_limit(Door::Invite), AtLimit::Refuse);
}

#[test]
fn who_is_in_without_a_seat_has_a_role_that_is_not_paid_for_and_gives_nothing() {
    let free = |paid: &str, role: &str| {
        let free = class("free", role).replace("true", "false");
        let classes = format!("{}\n{free}\n[membership]", class("paid", paid));
        by_door(r#"directory = "downgrade""#).replacen("[membership]", &classes, 1)
    };
    let line = |text: &str| text.lines().position(|line| line.contains("\"downgrade\"")).unwrap() + 1;

    let grid = Blueprint::parse(&free("agent", "guest")).unwrap();
    assert_eq!(grid.role_without_seat().map(Role::id), Some("guest"));
    assert_eq!(grid.at_limit(Door::Directory), AtLimit::Downgrade);
    // A manager may do something, an agent is at home in a workspace, and where nothing is paid for there is no lower class.
    let unpaid = free("agent", "guest").replace("billable = true", "billable = false");
    for text in [free("agent", "captain"), free("guest", "agent"), unpaid, by_door(r#"manual = "downgrade""#)]
    {
        let error = Blueprint::parse(&text).unwrap_err();
        assert_eq!((error.rule(), error.line()), (Rule::Seats, line(&text)), "{error}");
    }
    let general = broken("at_limit = \"refuse\"", "at_limit = \"downgrade\"");
    assert_eq!((general.rule(), general.line()), (Rule::Seats, line_of("at_limit")));
}

/// Tenants keep the edition that they began with.
#[test]
fn the_first_edition_of_a_blueprint_is_read_as_ever() {
    let first = Blueprint::parse(include_str!("../../fixtures/first-edition.toml")).unwrap();

    assert_eq!((first.id(), first.version()), (shipped().id(), "1.0.0"));
    assert_eq!(first.product().transitions, []);
}

/// CHT-04, CHT-05, CHT-09, CHT-26: within which limits a tenant may have roles of its own.
#[test]
fn a_product_says_within_which_limits_tenants_may_have_roles_of_their_own() {
    let (_, text) = catalog().iter().find(|(_, text)| text.contains("most_roles = 20")).unwrap();
    let product = Blueprint::parse(text).unwrap();
    let membership = &product.product().membership;

    assert_eq!((membership.custom_roles, membership.most_roles), (CustomRoles::Yes, Some(20)));
    assert_eq!(product.product().sections.len(), 5);
    for (from, to, rule) in [
        ("default_role = \"general\"", "default_role = \"owner\"", Rule::DefaultRole),
        ("\"channel.delete\" = \"no\"", "\"channel.delete\" = \"yes\"", Rule::Exclusive),
        ("\"team_chat.create_group\" = \"yes\"", "\"team_chat.create_group\" = \"no\"", Rule::Implied),
    ] {
        assert_eq!(Blueprint::parse(&text.replace(from, to)).unwrap_err().rule(), rule, "{from}");
    }
}

/// BLF-06
#[test]
fn the_columns_of_the_file_are_those_of_the_page() {
    let product = shipped();
    let columns = &product.product().csv.as_ref().unwrap().column;
    let headers: Vec<&str> = columns.iter().map(|column| column.header.ja.as_str()).collect();

    assert_eq!(
        headers.join(" · "),
        "氏名 · 部署名(名刺表示) · 所属組織名 · メールアドレス · 名刺プロフィールURL · 管理者権限 · レポート受信 · 資料アップ権限 · \
         アンケート · レコログ機能 · レコログアプリバージョン · 資料承認者 · 最終利用日 · 停止日 · 状態"
    );
    assert_eq!(columns[11].shows, Shows::Circle);
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
