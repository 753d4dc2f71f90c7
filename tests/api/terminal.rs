//! Roles and change sets as somebody handles them at a terminal, where the same is done as at the door.

use serde_json::{Value, json};

use super::grant_rules::{House, flag, home};
use crate::support::http::{Doors, text};
use crate::support::run;
use crate::support::terminal::Terminal;

async fn roles_of(doors: &Doors, user: &str) -> Vec<String> {
    let access = doors.access(user).await;
    access["roles"].as_array().unwrap().iter().map(|held| text(&held["role"])).collect()
}

/// The line of a printed table that begins with this.
fn line<'a>(printed: &'a str, begins: &str) -> &'a str {
    let mut lines = printed.lines();
    lines.find(|line| line.starts_with(begins)).unwrap_or_else(|| panic!("no {begins} in {printed}"))
}

/// CHT-04, CHT-19, CHT-21
#[test]
fn a_role_is_made_changed_given_to_everybody_and_deleted_at_a_terminal() {
    run(async {
        let (house, terminal) = (House::of("channel_talk").await, Terminal::new());
        let (doors, slug) = (&house.0, house.0.tenant.slug.clone());
        let of = |words: &[&str]| {
            let (verb, rest) = words.split_first().unwrap();
            [&["role", verb, "--tenant", &slug], rest]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let mina = house.has("mina", json!([])).await;

        let made = terminal.json(&of(&[
            "create",
            "night_shift",
            "--name-ja",
            "夜勤",
            "--name-en",
            "Night shift",
            "--name-fr",
            "Équipe de nuit",
            "--cell",
            "inbox.chats=level:all_chats",
            "--cell",
            "crm.contacts=level:view",
        ]));
        assert_eq!((&made["origin"], &made["name"]["fr"]), (&json!("own"), &json!("Équipe de nuit")));
        assert_eq!(doors.api.get("/roles/night_shift").await.is(200).json()["cells"], made["cells"]);
        let shown = terminal.says(&of(&["show", "night_shift"]));
        assert!(line(&shown, "crm.contacts ").ends_with("level:view"), "{shown}");

        let changed =
            terminal.says(&of(&["change", "night_shift", "--cell", "crm.contacts=level:edit", "--default"]));
        assert!(line(&changed, "affected:").ends_with("one person may do something else now"), "{changed}");
        assert_eq!(roles_of(doors, &mina).await, ["night_shift"]);
        let listed = terminal.says(&of(&["list"]));
        assert!(
            line(&listed, "night_shift ").ends_with("yes") && line(&listed, "general ").ends_with("no"),
            "{listed}"
        );
        let audited = doors.audit("night_shift").await;
        let audited = audited.iter().find(|event| event["action"] == "role.update").unwrap();
        assert_eq!(audited["actor"]["kind"], "cli");

        for (words, why) in [
            (of(&["delete", "night_shift"]), "name a replacement"),
            (of(&["delete", "owner", "--replacement", "general"]), "stays"),
            (of(&["change", "night_shift", "--cell", "channel.delete=yes"]), "channel.delete"),
            (of(&["change", "nobody", "--rank", "3"]), "no such role"),
            (of(&["create", "day", "--name", "Day", "--cell", "a=yes", "--cell", "a=no"]), "Two cells"),
        ] {
            let said = terminal.refuses(&words);
            assert!(said.contains(why), "{words:?}: {said}");
        }
        let deleted = terminal.json(&of(&["delete", "night_shift", "--replacement", "general"]));
        assert_eq!(deleted, json!({"affected": 1}));
        assert_eq!(roles_of(doors, &mina).await, ["general"]);
    });
}

/// R10: what is printed says how to make the changes, and they are made only by that.
#[test]
fn changes_are_shown_and_then_made_at_a_terminal_with_the_numbers_that_were_shown() {
    run(async {
        let (house, terminal) = (House::of_branches().await, Terminal::new());
        let (doors, slug) = (&house.0, house.0.tenant.slug.clone());
        house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        let mut people = Vec::new();
        for n in 0..12 {
            people.push(doors.user(&format!("p{n}")).await);
        }
        doors.group("uploaders", &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let rule = doors.rule(10, json!({"group": "uploaders"}), flag("materials.upload")).await;
        let changes = json!({"changes": [{"removeRule": {"id": rule}}]}).to_string();
        let file = terminal.file("changes.json", &changes).display().to_string();
        let of = |verb: &str, file: &str| -> Vec<String> {
            ["change-set", verb, "--tenant", &slug, "--file", file].map(str::to_owned).to_vec()
        };

        let shown = terminal.says(&of("preview", &file));
        assert!(line(&shown, "who may do less:").ends_with("12"), "{shown}");
        assert!(line(&shown, "p7 ").contains("materials.upload"), "{shown}");
        let typed = terminal.says_to(&of("preview", "-"), &changes);
        assert_eq!(line(&typed, "fingerprint:"), line(&shown, "fingerprint:"));
        let page =
            terminal.json(&[of("preview", &file), vec!["--limit".to_owned(), "5".to_owned()]].concat());
        assert_eq!(page["items"].as_array().unwrap().len(), 5);
        assert_eq!(doors.api.get("/mapping-rules").await.is(200).json()["items"][0]["id"], json!(rule));

        // What is to be typed next stands there.
        let command = shown.lines().last().unwrap().trim();
        let words: Vec<&str> = command.strip_prefix("usher ").unwrap().split(' ').collect();
        let without: Vec<&str> = words.iter().copied().take_while(|word| *word != "--changed").collect();
        assert!(without.len() < words.len(), "{command}");
        let said = terminal.refuses(&without);
        assert!(said.contains("12 of them may do less") && said.contains("Nothing was changed"), "{said}");
        let mut others = words.clone();
        let at = others.iter().position(|word| *word == "--fingerprint").unwrap() + 1;
        others[at] = "another";
        assert!(terminal.refuses(&others).contains("since the preview"));
        assert_ne!(doors.access(&people[0]).await["flags"], json!([]));

        let made = terminal.says(&words);
        assert!(
            made.starts_with("Made the changes.") && line(&made, "who may do less:").ends_with("12"),
            "{made}"
        );
        assert_eq!(doors.access(&people[0]).await["flags"], json!([]));
        assert_eq!(doors.api.get("/mapping-rules").await.is(200).json()["items"], Value::Array(Vec::new()));
        assert!(terminal.refuses(&words).contains("no such mapping rule"));

        // And taken back, in the same two steps.
        let id = line(&made, "change set:").split(' ').next_back().unwrap().to_owned();
        let listed = terminal.says(&["change-set", "list", "--tenant", &slug]);
        assert!(listed.lines().nth(1).unwrap().ends_with(&id), "{listed}");
        let shown = terminal.says(&["change-set", "show", "--tenant", &slug, &id]);
        assert!(line(&shown, "undone by:").ends_with('-') && shown.contains("materials.upload"), "{shown}");
        let shown = terminal.says(&["change-set", "undo", "--tenant", &slug, &id]);
        assert!(line(&shown, "who may do more:").ends_with("12"), "{shown}");
        let command = shown.lines().last().unwrap().trim().strip_prefix("usher ").unwrap();
        let back = terminal.says(&command.split(' ').collect::<Vec<_>>());
        assert!(back.starts_with("Took the changes back."), "{back}");
        assert_ne!(doors.access(&people[0]).await["flags"], json!([]));
    });
}

/// What cannot be done is said so instead of a command that would be refused.
#[test]
fn changes_that_would_leave_nobody_to_administer_are_shown_as_refused() {
    run(async {
        let (house, terminal) = (House::of_branches().await, Terminal::new());
        let mina = house.0.user("mina").await;
        house.0.group("admins", &[&mina]).await;
        let rule = house.0.rule(10, json!({"group": "admins"}), flag("admin_flag")).await;
        house.0.rule(20, json!({"group": "admins"}), home("Top")).await;
        let changes = json!({"changes": [{"removeRule": {"id": rule}}]}).to_string();

        let shown = terminal
            .says_to(&["change-set", "preview", "--tenant", &house.0.tenant.slug, "--file", "-"], &changes);

        assert!(
            shown.contains("The changes would be refused: ") && !shown.contains("change-set apply"),
            "{shown}"
        );
        let broken =
            terminal.file("broken.json", "{\"changes\": [{\"removeRules\": {}}]}").display().to_string();
        let said =
            terminal.refuses(&["change-set", "preview", "--tenant", &house.0.tenant.slug, "--file", &broken]);
        assert!(said.contains("removeRules") && said.contains("broken.json"), "{said}");
    });
}
