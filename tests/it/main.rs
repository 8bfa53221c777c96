//! The whole product from outside: one binary, a module a feature.

mod fetch;
mod mail;
mod newsroom;
