//! The only room that speaks SQL. Knows tables, transactions and the tenant barrier; does not know HTTP or how
//! anybody signs in.
//!
//! | to | go through |
//! |---|---|
//! | read or write rows of a tenant | [`Db::read`] / [`Db::begin`] with a [`Scope`], then the functions of one module per table family |
//! | get a [`Scope`] | [`Db::authenticate`], [`Db::session`], [`Db::enter`]: never from an id in an address |
//! | reach the few tables without a tenant | [`Db::global`] |
//! | write at all | [`WriteTx::commit`], which wants an audit: an unaudited write does not compile |

pub mod access;
pub mod adoption;
pub mod advisory;
mod announced;
pub mod app_grants;
pub mod app_rsa_keys;
pub mod apps;
pub mod audit;
pub mod bulk_jobs;
pub mod change_sets;
pub mod changes;
pub mod connections;
mod connector;
pub mod credentials;
mod db;
pub mod deliveries;
pub mod devices;
pub mod dialects;
pub mod directories;
pub mod domains;
mod error;
pub mod everything;
pub mod extensions;
pub mod external_requests;
mod filter_sql;
pub mod gates;
pub mod grants;
pub mod groups;
pub mod guards;
pub mod handovers;
pub mod holdings;
pub mod identities;
pub mod invitation_links;
pub mod invitations;
mod json_text;
mod keys;
mod link;
pub mod listing;
pub mod login_flows;
pub mod members;
pub mod memberships;
pub mod migrate;
pub mod nesting;
pub mod newcomers;
pub mod oauth_clients;
pub mod operators;
pub mod org;
pub mod passkeys;
pub mod pending;
pub mod people;
mod pipeline;
pub mod receivers;
pub mod reevaluations;
mod rehearsal;
pub mod requests;
pub mod roles;
pub mod rules;
pub mod saml;
mod schema;
mod scope;
pub mod seat_books;
pub mod seat_pools;
pub mod seats;
pub mod sessions;
pub mod signals;
mod statement;
pub mod tenants;
pub mod token_issuers;
pub mod tombstones;
pub mod traffic;
pub mod transmitters;
pub mod trials;
mod tx;
pub mod users;
pub mod words;
mod workers;

pub use announced::Announced;
pub use db::{Db, DbOptions};
pub use error::{Conflict, StoreError};
pub use rehearsal::{Rehearsal, Rehearsed};
pub use scope::{AdminScope, DirectoryScope, Scope};
pub use sessions::LiveSession;
pub use tx::{GlobalTx, ReadTx, Reads, WriteTx};
