//! The doors, address by address. Each file is one address or one story that crosses several.

mod identity_safety;
mod local_people;

mod access;
mod bad_input;
mod credentials;
mod dialects;
mod extensions;
mod filter;
mod groups;
mod large;
mod login;
mod nesting;
mod oauth;
mod paging;
mod plans;
mod roles;
mod seats;
mod sorting;
mod users;
