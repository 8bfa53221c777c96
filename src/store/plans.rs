//! Plans by the names they have, and had.
//!
//! Invariant: a plan that is given another name keeps all it had under the old one:
//! what waits, what was told, and who left. It is taken for the same where it appears
//! in the reading of the configuration in which the other is gone, and both tell one
//! of the same people.

use super::{Store, StoreError};
use crate::digest::Plan;
use rusqlite::{Connection, OptionalExtension, Result, params};
use serde_json::Value;

/// Earlier names kept of a plan.
const NAMES_KEPT_MAX: usize = 20;

/// A plan of the file, or one as it is remembered.
struct Known {
    name: String,
    recipients: Vec<String>,
    /// Watches, threshold and schedule, as JSON.
    marks: String,
}

impl Store {
    /// Registers the configured plans. Returns the old and the new name of each that
    /// is known again under another name.
    pub fn register_plans(&self, plans: &[Plan]) -> std::result::Result<Vec<(String, String)>, StoreError> {
        let plans: Vec<Plan> = plans.to_vec();
        self.write(move |connection| register(connection, &plans))
    }

    /// Every earlier name of a plan that no other has now, with the name it has.
    pub fn former_names(&self) -> std::result::Result<Vec<(String, String)>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT f.value, p.name FROM plan p, json_each(p.formerly) f
                       WHERE f.value NOT IN (SELECT name FROM plan) ORDER BY p.id";
            let mut statement = connection.prepare_cached(sql)?;
            let names = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            names.collect()
        })
    }
}

fn register(connection: &Connection, plans: &[Plan]) -> Result<Vec<(String, String)>> {
    let (mut gone, mut new) = (configured_last(connection)?, Vec::new());
    gone.retain(|known| !plans.iter().any(|plan| plan.name == known.name));
    connection.execute("UPDATE plan SET is_configured = 0", [])?;
    let mut exists = connection.prepare_cached("SELECT 1 FROM plan WHERE name = ?1")?;
    for plan in plans.iter().map(known) {
        if !exists.exists([&plan.name])? {
            new.push(plan);
        }
    }
    let mut renamed = Vec::new();
    while let Some((old, now)) = most_alike(&gone, &new) {
        let (old, now) = (gone.remove(old).name, new.remove(now).name);
        rename(connection, &old, &now)?;
        renamed.push((old, now));
    }
    let sql = "INSERT INTO plan (name, recipients, marks, is_configured) VALUES (?1, ?2, ?3, 1)
               ON CONFLICT (name) DO UPDATE SET recipients = ?2, marks = ?3, is_configured = 1";
    let mut statement = connection.prepare_cached(sql)?;
    for plan in plans.iter().map(known) {
        let recipients = Value::from(plan.recipients).to_string();
        statement.execute(params![plan.name, recipients, plan.marks])?;
    }
    Ok(renamed)
}

fn known(plan: &Plan) -> Known {
    let cron = plan.cron.as_ref().map(|cron| cron.line.as_str());
    let marks = serde_json::json!([plan.watches, plan.at_least, plan.at_once_from, cron]).to_string();
    let recipients = plan.to.iter().chain(plan.beside_mail()).cloned().collect();
    Known { name: plan.name.clone(), recipients, marks }
}

fn configured_last(connection: &Connection) -> Result<Vec<Known>> {
    let sql = "SELECT name, recipients, marks FROM plan WHERE is_configured ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let plans = statement.query_map([], |row| {
        let recipients = serde_json::from_str(&row.get::<_, String>("recipients")?).unwrap_or_default();
        Ok(Known { name: row.get("name")?, recipients, marks: row.get("marks")? })
    })?;
    plans.collect()
}

/// Which of the plans that are gone is which of the new ones: of all pairs that tell
/// one of the same people first the one that tells the same of the same watches at the
/// same times, then the one that tells the most of them, then the first.
fn most_alike(gone: &[Known], new: &[Known]) -> Option<(usize, usize)> {
    let pairs = (0..gone.len()).flat_map(|old| (0..new.len()).map(move |now| (old, now)));
    let likeness = |&(old, now): &(usize, usize)| {
        let (old, now) = (&gone[old], &new[now]);
        let shared = old.recipients.iter().filter(|to| now.recipients.contains(to)).count();
        (old.marks == now.marks, shared)
    };
    let alike: Vec<_> = pairs.filter(|pair| likeness(pair).1 > 0).collect();
    // Of equal ones `max_by_key` takes the last.
    alike.into_iter().rev().max_by_key(likeness)
}

/// The name that a plan has now: who began before it was renamed calls it as it was.
pub fn present(connection: &Connection, name: &str) -> Result<String> {
    let sql = "SELECT p.name FROM plan p, json_each(p.formerly) f
               WHERE f.value = ?1 AND ?1 NOT IN (SELECT name FROM plan)";
    let renamed = connection.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?;
    Ok(renamed.unwrap_or_else(|| name.to_owned()))
}

/// What somebody wrote under the new name already, while no plan of that name was
/// registered, gives way to what was told under the old one.
fn rename(connection: &Connection, old: &str, new: &str) -> Result<()> {
    let sql = "DELETE FROM owed WHERE plan = ?2 AND digest_id IS NULL
                   AND match_id IN (SELECT match_id FROM owed WHERE plan = ?1)";
    connection.prepare_cached(sql)?.execute([old, new])?;
    for table in ["digest", "owed", "correction", "removal", "departure"] {
        let sql = format!("UPDATE OR IGNORE {table} SET plan = ?2 WHERE plan = ?1");
        connection.prepare_cached(&sql)?.execute([old, new])?;
    }
    let sql = "SELECT formerly FROM plan WHERE name = ?1";
    let names = connection.prepare_cached(sql)?.query_row([old], |row| row.get::<_, String>(0)).optional()?;
    let mut names: Vec<String> = serde_json::from_str(&names.unwrap_or_default()).unwrap_or_default();
    names.retain(|name| name != new);
    names.push(old.to_owned());
    let names = names.split_off(names.len().saturating_sub(NAMES_KEPT_MAX));
    let sql = "UPDATE plan SET name = ?2, formerly = ?3 WHERE name = ?1";
    connection.prepare_cached(sql)?.execute(params![old, new, Value::from(names).to_string()]).map(drop)
}
