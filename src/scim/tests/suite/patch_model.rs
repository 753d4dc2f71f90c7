//! The PATCH engine held to the model, and what holds for every PATCH. Knows both; does not know how either works.
//!
//! `PROPTEST_CASES=312500` makes five million requests of it: this property is asked sixteen times as often as others.

use proptest::prelude::*;
use scim::dialect::{Dialect, Leniency};
use scim::resource::Resource;

use super::model::{self, Operation, Scenario};
use super::oracles::{self, given, patched, rendered, told};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..160)
}

fn often() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.saturating_mul(16), ..usual }
}

proptest! {
    #![proptest_config(often())]

    /// Behaviours 51, 53, 54, 59, 61 and 65.
    #[test]
    fn the_engine_does_what_the_model_does(bytes in bytes()) {
        oracles::model(&bytes);
    }
}

proptest! {
    /// Behaviours 48 and 62.
    #[test]
    fn what_is_put_back_as_it_was_read_changes_nothing(bytes in bytes()) {
        let scenario = Scenario::of(&bytes);
        let of = &scenario.resource_type;
        let before = given(&scenario);
        let after = patched(of, &before, scenario.request(), &Dialect::strict()).unwrap_or(before);
        let current = Resource::from_stored(after.doc.clone());

        let mut put = Resource::for_replace(of, rendered(of, &after), &current, &Dialect::strict()).unwrap();

        let members = put.take_members().unwrap();
        prop_assert_eq!(put, current);
        let ids = members.map(|members| members.into_iter().map(|member| member.value).collect::<Vec<_>>());
        if !after.members.is_empty() && of.attribute("members").is_some() {
            let expected: Vec<&str> = after.members.iter().filter_map(|member| member["value"].as_str()).collect();
            prop_assert_eq!(ids.unwrap(), expected);
        }
    }

    /// Whatever is tolerated, what comes out is valid by the strictest reading.
    #[test]
    fn a_patch_never_makes_an_invalid_resource(bytes in bytes()) {
        let scenario = Scenario::of(&bytes);
        let (of, before) = (&scenario.resource_type, given(&scenario));

        let after = patched(of, &before, scenario.request(), &Dialect::with(Leniency::ALL));

        if let Ok(after) = after {
            let current = Resource::from_stored(after.doc.clone());
            let again = Resource::for_replace(of, rendered(of, &after), &current, &Dialect::strict());
            prop_assert_eq!(again.map(Resource::into_map), Ok(after.doc));
        }
    }

    /// Behaviour 62: what a filter does not choose anew is there or gone after the first time.
    #[test]
    fn an_operation_without_a_filter_does_nothing_the_second_time(bytes in bytes()) {
        let scenario = Scenario::of(&bytes);
        let (of, before) = (&scenario.resource_type, given(&scenario));
        for operation in scenario.operations.iter().filter(|operation| !has_filter(operation)) {
            let request = model::request(std::slice::from_ref(operation));
            let Ok(once) = patched(of, &before, request.clone(), &Dialect::strict()) else { continue };

            let twice = patched(of, &once, request, &Dialect::strict());

            prop_assert_eq!(twice.map(|state| told(&state)), Ok(told(&once)), "{}", operation.sent);
        }
    }

    /// Behaviour 51: a request is its operations in their order, and all of them or none.
    #[test]
    fn operations_one_by_one_end_as_all_at_once(bytes in bytes()) {
        let scenario = Scenario::of(&bytes);
        let (of, before) = (&scenario.resource_type, given(&scenario));
        let each = scenario.operations.iter().map(|operation| model::request(std::slice::from_ref(operation)));

        let one_by_one =
            each.into_iter().try_fold(before.clone(), |state, body| patched(of, &state, body, &Dialect::strict()));

        if let Ok(ended) = one_by_one {
            let at_once = patched(of, &before, scenario.request(), &Dialect::strict());
            prop_assert_eq!(at_once.map(|state| told(&state)), Ok(told(&ended)));
        }
    }
}

fn has_filter(operation: &Operation) -> bool {
    operation.sent["path"].as_str().is_some_and(|path| path.contains('['))
}

/// If most requests were refused, little would be proved.
#[test]
fn most_operations_that_are_made_up_are_carried_out() {
    let mut counts = (0, 0, 0);
    let mut seed: u64 = 7;
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..120)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                seed.to_be_bytes()[0]
            })
            .collect();
        let scenario = Scenario::of(&bytes);
        let before = given(&scenario);
        for operation in &scenario.operations {
            let one = model::request(std::slice::from_ref(operation));
            match patched(&scenario.resource_type, &before, one, &Dialect::strict()) {
                Ok(after) if after != before => counts.0 += 1,
                Ok(_) => counts.1 += 1,
                Err(_) => counts.2 += 1,
            }
        }
    }

    let (changed, unchanged, refused) = counts;
    assert!(changed > refused / 2 && changed > unchanged, "{counts:?}");
}
