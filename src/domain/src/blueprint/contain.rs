//! Which roles have the rights of which others. Knows the matrix; does not know who holds a role.

use super::{Blueprint, Cell, Role, ScopeKind};

impl Blueprint {
    /// The roles that give no right that this one does not give too, in the order of their ids; the role itself is none
    /// of them. What holds in the whole environment holds at every place in it.
    pub fn contained_in<'a>(&'a self, role: &'a Role) -> impl Iterator<Item = &'a Role> {
        self.roles().filter(move |other| other.id() != role.id() && covers(self, role, other))
    }

    /// The roles that contain this one.
    pub fn containing<'a>(&'a self, role: &'a Role) -> impl Iterator<Item = &'a Role> {
        self.roles().filter(move |other| other.id() != role.id() && covers(self, other, role))
    }
}

/// Two roles of the same rights do not contain each other: the higher rank contains the lower.
fn covers(blueprint: &Blueprint, role: &Role, other: &Role) -> bool {
    let reaches =
        role.can_be_held_at(ScopeKind::Environment) || other.places().all(|it| role.can_be_held_at_a(it));
    let height = |id: &str, level: &str| blueprint.permission(id).and_then(|found| found.height(level));
    let gives = |(id, cell): (&str, &Cell)| match (role.cell(id), cell) {
        (_, Cell::No | Cell::Unspecified) | (Some(Cell::Yes), _) => true,
        (Some(Cell::Level(level)), Cell::Level(lower)) => height(id, level) >= height(id, lower),
        (Some(Cell::Level(level)), Cell::Grantable) => {
            blueprint.permission(id).and_then(|found| found.levels().last()) == Some(level)
        }
        (Some(Cell::Grantable), other) => *other == Cell::Grantable,
        (Some(Cell::If(condition)), Cell::If(same)) => condition == same,
        _ => false,
    };
    reaches && role.rank() > other.rank() && other.cells().all(gives)
}
