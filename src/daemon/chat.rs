//! Notes handed to chat services, through the guard of `fetch`.
//!
//! Invariant: an address is read from the list when a note is sent and kept nowhere,
//! so that none stands in the database, and a token which is changed in that file counts
//! at once. A systemd credential is a copy, which only a restart makes anew.
//! What `post` makes of an answer holds here too.

use super::{Desk, off_thread, post};
use crate::chat::{self, Address, List, Method};
use crate::config::{Config, ConfigError, Problem};
use crate::digest::Note;
use crate::fetch::guard::Guard;
use crate::fetch::{Answer, Fetcher, NamedBy, Verb};
use crate::mail::{self, Delivery, MailError, STEP_OF_OURS};
use crate::store::OutboxRow;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// The list of chats, with what is wrong with it; nothing where none is named.
///
/// # Errors
/// It cannot be read.
pub fn list(config: &Config) -> Result<Option<(List, Vec<Problem>)>, MailError> {
    let Some(text) = config.chat_urls.as_ref().map(mail::reveal).transpose()? else { return Ok(None) };
    let (list, wrong) = List::parse(&text);
    let problem =
        |wrong: chat::Wrong| Problem { line: wrong.line, column: wrong.column, message: wrong.message };
    Ok(Some((list, wrong.into_iter().map(problem).collect())))
}

/// Checks the list, and that it has every chat that the configuration names at an
/// address that may be asked.
///
/// # Errors
/// Everything wrong with the list, else with what it has under the names.
pub fn check((list, problems): &(List, Vec<Problem>), config: &Config) -> Result<(), ConfigError> {
    if !problems.is_empty() {
        let path = config.chat_urls.as_ref().map(mail::whence).unwrap_or_default();
        return Err(ConfigError { path, problems: problems.clone() });
    }
    let guard = Guard::new(&config.daemon.private_hosts);
    let refused = config.chats.iter().filter_map(|chat| {
        let refusal = guard.read(&list.find(&chat.name)?.origin(), NamedBy::Config).err()?;
        let message = format!("`{}` cannot be told: {refusal}", chat.name);
        Some(Problem { line: chat.line, column: chat.column, message })
    });
    let problems: Vec<Problem> = config.unknown_chats(list).into_iter().chain(refused).collect();
    if problems.is_empty() { Ok(()) } else { Err(ConfigError { path: config.path.clone(), problems }) }
}

/// Hands one row over; with the step at which it fails.
pub(super) async fn send(desk: &Arc<Desk>, row: &OutboxRow, now: DateTime<Utc>) -> (Delivery, &'static str) {
    let ours = |reason| (Delivery::Deferred(reason), STEP_OF_OURS);
    let name = chat::name(&row.recipient).unwrap_or_default().to_owned();
    let reader = desk.clone();
    let list = match off_thread(move || list(&reader.config)).await {
        Ok(list) => list.map(|(list, _)| list).unwrap_or_default(),
        Err(error) => return ours(format!("list: {error}")),
    };
    let Some(address) = list.find(&name) else {
        return ours(format!("list: the list of `[chat]` has no good line for `{name}` any more"));
    };
    let Some(note) = Note::of_json(&row.wire) else {
        return (Delivery::Refused("list: this is no note; please report it".into()), post::STEP);
    };
    let told = tell(&desk.fetcher, address, &note, &row.message_id, now).await;
    (told.delivery, told.step)
}

/// What became of a note.
pub struct Told {
    pub delivery: Delivery,
    /// Where it failed, if it did.
    pub step: &'static str,
    /// What was answered.
    pub status: Option<u16>,
}

/// Tells one note.
pub async fn tell(
    fetcher: &Fetcher,
    address: &Address,
    note: &Note,
    message_id: &str,
    now: DateTime<Utc>,
) -> Told {
    let request = chat::request(address, note, message_id);
    let verb = match request.method {
        Method::Post => Verb::Post,
        Method::Put => Verb::Put,
    };
    let answer = fetcher.hand(verb, &request.url, &request.headers, request.body).await;
    let answer =
        answer.map(|answer| Answer { wait: answer.wait.or_else(|| chat::wait(&answer.text)), ..answer });
    let status = answer.as_ref().ok().map(|answer| answer.status);
    let (delivery, step) = post::verdict(answer, now, |answer| chat::said(address, &answer.text));
    Told { delivery, step, status }
}
