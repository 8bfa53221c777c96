//! The whole product from outside: one binary, a module a feature.

mod architecture;
mod documents;
mod errors;
mod false_alarms;
mod fetch;
mod history;
mod killed;
mod mail;
mod newsroom;
mod outage;
mod output;
mod poll;
mod running;
mod seed;
mod support;
mod watchlist;
