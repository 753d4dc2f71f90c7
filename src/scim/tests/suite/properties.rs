//! What holds for any input.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use scim::filter::Filter;
use scim::{schema, text};
use serde_json::Value;

use super::{model, oracles};

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "[A-C]", Just("é\"\\".to_owned())]
}

/// A well-formed comparison of a user's attributes.
fn comparison(inside: bool) -> BoxedStrategy<String> {
    let names: &[&str] = if inside {
        &["type", "value", "display"]
    } else {
        &[
            "userName",
            "name.givenName",
            "emails.type",
            "emails",
            "externalId",
            "meta.version",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        ]
    };
    let name = proptest::sample::select(names.to_vec());
    let op = proptest::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    let compare = (name.clone(), op, word())
        .prop_map(|(name, op, literal)| format!("{name} {op} {}", Value::from(literal)));
    let more = if inside { "primary eq true" } else { "meta.created ge \"2011-05-13T04:42:34.5Z\"" };
    prop_oneof![4 => compare, 1 => name.prop_map(|name| format!("{name} pr")), 1 => Just(more.to_owned())]
        .boxed()
}

fn filter(inside: bool) -> BoxedStrategy<String> {
    let leaf = if inside {
        comparison(true)
    } else {
        prop_oneof![3 => comparison(false), 1 => filter(true).prop_map(|inner| format!("emails[{inner}]"))]
            .boxed()
    };
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
    .boxed()
}

proptest! {
    #[test]
    fn a_printed_filter_reads_back_as_itself(source in filter(false)) {
        let filter = Filter::parse(&schema::user(), &source).unwrap();
        let again = Filter::parse(&schema::user(), &filter.to_string()).unwrap();
        prop_assert_eq!(again, filter);
    }

    #[test]
    fn not_turns_every_answer_around(source in filter(false)) {
        oracles::filter(source.as_bytes());
        oracles::filter(format!("not ({source})").as_bytes());
    }

    /// Behaviours 13, 14 and 34.
    #[test]
    fn whatever_text_arrives_each_reader_keeps_its_promises(source in "\\PC{0,60}") {
        oracles::filter(source.as_bytes());
        oracles::path(source.as_bytes());
        oracles::json(source.as_bytes());
        oracles::patch(source.as_bytes());
    }

    #[test]
    fn whatever_is_almost_a_filter_keeps_the_promises(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        oracles::filter(model::text::filter(&bytes).as_bytes());
        oracles::path(model::text::path(&bytes).as_bytes());
    }

    #[test]
    fn whatever_bytes_arrive_are_json_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        oracles::json(&bytes);
    }

    #[test]
    fn folding_twice_is_folding_once(source in "\\PC{0,20}") {
        let once = text::fold(&source);
        prop_assert_eq!(text::fold(&once), once);
    }
}

type Holds = fn(&[u8]);

/// Behaviours 24 and 34, and whatever the fuzzer finds next.
#[test]
fn what_the_fuzzer_found_stays_mended() {
    let findings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/findings");
    let targets: [(&str, Holds); 5] = [
        ("filter", oracles::filter),
        ("path", oracles::path),
        ("json", oracles::json),
        ("patch", oracles::patch),
        ("model", oracles::model),
    ];
    let mut replayed = 0;

    for (target, holds) in targets {
        for entry in fs::read_dir(findings.join(target)).into_iter().flatten() {
            holds(&fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
    }

    assert!(replayed >= 5, "findings have been lost: {replayed}");
}
