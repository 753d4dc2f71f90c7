//! The doors, address by address. Each file is one address or one story that crosses several.

mod access;
mod adoption;
mod bad_input;
mod credentials;
mod dialects;
mod domains;
mod extensions;
mod filter;
mod groups;
mod guards;
mod identity_safety;
mod large;
mod local_people;
mod login;
mod memberships;
mod nesting;
mod oauth;
mod paging;
mod pending;
mod plans;
mod requests;
mod roles;
mod seats;
mod sorting;
mod users;
