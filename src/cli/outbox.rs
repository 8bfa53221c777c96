//! `newswatch outbox`: mail that is owed or was refused, and what to do with it.
//!
//! Works beside a running daemon, which then does the sending.

use super::output::{Cell, Output, local_time, printable};
use super::{Exit, data_directory, database, hand_over, load, open_desk, open_to_read, runtime};
use crate::config::Config;
use crate::store::{Letter, LetterState, Store, StoreError};
use anyhow::bail;
use chrono::Utc;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, clap::Subcommand)]
pub enum Arguments {
    /// Mail that is owed, and mail that was refused for good
    List {
        /// Also what was sent or dropped
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Try mail again now: what was refused or dropped, or what waits for its next try
    Retry {
        /// Its numbers in the list
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<i64>,
        /// Everything that is owed or was refused
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Give mail up: nobody will get it. Asks for each number once more, on stdin
    Drop {
        /// Its numbers in the list
        #[arg(value_name = "ID", required = true)]
        ids: Vec<i64>,
    },
}

const COLUMNS: [&str; 9] =
    ["id", "state", "created_at", "plan", "recipient", "subject", "tries", "next_try_at", "reason"];

pub fn run(given: &Arguments, config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(config)?;
    match given {
        Arguments::List { all, output } => list(&config, *all, output),
        Arguments::Retry { ids, all } => retry(config, ids, *all),
        Arguments::Drop { ids } => give_up(&config, ids),
    }
}

fn list(config: &Config, all: bool, output: &Output) -> anyhow::Result<Exit> {
    let states: &[_] = if all { &LetterState::ALL } else { &LetterState::UNSENT };
    let rows: Vec<_> = open_to_read(config)?.letters(states)?.iter().map(row).collect();
    output.print(&COLUMNS, &rows)?;
    Ok(if rows.is_empty() { Exit::NothingFound } else { Exit::Ok })
}

fn row(letter: &Letter) -> Vec<Cell> {
    vec![
        Cell::Count(letter.id),
        letter.state.word().into(),
        Cell::Time(Some(letter.created_at)),
        letter.plan.clone().into(),
        letter.recipient.clone().into(),
        letter.subject.clone().into(),
        Cell::Count(letter.tries.into()),
        Cell::Time(letter.next_try_at),
        reason(letter).into(),
    ]
}

/// Why its last try failed, and where what it told is now.
fn reason(letter: &Letter) -> Option<String> {
    let reasons: Vec<String> = letter.reason.iter().cloned().chain(went_on(letter)).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn went_on(letter: &Letter) -> Option<String> {
    let parts: Vec<String> = letter.parts.iter().map(i64::to_string).collect();
    match parts.as_slice() {
        [] => None,
        [one] => Some(format!("it went on as mail {one}")),
        _ => Some(format!("it went on in parts, mails {}", parts.join(", "))),
    }
}

/// The letters with these numbers.
fn chosen(store: &Store, ids: &[i64]) -> anyhow::Result<Vec<Letter>> {
    let letters = store.letters(&LetterState::ALL)?;
    let find = |id: &i64| match letters.iter().find(|letter| letter.id == *id) {
        Some(letter) => Ok(letter.clone()),
        None => bail!("no mail has the number {id}; `newswatch outbox list --all` shows them"),
    };
    ids.iter().map(find).collect()
}

/// Makes the mail due, and sends it where no daemon is there to do so.
fn retry(config: Config, ids: &[i64], all: bool) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    let _inside = runtime.enter();
    // Reading first: a number that does not exist changes nothing.
    let store = open_to_read(&config)?;
    let letters = if all { store.letters(&LetterState::UNSENT)? } else { chosen(&store, ids)? };
    drop(store);
    if let Some(letter) = letters.iter().find(|letter| letter.state == LetterState::Sent) {
        bail!("mail {} was sent already, so it is not sent again", letter.id);
    }
    if let Some((letter, went_on)) = letters.iter().find_map(|letter| Some((letter, went_on(letter)?))) {
        bail!("mail {} was too large, so it is not sent again: {went_on}", letter.id);
    }
    let due: Vec<i64> = letters.iter().map(|letter| letter.id).collect();
    if due.is_empty() {
        eprintln!("newswatch: no mail is owed or refused");
        return Ok(Exit::NothingFound);
    }
    let path = database(&data_directory(&config));
    match open_desk(config) {
        Ok((_claim, desk)) => {
            desk.store.retry(&due, Utc::now())?;
            runtime.block_on(hand_over(&Arc::new(desk)))
        }
        Err(error) => match error.downcast_ref() {
            Some(StoreError::Claimed { pid, .. }) => {
                Store::open(&path)?.retry(&due, Utc::now())?;
                eprintln!("newswatch: process {pid} tries {} within seconds", mails(due.len()));
                Ok(Exit::Ok)
            }
            _ => Err(error),
        },
    }
}

fn mails(count: usize) -> String {
    if count == 1 { "one mail".into() } else { format!("{count} mails") }
}

/// Drops each mail whose number is said once more.
fn give_up(config: &Config, ids: &[i64]) -> anyhow::Result<Exit> {
    let letters = chosen(&open_to_read(config)?, ids)?;
    if let Some(letter) = letters.iter().find(|letter| !LetterState::UNSENT.contains(&letter.state)) {
        bail!("mail {} is {}: there is nothing to drop", letter.id, letter.state.word());
    }
    let store = Store::open(&database(&data_directory(config)))?;
    let mut answers = io::stdin().lock().lines();
    let mut exit = Exit::Ok;
    for letter in letters {
        ask(&letter)?;
        let answer = answers.next().transpose()?.unwrap_or_default();
        if answer.trim().parse() != Ok(letter.id) {
            eprintln!("newswatch: mail {} stays", letter.id);
            exit = Exit::Failed;
        } else if store.drop_letter(letter.id, Utc::now())? {
            eprintln!("newswatch: mail {} is dropped; `newswatch outbox retry {0}` undoes that", letter.id);
        } else {
            eprintln!("newswatch: mail {} was sent in the meantime", letter.id);
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

fn ask(letter: &Letter) -> io::Result<()> {
    let Letter { id, recipient, subject, created_at, .. } = letter;
    let mut err = io::stderr().lock();
    writeln!(err, "to {recipient}, of {}: {}", local_time(*created_at), printable(subject))?;
    write!(err, "They will not be told of this. Type {id} to drop it: ")?;
    err.flush()
}
