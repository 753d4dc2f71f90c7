//! Tenants and what their administrators set up: organisation, workspaces, mapping rules, seats; and the audit trail.

mod audit_events;
mod mapping_rules;
mod organisation;
mod people;
mod registry;
mod seat_pool;

pub use audit_events::{AuditEventView, AuditQuery};
pub use mapping_rules::{MappingRuleView, NewMappingRule, RuleMatch, RuleOutcome, RuleScope};
pub use organisation::{NewOrgUnit, NewWorkspace, OrgUnitView, WorkspaceView};
pub use people::PersonView;
pub use registry::{NewTenant, TenantView};
pub(crate) use registry::{display_name, slug};
pub use seat_pool::{SeatLimit, SeatPoolView, SetSeatPool, WaiterView};
