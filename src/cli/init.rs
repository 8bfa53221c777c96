//! `newswatch init`: writes the shipped, commented `config.toml`; never over a file.

use super::Exit;
use anyhow::{Context, bail};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The shipped configuration, which is also the manual of every key.
pub const CONFIG: &str = include_str!("../../config.toml");

pub fn run(given: Option<&Path>) -> anyhow::Result<Exit> {
    let path = given.unwrap_or(Path::new("config.toml"));
    let name = path.display();
    let mut file = match std::fs::File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("`{name}` is there already and stays as it is; `--config FILE` writes another")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write `{name}`")),
    };
    file.write_all(CONFIG.as_bytes()).with_context(|| format!("cannot write `{name}`"))?;
    eprintln!("wrote `{name}`: set `contact`, the plan's `to` and `ops_to` in it");
    eprintln!("then `newswatch check-config` says what is wrong, and `newswatch run` starts");
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_file_that_works_and_never_over_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        assert_eq!(run(Some(&path)).expect("written"), Exit::Ok);
        assert_eq!(crate::config::load(&path).expect("works").watches.len(), 4);
        std::fs::write(&path, "# mine").expect("written");
        let refused = run(Some(&path)).expect_err("is there");
        assert!(
            refused
                .to_string()
                .ends_with("is there already and stays as it is; `--config FILE` writes another")
        );
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "# mine");
        let nowhere = run(Some(&folder.path().join("none/config.toml"))).expect_err("no folder");
        assert!(nowhere.to_string().starts_with("cannot write `"), "{nowhere}");
    }
}
