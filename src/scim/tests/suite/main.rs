//! The crate as its callers see it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod bulk;
mod dialects;
mod differential;
mod filters;
mod fixtures;
mod hostile;
mod messages;
mod model;
mod offered;
mod oracles;
mod patch_model;
mod patches;
mod properties;
mod quotations;
mod resources;
mod schemas;
mod sorts;
