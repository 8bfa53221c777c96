//! The architecture, as a table, held against the sources.

use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A module, and the modules of ours it may import. Pure ones form a chain; edges
/// know the pure ones and `config`; the top knows all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // pure: what we know
    ("schedule", &[]),
    ("feed", &[]),
    ("page", &["feed"]),
    ("health", &[]),
    ("extract", &["feed", "page"]),
    ("story", &["feed", "extract"]),
    ("watch", &["extract"]),
    ("digest", &["schedule", "extract", "watch"]),
    ("chat", &["digest"]),
    // edge: what we touch
    ("config", &["schedule", "page", "extract", "watch", "digest", "chat"]),
    ("crash", &[]),
    ("fetch", &["crash", "schedule"]),
    ("store", &["crash", "schedule", "digest", "extract", "story", "watch", "fetch", "mail"]),
    ("mail", &["config", "crash", "digest"]),
    ("web", &["config", "digest", "store"]),
    // top: what runs
    ("daemon", &["*"]),
    ("newsroom", &["page"]),
    ("cli", &["*"]),
];

const PURE: &[&str] = &["schedule", "feed", "page", "health", "extract", "story", "watch", "digest", "chat"];

/// A crate of the world outside, and the modules that may name it.
const AT_HOME: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("lettre", &["mail"]),
    ("axum", &["newsroom", "web"]),
    ("reqwest", &["fetch"]),
    ("scraper", &["page", "extract"]),
    ("clap", &["cli"]),
    ("sd_notify", &["daemon"]),
    ("anyhow", &["cli", "daemon"]),
    ("hickory_resolver", &["fetch"]),
    ("nix", &["cli"]),
];

#[test]
fn modules_import_only_what_the_table_allows() {
    let mention = Regex::new(r"crate::(\{[^;]*\}|[a-z_]+)").expect("valid");
    let name = Regex::new(r"(?:^|[{,])\s*([a-z_]+)").expect("valid");
    let modules: BTreeSet<_> = MAY_IMPORT.iter().map(|(module, _)| *module).collect();
    let mut wrong = Vec::new();
    for (module, path, source) in sources() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == module) else {
            wrong.push(format!("`{module}` stands in no row of the table"));
            continue;
        };
        for found in mention.captures_iter(&source) {
            for import in name.captures_iter(&found[1]) {
                let import = &import[1];
                let fine = import == module || allowed.contains(&"*") || allowed.contains(&import);
                if !fine && modules.contains(import) {
                    wrong.push(format!("{}: `{module}` imports `{import}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_modules_ban_the_world() {
    for module in PURE {
        let file = [format!("src/{module}.rs"), format!("src/{module}/mod.rs")]
            .into_iter()
            .map(|path| root().join(path))
            .find(|path| path.exists());
        let file = file.unwrap_or_else(|| panic!("module `{module}` has no file"));
        let source = std::fs::read_to_string(&file).expect("readable");
        let ban = "#![deny(clippy::disallowed_methods, clippy::disallowed_types)]";
        assert!(source.contains(ban), "{} lacks `{ban}`", file.display());
        assert!(!source.contains("async fn"), "{} has an async function", file.display());
    }
}

#[test]
fn the_worlds_crates_stay_at_home() {
    let mut wrong = Vec::new();
    for (module, path, source) in sources() {
        for (outside, homes) in AT_HOME {
            let named = Regex::new(&format!(r"\b{outside}::")).expect("valid");
            if named.is_match(&source) && !homes.contains(&module.as_str()) {
                wrong.push(format!("{}: `{module}` names `{outside}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Ways to open a file. Closing the database, its `-wal` or its `-shm` after any of them
/// drops every lock that the process holds on it.
const WAYS_TO_OPEN: &str = r"\bFile::|\bOpenOptions\b|\bfs::(read|copy|write|hard_link)\b";

/// Where `store` opens files that are not the database, and what.
const OPENED_BY_STORE: &[(&str, &str)] =
    &[("store/claim.rs", "the lock file"), ("store/files.rs", "a directory, and the lock file")];

#[test]
fn the_database_is_opened_by_sqlite_alone() {
    let ways = Regex::new(WAYS_TO_OPEN).expect("valid");
    let named = Regex::new(r"\bdatabase\(|newswatch\.db").expect("valid");
    let mut wrong = Vec::new();
    for (module, path, source) in sources() {
        let is_known = OPENED_BY_STORE.iter().any(|(known, _)| path == Path::new(known));
        let opens = source.lines().filter(|line| ways.is_match(line));
        let of_database = opens.filter(|line| module == "store" || named.is_match(line));
        let found = of_database.filter(|_| !is_known);
        wrong.extend(found.map(|line| format!("{}: {}", path.display(), line.trim())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every file under `src` with the module it belongs to, comments left out.
fn sources() -> Vec<(String, PathBuf, String)> {
    let mut found = Vec::new();
    collect(&root().join("src"), &mut found);
    found
        .into_iter()
        .filter_map(|path| {
            let inner = path.strip_prefix(root().join("src")).expect("found below it").to_owned();
            let first = inner.iter().next()?.to_str()?.trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&path).expect("readable");
            if path.iter().any(|part| part == "tests" || part == "tests.rs") {
                return None;
            }
            let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            (!["lib", "main"].contains(&first.as_str())).then(|| (first, inner, code.join("\n")))
        })
        .collect()
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
