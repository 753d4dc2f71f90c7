//! The last gate: who may use what they have. Knows seats; does not know how access came about.
//!
//! It stands apart from the evaluation so that access can be stored without it and passed through it whenever it is
//! read: a seat that goes from one person to another then changes nobody's stored access, and nobody reads an old seat.

use super::gather::add;
use super::{AccessStatus, Dropped, EffectiveAccess, Reason, RoleAccess, Scope, What};
use crate::seat::SeatState;

impl EffectiveAccess {
    /// The same access for somebody whose seat is this. Whoever holds one, or needs none, keeps everything; anybody
    /// else keeps their home, and the roles and flags that a seat would bring are listed as dropped.
    #[must_use]
    pub fn behind_seat_gate(mut self, seat: SeatState) -> Self {
        if self.status != AccessStatus::Granted {
            return self;
        }
        let (status, reason) = match seat {
            SeatState::Held => (AccessStatus::Granted, Reason::SeatHeld),
            SeatState::NotNeeded => (AccessStatus::Granted, Reason::SeatNotNeeded),
            SeatState::Waiting { position } => {
                (AccessStatus::WaitingForSeat { position }, Reason::WaitingForSeat { position })
            }
            SeatState::Refused => (AccessStatus::NoSeat, Reason::NoSeat),
        };
        self.status = status;
        self.reasons = vec![Reason::Active, reason.clone()];
        if status != AccessStatus::Granted {
            self.suspend(&reason);
        }
        self
    }

    /// The same access for somebody who waits for a seat and is in meanwhile, with this role, which needs none and gives nothing by
    /// itself. The rest of what they have is listed as dropped.
    #[must_use]
    pub fn meanwhile(mut self, role: &str, position: u32) -> Self {
        if self.status != AccessStatus::Granted {
            return self;
        }
        let reason = Reason::Meanwhile { position };
        let (mut kept, others) = self.roles.drain(..).partition::<Vec<_>, _>(|held| held.role == role);
        self.roles = others;
        self.suspend(&Reason::WaitingForSeat { position });
        if kept.is_empty() {
            let (role, scope) = (role.to_owned(), Scope::Environment);
            kept.push(RoleAccess { role, scope, level: None, reasons: vec![reason.clone()] });
        }
        self.roles = kept;
        self.reasons = vec![Reason::Active, reason];
        self
    }

    /// The same access for somebody who was invited and has not accepted: what they will hold is listed as dropped.
    #[must_use]
    pub fn until_accepted(mut self) -> Self {
        if matches!(self.status, AccessStatus::Inactive | AccessStatus::Blocked) {
            return self;
        }
        self.status = AccessStatus::Invited;
        self.reasons = vec![Reason::Active, Reason::Invited];
        self.suspend(&Reason::Invited);
        self
    }

    /// The same access for somebody who is blocked: nothing of it, for these reasons.
    pub(super) fn blocked(mut self, by: Vec<Reason>) -> Self {
        self.status = AccessStatus::Blocked;
        self.reasons = vec![Reason::Active, Reason::Blocked];
        add(&mut self.reasons, by);
        self.suspend(&Reason::Blocked);
        self
    }

