//! People of other companies: what they hold, and that they do not see each other.

use serde_json::{Value, json};

use super::grant_rules::{House, allowed_by_none, role};
use crate::support::run;

/// A team with two channels, and somebody of another company in each.
async fn house() -> (House, [String; 2]) {
    let house = House::of("linc_biz").await;
    house.0.unit_of_kind("Team", Some("Top"), Some("team")).await;
    let mut externals = Vec::new();
    for (channel, name) in [("Blue", "Xenia Blue"), ("Green", "Yuri Green")] {
        house.0.unit_of_kind(channel, Some("Team"), Some("channel")).await;
        let new = json!({
            "userName": name, "email": format!("{channel}@partner.example"),
            "gives": [role("external", json!({"orgUnit": channel}))],
        });
        externals.push(house.0.api.post("/users", new).await.is(201).id());
    }
    (house, externals.try_into().unwrap())
}

/// LNC-11, LNC-19, LNC-20
#[test]
fn externals_hold_a_place_in_their_channel_and_do_not_see_that_there_are_others() {
    run(async {
        let (house, [xenia, yuri]) = house().await;
        let asks = async |method: &str, path: &str| house.ask(Some(&xenia), method, path, None).await;

        let access = house.0.access(&xenia).await;
        let places: Vec<&Value> =
            access["permissions"].as_array().unwrap().iter().map(|held| &held["scope"]["key"]).collect();
        assert!(!places.is_empty() && places.iter().all(|key| **key == "Blue"), "{access}");

        for query in [
            "",
            "?search=Yuri",
            "?search=partner",
            "?userName=Yuri%20Green",
            "?role=external",
            "?orgUnit=Green",
        ] {
            let separator = if query.is_empty() { '?' } else { '&' };
            let seen = asks("GET", &format!("/users{query}{separator}total=true")).await.is(200).json();
            assert_eq!((&seen["items"], &seen["total"]), (&json!([]), &json!(0)), "{query}");
        }
        let there = asks("GET", &format!("/users/{yuri}")).await.problem(404, "not_found").json();
        let nobody = "00000000-0000-7000-8000-000000000000";
        let missing = asks("GET", &format!("/users/{nobody}")).await.problem(404, "not_found").json();
        assert_eq!((&there["detail"], &there["code"]), (&missing["detail"], &missing["code"]));
        let sheet = asks("GET", "/users.csv").await;
        assert!(sheet.status == 403 || !sheet.text.contains("Yuri"), "{}", sheet.text);
        let invitations = asks("GET", "/invitations").await.is(200).json();
        assert_eq!(invitations["items"], json!([]));
        // Whom they invite is refused in the same way, whether somebody of that address is there or not.
        for address in ["Green@partner.example", "nobody@partner.example"] {
            let gives = json!([role("member", json!({"orgUnit": "Team"}))]);
            let invite = json!({"address": address, "gives": gives});
            allowed_by_none(house.ask(Some(&xenia), "POST", "/invitations", Some(invite)).await);
        }
    });
}
