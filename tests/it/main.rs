//! The whole product from outside: one binary, a module a feature.

mod architecture;
mod corrections;
mod crashes;
mod documents;
mod errors;
mod false_alarms;
mod fetch;
mod held;
mod history;
mod inside;
mod killed;
mod lives;
mod mail;
mod newsroom;
mod nights;
mod outage;
mod outbox;
mod output;
mod plans;
mod poll;
mod relay;
mod running;
mod seed;
mod sources;
mod support;
mod watchlist;
