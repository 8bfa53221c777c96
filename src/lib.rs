//! newswatch: watches news sources for what must not be missed.

// pure: what we know
pub mod schedule;
pub mod feed;
pub mod page;
pub mod health;
pub mod extract;
pub mod story;
pub mod watch;
pub mod digest;
pub mod chat;

// edge: what we touch
pub mod crash;
pub mod config;
pub mod fetch;
pub mod store;
pub mod mail;
pub mod web;

// top: what runs
pub mod daemon;
pub mod newsroom;
pub mod cli;
