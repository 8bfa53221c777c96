//! The whole product from outside: one binary, a module a feature.

mod architecture;
mod corrections;
mod crashes;
mod documents;
mod errors;
mod fetch;
mod held;
mod inside;
mod killed;
mod mail;
mod newsroom;
mod nights;
mod outage;
mod outbox;
mod output;
mod plans;
mod poll;
mod posts;
mod relay;
mod running;
mod seed;
mod support;
