//! The command line as its users type it.

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_grammar_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_verb_says_what_it_does() {
    fn look(command: &clap::Command) {
        for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
            for flag in verb.get_arguments().filter(|flag| !flag.is_global_set()) {
                assert!(flag.get_help().is_some(), "{} {}", verb.get_name(), flag.get_id());
            }
            look(verb);
        }
    }

    look(&Cli::command());
}

#[test]
fn config_and_json_stand_before_or_after_the_verb() {
    for line in [
        "usher --config c.toml --json tenant list",
        "usher tenant --config c.toml list --json",
        "usher tenant list --json --config c.toml",
    ] {
        let cli = parse(line).unwrap();

        assert!(cli.json, "{line}");
        assert_eq!(cli.config, Some(PathBuf::from("c.toml")), "{line}");
    }
}

/// It is base64url, in which a hyphen is a letter like others.
#[test]
fn a_fingerprint_may_begin_with_a_hyphen() {
    for line in [
        "usher change-set apply --tenant acme --file changes.json --fingerprint -lUodR9Irl",
        "usher change-set undo --tenant acme 01a2098d-5a2f-790b-80c7-73b4e9be3e9d --fingerprint -lUodR9Irl",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
}

#[test]
fn a_credential_opens_one_thing() {
    for line in [
        "usher credential issue --tenant acme --directory entra --expires-days 90",
        "usher credential issue --tenant acme --admin",
        "usher credential issue --tenant acme --admin --read-only --env",
        "usher credential issue --operator",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
    for line in [
        "usher credential issue",
        "usher credential issue --tenant acme",
        "usher credential issue --directory entra",
        "usher credential issue --admin",
        "usher credential issue --tenant acme --admin --directory entra",
        "usher credential issue --tenant acme --operator",
        "usher credential issue --operator --read-only",
        "usher credential issue --tenant acme --directory entra --env",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn a_rule_has_one_match_and_gives_one_thing() {
    let rule = "usher mapping-rule create --tenant acme --priority -5";
    for rest in [
        "--group admins --flag a --flag b",
        "--group-external-id 1 --role manager --scope workspace:emea",
        "--attribute department --home {value} --fallback unassigned",
        "--attribute userType --value guest --flag guest --scope org-unit:Sales",
    ] {
        assert!(parse(&format!("{rule} {rest}")).is_ok(), "{rest}");
    }
    for rest in [
        "--flag a",
        "--group admins",
        "--group admins --attribute department --flag a",
        "--group admins --flag a --role manager",
        "--group admins --value x --flag a",
        "--group admins --role manager --fallback unassigned",
        "--attribute department --home {value} --scope environment",
        "--group admins --role manager --scope somewhere",
    ] {
        assert!(parse(&format!("{rule} {rest}")).is_err(), "{rest}");
    }
}

#[test]
fn a_misspelt_command_ends_with_two_and_a_question_for_help_with_zero() {
    let status = |line: &str| parse(line).map_err(|error| error.exit_code()).err();

    assert_eq!(status("usher tenant creat"), Some(2));
    assert_eq!(status("usher"), Some(2));
    assert_eq!(status("usher --help"), Some(0));
    assert_eq!(status("usher tenant create --help"), Some(0));
}

#[test]
fn a_connection_is_named_in_one_way_whatever_its_protocol() {
    for noun in ["connection", "saml-connection"] {
        for verb in ["show", "set-rules --rules r.json"] {
            let line = |rest: &str| parse(&format!("usher {noun} {verb} --tenant acme{rest}"));
            assert!(line(" op").is_ok() && line(" --slug op").is_ok(), "{noun} {verb}");
            assert!(line("").is_err() && line(" op --slug op").is_err(), "{noun} {verb}");
        }
    }
    assert!(parse("usher connection set --tenant acme op --scope profile --scope groups").is_ok());
}

#[test]
fn sessions_are_ended_one_by_name_or_all_and_a_connection_has_networks_or_none() {
    for line in [
        "usher session list --tenant acme --user hana",
        "usher session end --tenant acme --user hana --all",
        "usher session end --tenant acme --user hana 01a20696-d877-7000-8000-01f813e89574",
        "usher trial begin --tenant acme entra",
        "usher trial show --tenant acme entra 01a20696-d877-7000-8000-01f813e89574",
        "usher connection set --tenant acme entra --state paused",
        "usher connection set --tenant acme entra --just-in-time verifiedDomain --any-network",
        "usher connection set --tenant acme entra --allow-network 10.0.0.0/8 --allow-network ::1",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
    for line in [
        "usher session end --tenant acme --user hana",
        "usher session end --tenant acme --user hana --all 01a20696-d877-7000-8000-01f813e89574",
        "usher session end --tenant acme --user hana x",
        "usher trial show --tenant acme entra",
        "usher connection set --tenant acme entra --state off",
        "usher connection set --tenant acme entra --any-network --allow-network ::1",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
