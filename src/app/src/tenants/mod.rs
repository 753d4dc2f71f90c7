//! Tenants and what their administrators set up: organisation, workspaces, mapping rules, seats; and the audit trail.

mod audit_events;
mod change_sets;
mod mapping_rules;
mod organisation;
mod registry;
mod roles;
mod schema_extensions;
mod seat_books;
mod seat_pool;

pub use audit_events::{AuditEventView, AuditQuery};
pub use change_sets::{
    ApplyChanges, ChangeSetView, Confirmation, MadeView, OutcomeView, PersonOutcome, PreviewView,
    ProposeChanges, ProposedChange, SeatsView, UndoChanges,
};
pub use mapping_rules::{
    ChangeMappingRule, MappingRuleView, NewMappingRule, RuleMatch, RuleOutcome, RuleScope,
};
pub(crate) use mapping_rules::{gives, outcome, scope_ref, scope_view};
pub use organisation::{ChangeOrgUnit, NewOrgUnit, NewWorkspace, OrgUnitView, WorkspaceView};
pub use registry::{NewTenant, TenantView};
pub(crate) use registry::{display_name, slug};
pub use roles::{ChangeRole, NewRole, RoleName, RoleOrigin, RoleView};
pub(crate) use schema_extensions::read as read_extension;
pub use schema_extensions::{
    AttributeDeclaration, DeclareExtension, DeclaredMutability, DeclaredReturned, DeclaredType,
    DeclaredUniqueness, ExtendedType, ExtensionView,
};
pub use seat_books::{
    SeatCheckView, SeatDifferenceView, SeatLedgerLineView, SeatMomentView, SeatMonthView, SeatMonthsQuery,
};
pub use seat_pool::{
    SeatChoiceView, SeatDoors, SeatLimit, SeatOfView, SeatPoolView, SetSeatPool, WaiterView,
};