    fn suspend(&mut self, why: &Reason) {
        self.permissions.clear();
        self.restrictions.clear();
        let roles =
            std::mem::take(&mut self.roles).into_iter().map(|it| (What::Role, it.role, it.scope, it.reasons));
        let flags =
            std::mem::take(&mut self.flags).into_iter().map(|it| (What::Flag, it.flag, it.scope, it.reasons));
        for (what, id, scope, mut reasons) in roles.chain(flags) {
            reasons.push(why.clone());
            let scope = Some(scope);
            // It may be listed already, for another reason than the seat.
            match self.dropped.iter_mut().find(|it| (it.what, &it.id, &it.scope) == (what, &id, &scope)) {
                Some(listed) => add(&mut listed.reasons, reasons),
                None => self.dropped.push(Dropped { what, id, scope, reasons }),
            }
        }
        self.dropped.sort_by(|a, b| (a.what, &a.id, &a.scope).cmp(&(b.what, &b.id, &b.scope)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::access::FlagAccess;

    fn access() -> EffectiveAccess {
        EffectiveAccess {
            status: AccessStatus::Granted,
            home: None,
            flags: vec![FlagAccess {
                flag: "a".to_owned(),
                scope: Scope::Environment,
                obligations: Vec::new(),
                reasons: vec![Reason::Default],
            }],
            roles: Vec::new(),
            permissions: Vec::new(),
            restrictions: Vec::new(),
            seat: None,
            dropped: Vec::new(),
            reasons: vec![Reason::Active, Reason::SeatNotNeeded],
        }
    }

    #[test]
    fn whoever_waits_holds_nothing_and_sees_what_a_seat_would_bring() {
        let waiting = access().behind_seat_gate(SeatState::Waiting { position: 2 });

        assert_eq!(waiting.status, AccessStatus::WaitingForSeat { position: 2 });
        assert!(waiting.flags.is_empty());
        assert_eq!(waiting.dropped.len(), 1);
        assert_eq!(waiting.reasons, [Reason::Active, Reason::WaitingForSeat { position: 2 }]);
    }

    #[test]
    fn what_was_dropped_before_is_listed_once_with_both_reasons() {
        let mut access = access();
        access.dropped.push(Dropped {
            what: What::Flag,
            id: "a".to_owned(),
            scope: Some(Scope::Environment),
            reasons: vec![Reason::ScopeGone],
        });

        let refused = access.behind_seat_gate(SeatState::Refused);

        assert_eq!(refused.dropped.len(), 1);
        assert_eq!(refused.dropped[0].reasons, [Reason::ScopeGone, Reason::Default, Reason::NoSeat]);
    }

    #[test]
    fn whoever_is_in_without_a_seat_has_one_role_and_nothing_of_what_a_seat_would_bring() {
        let meanwhile = access().meanwhile("none", 2);

        assert_eq!(meanwhile.status, AccessStatus::Granted);
        assert_eq!(meanwhile.reasons, [Reason::Active, Reason::Meanwhile { position: 2 }]);
        let [held] = meanwhile.roles.as_slice() else { panic!("one role") };
        assert_eq!((held.role.as_str(), &held.scope), ("none", &Scope::Environment));
        assert!(meanwhile.flags.is_empty() && meanwhile.permissions.is_empty());
        assert_eq!(meanwhile.dropped.len(), 1);
        // It is theirs anyway, and for the reason that it was.
        assert_eq!(meanwhile.clone().meanwhile("none", 3).roles, meanwhile.roles);
        let inactive = EffectiveAccess { status: AccessStatus::Inactive, ..access() };
        assert_eq!(inactive.clone().meanwhile("none", 1), inactive);
    }

    #[test]
    fn the_inactive_stay_inactive_whatever_their_seat() {
        let inactive = EffectiveAccess { status: AccessStatus::Inactive, ..access() };

        assert_eq!(inactive.clone().behind_seat_gate(SeatState::Held), inactive);
    }

    #[test]
    fn whoever_has_not_accepted_holds_nothing_whatever_their_seat() {
        for seat in [SeatState::Held, SeatState::Waiting { position: 1 }, SeatState::NotNeeded] {
            let invited = access().behind_seat_gate(seat).until_accepted();

            assert_eq!(invited.status, AccessStatus::Invited);
            assert!(invited.flags.is_empty() && invited.permissions.is_empty() && invited.roles.is_empty());
            assert_eq!(invited.dropped.len(), 1);
        }
        let inactive = EffectiveAccess { status: AccessStatus::Inactive, ..access() };
        assert_eq!(inactive.clone().until_accepted(), inactive);
    }

    proptest! {
        #[test]
        fn only_a_seat_or_no_need_of_one_opens_the_gate(position in any::<u32>()) {
            for seat in [SeatState::Waiting { position }, SeatState::Refused] {
                prop_assert!(access().behind_seat_gate(seat).flags.is_empty());
            }
            for seat in [SeatState::Held, SeatState::NotNeeded] {
                prop_assert_eq!(access().behind_seat_gate(seat).flags, access().flags);
            }
        }
    }
}
