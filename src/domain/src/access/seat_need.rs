//! Which seat somebody needs. Knows classes of seats, roles and what was given; does not know whether a seat is free.

use serde::{Deserialize, Serialize};

use super::evaluate::Roles;
use super::{EffectiveAccess, Reason};
use crate::blueprint::{Blueprint, SeatClass};

/// The seat that somebody needs, where it is not just any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatAccess {
    /// Its class; none if they need no seat.
    pub class: Option<String>,
    /// Why.
    pub reasons: Vec<Reason>,
}

impl EffectiveAccess {
    /// The class of the seat that somebody needs, as it is stored: empty if it is just any, none if they need no seat.
    pub fn seat_class(&self) -> Option<&str> {
        self.seat.as_ref().map_or(Some(""), |seat| seat.class.as_deref())
    }
}

/// A class of seats that was given, with what speaks for it.
pub(super) type Given = Option<(String, Vec<Reason>)>;

/// The seat that somebody with these roles needs: of the class that was given to them, else of the first that one of their roles needs.
/// `None` is any seat: the product tells none from another, or they have no role, or one that the product puts into no class.
pub(super) fn seat_needed(blueprint: &Blueprint, roles: &Roles<'_>, given: Given) -> Option<SeatAccess> {
    let classes = blueprint.seat_classes();
    let paid = |class: &SeatClass| (!blueprint.is_free(class)).then(|| class.id().to_owned());
    if let Some((id, reasons)) = given {
        let class = classes.iter().find(|class| class.id() == id)?;
        return Some(SeatAccess { class: paid(class), reasons });
    }
    let held: Vec<&str> = roles.values().map(|(role, _)| role.id()).collect();
    let is_classed = |role: &&str| classes.iter().any(|class| class.is_for(role));
    if held.is_empty() || !held.iter().all(is_classed) {
        return None;
    }
    let needed = |class: &&SeatClass| held.iter().any(|role| class.is_for(role));
    // One that is paid for comes before one that is not.
    let (free, paid_for): (Vec<_>, Vec<_>) =
        classes.iter().filter(needed).partition(|it| blueprint.is_free(it));
    let class = paid_for.into_iter().chain(free).next()?;
    let mut reasons = Vec::new();
    for role in held.iter().filter(|role| class.is_for(role)) {
        super::gather::add(&mut reasons, [Reason::FromRole { role: (*role).to_owned() }]);
    }
    Some(SeatAccess { class: paid(class), reasons })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Facts, What, evaluate};
    use crate::blueprint::catalog;
    use crate::fixture::{grant, in_group, member_of, person, policy, rule};
    use crate::mapping::{Outcome, ScopeRef};

    fn product(id: &str) -> std::sync::Arc<Blueprint> {
        let (_, text) = catalog().iter().find(|(known, _)| *known == id).unwrap();
        std::sync::Arc::new(Blueprint::parse(text).unwrap())
    }

    fn role(role: &str) -> Outcome {
        Outcome::Role { role: role.to_owned(), scope: ScopeRef::Environment, restrictions: Vec::new() }
    }

    fn of_class(class: &str) -> Outcome {
        Outcome::SeatClass { class: class.to_owned() }
    }

    fn class_of(product: &std::sync::Arc<Blueprint>, gives: &[Outcome]) -> Option<SeatAccess> {
        let grants = gives.iter().zip(1..).map(|(what, number)| grant(number, what.clone()));
        let facts = Facts { local_grants: grants.collect(), ..person() };
        evaluate(&policy(std::sync::Arc::clone(product), Vec::new()), &facts).seat
    }

    #[test]
    fn a_role_needs_a_seat_of_its_class_and_one_that_is_not_paid_for_needs_none() {
        let momos = product("momos");

        let nothing = class_of(&momos, &[]).unwrap();
        assert_eq!(
            (nothing.class, nothing.reasons),
            (None, vec![Reason::FromRole { role: "none".to_owned() }])
        );
        assert_eq!(class_of(&momos, &[role("viewer")]).unwrap().class.as_deref(), Some("user"));
        let linc = product("linc_biz");
        assert_eq!(class_of(&linc, &[role("system_admin")]).unwrap().class.as_deref(), Some("member"));
    }

    #[test]
    fn where_seats_are_not_told_from_each_other_everybody_needs_one_of_them() {
        for id in ["bellface", "channel_talk", "respond_io"] {
            assert_eq!(class_of(&product(id), &[]), None, "{id}");
            assert_eq!(class_of(&product(id), &[of_class("user")]), None, "{id}");
        }
    }

    #[test]
    fn what_was_given_comes_before_what_roles_need_and_the_first_of_several_counts() {
        let linc = product("linc_biz");
        let rules = vec![
            rule(1, 20, in_group("light"), of_class("external")),
            rule(2, 10, in_group("full"), of_class("member")),
            rule(3, 30, in_group("odd"), of_class("golden")),
        ];
        let policy = policy(linc, rules);
        let facts = |groups: &[&str]| groups.iter().fold(person(), |person, group| member_of(person, group));

        let light = evaluate(&policy, &facts(&["light"]));
        assert_eq!(light.seat.unwrap().class.as_deref(), Some("external"));
        let both = evaluate(&policy, &facts(&["light", "full"]));
        assert_eq!(both.seat.unwrap().class.as_deref(), Some("member"));
        let lost = both.dropped.iter().find(|it| it.what == What::SeatClass).unwrap();
        assert_eq!(lost.id, "external");
        assert!(lost.reasons.contains(&Reason::Outranked { by: "member".to_owned() }));
        let odd = evaluate(&policy, &facts(&["odd"]));
        assert_eq!(odd.dropped[0].id, "golden");
        let by_hand = Facts { local_grants: vec![grant(1, of_class("external"))], ..facts(&["full"]) };
        assert_eq!(evaluate(&policy, &by_hand).seat.unwrap().class.as_deref(), Some("external"));
    }
}
