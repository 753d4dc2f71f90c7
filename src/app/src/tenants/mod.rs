//! Tenants and what their administrators set up: organisation, workspaces, mapping rules, seats; and the audit trail.

mod audit_events;
mod mapping_rules;
mod organisation;
mod people;
mod seat_pool;
mod tenants;

pub use audit_events::{AuditEventView, AuditQuery};
pub use mapping_rules::{MappingRuleView, NewMappingRule, RuleMatch, RuleOutcome, RuleScope};
pub use organisation::{NewOrgUnit, NewWorkspace, OrgUnitView, WorkspaceView};
pub use people::PersonView;
pub use seat_pool::{SeatLimit, SeatPoolView, SetSeatPool, WaiterView};
pub use tenants::{NewTenant, TenantView};
pub(crate) use tenants::{display_name, slug};
