//! Plans by the names they have, and had.
//!
//! Invariant: a plan that is given another name keeps all it had under the old one:
//! what waits, what was told, and who left. It is taken for the same only where nothing
//! else can be meant, for a story told to others is worse than one told to the
//! operator: one name goes and one comes in the same reading of the configuration, and
//! both tell exactly the same. A name that stays is the plan it was, whomever it tells.
//! No plan has another's name, neither as its present nor as a former one.

use super::owed;
use super::{Store, StoreError};
use crate::digest::{Item, Plan};
use rusqlite::{Connection, OptionalExtension, Result};
use serde_json::Value;
use std::collections::BTreeSet;

/// A plan of the file, or one as it is remembered.
struct Known {
    name: String,
    /// A JSON array in the order of the alphabet.
    recipients: String,
}

/// A plan that is not configured, and the items that it owes with the rows they settle.
type Orphan = (String, Vec<(Item, Vec<i64>)>);

impl Store {
    /// Every former name of a plan, with the name it has.
    pub fn former_names(&self) -> std::result::Result<Vec<(String, String)>, StoreError> {
        self.read(|connection| {
            let sql =
                "SELECT f.name, p.name FROM former_name f JOIN plan p ON p.id = f.plan_id ORDER BY f.rowid";
            let mut statement = connection.prepare_cached(sql)?;
            let names = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            names.collect()
        })
    }

    /// What is owed under plans that the configuration read last does not have. One
    /// look at the file, so that no plan is renamed between its name and what it owes.
    pub fn orphans(&self) -> std::result::Result<Vec<Orphan>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT DISTINCT plan FROM owed
                       WHERE digest_id IS NULL AND urgency <> 'history'
                             AND plan NOT IN (SELECT name FROM plan WHERE is_configured)";
            let mut statement = connection.prepare_cached(sql)?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            let orphan = |name: String| Ok((name.clone(), owed::owed(connection, &name, None, None)?));
            names.map(|name| orphan(name?)).collect()
        })
    }
}

/// Registers the configured plans. Returns the old and the new name of each that is
/// known again under another name.
pub fn register(connection: &Connection, plans: &[Plan]) -> Result<Vec<(String, String)>> {
    let plans: Vec<Known> = plans.iter().map(known).collect();
    let renamed = renamed(&configured_last(connection)?, &plans);
    for (old, new) in &renamed {
        set_aside(connection, new)?;
        rename(connection, old, new)?;
    }
    connection.execute("UPDATE plan SET is_configured = 0", [])?;
    let sql = "INSERT INTO plan (name, recipients, is_configured) VALUES (?1, ?2, 1)
               ON CONFLICT (name) DO UPDATE SET recipients = ?2, is_configured = 1";
    let mut write = connection.prepare_cached(sql)?;
    let mut take = connection.prepare_cached("DELETE FROM former_name WHERE name = ?1")?;
    for Known { name, recipients } in &plans {
        write.execute([name, recipients])?;
        take.execute([name])?;
    }
    Ok(renamed)
}

fn known(plan: &Plan) -> Known {
    let recipients: BTreeSet<&str> = plan.to.iter().chain(plan.beside_mail()).map(String::as_str).collect();
    let recipients = Value::from_iter(recipients).to_string();
    Known { name: plan.name.clone(), recipients }
}

fn configured_last(connection: &Connection) -> Result<Vec<Known>> {
    let sql = "SELECT name, recipients FROM plan WHERE is_configured ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let plans = statement
        .query_map([], |row| Ok(Known { name: row.get("name")?, recipients: row.get("recipients")? }))?;
    plans.collect()
}

/// Which of the plans that are gone are which of the new ones: those of which there is
/// one each that tells exactly these.
fn renamed(last: &[Known], plans: &[Known]) -> Vec<(String, String)> {
    let gone = without(last, plans);
    let new = without(plans, last);
    let pair = |old: &&Known| {
        let old_name = only(&gone, &old.recipients)?;
        Some((old_name.to_owned(), only(&new, &old.recipients)?.to_owned()))
    };
    gone.iter().filter_map(pair).collect()
}

/// Those whose names the others do not have.
fn without<'p>(plans: &'p [Known], others: &[Known]) -> Vec<&'p Known> {
    plans.iter().filter(|plan| others.iter().all(|other| other.name != plan.name)).collect()
}

/// The name of the one plan that tells these.
fn only<'p>(plans: &[&'p Known], recipients: &str) -> Option<&'p str> {
    let mut same = plans.iter().filter(|plan| plan.recipients == recipients);
    let first = same.next()?;
    same.next().is_none().then_some(first.name.as_str())
}

/// The name that a plan has now: who began before it was renamed calls it as it was.
pub fn present(connection: &Connection, name: &str) -> Result<String> {
    let sql = "SELECT p.name FROM former_name f JOIN plan p ON p.id = f.plan_id WHERE f.name = ?1";
    let renamed = connection.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?;
    Ok(renamed.unwrap_or_else(|| name.to_owned()))
}

/// Whether a plan had this name and has another now.
pub fn is_former(connection: &Connection, name: &str) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM former_name WHERE name = ?1")?.exists([name])
}

/// A plan of that name that was taken out earlier is another one: what it owes, what it
/// told and who left it are not those of the plan that is called so from now on.
fn set_aside(connection: &Connection, name: &str) -> Result<()> {
    let sql = "UPDATE plan SET name = name || ' (earlier ' || id || ')' WHERE name = ?1 RETURNING name";
    let aside =
        connection.prepare_cached(sql)?.query_row([name], |row| row.get::<_, String>(0)).optional()?;
    aside.map_or(Ok(()), |aside| hand_on(connection, name, &aside))
}

fn rename(connection: &Connection, old: &str, new: &str) -> Result<()> {
    // Somebody may have written under the new name already, while no plan of that name
    // was registered: of two debts for one match one is enough, and none where it was told.
    let sql = "DELETE FROM owed WHERE plan = ?2 AND digest_id IS NULL
                   AND match_id IN (SELECT match_id FROM owed WHERE plan = ?1)";
    for names in [[old, new], [new, old]] {
        connection.prepare_cached(sql)?.execute(names)?;
    }
    hand_on(connection, old, new)?;
    let sql = "UPDATE plan SET name = ?2 WHERE name = ?1";
    connection.prepare_cached(sql)?.execute([old, new])?;
    let sql = "INSERT INTO former_name (name, plan_id) SELECT ?1, id FROM plan WHERE name = ?2";
    connection.prepare_cached(sql)?.execute([old, new]).map(drop)
}

/// All that is written under one name is under the other.
fn hand_on(connection: &Connection, old: &str, new: &str) -> Result<()> {
    for table in ["digest", "owed", "correction", "removal", "departure"] {
        let sql = format!("UPDATE OR IGNORE {table} SET plan = ?2 WHERE plan = ?1");
        connection.prepare_cached(&sql)?.execute([old, new])?;
    }
    Ok(())
}
