//! Other names of the same place or person: `countries.tsv` (Unicode CLDR, made
//! by `make.py`), `ours.tsv` (regions and what CLDR lacks), `names.txt` (given
//! names).
//!
//! Invariant: what is found by another name always says so in its rule.

use crate::watch::fold;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Groups of names, and which group a skeleton belongs to.
#[derive(Default)]
struct Groups {
    names: Vec<Vec<&'static str>>,
    by_skeleton: HashMap<String, usize>,
}

static PLACES: LazyLock<Groups> = LazyLock::new(|| {
    let mut groups = Groups::default();
    for line in lines(include_str!("countries.tsv")) {
        groups.add(line.split('\t').skip(1));
    }
    for line in lines(include_str!("ours.tsv")) {
        groups.add(line.split('\t'));
    }
    groups
});

static NAMES: LazyLock<Groups> = LazyLock::new(|| {
    let mut groups = Groups::default();
    for line in lines(include_str!("names.txt")) {
        groups.add(line.split(' '));
    }
    groups
});

fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Groups {
    /// Adds a group, or joins it to the one that has a name of it already.
    fn add(&mut self, names: impl Iterator<Item = &'static str>) {
        let names: Vec<(&'static str, String)> = names.map(|name| (name, fold::fold(name).text)).collect();
        let known = names.iter().find_map(|(_, skeleton)| self.by_skeleton.get(skeleton).copied());
        let group = known.unwrap_or_else(|| {
            self.names.push(Vec::new());
            self.names.len() - 1
        });
        for (name, skeleton) in names {
            if !self.names[group].contains(&name) {
                self.names[group].push(name);
            }
            self.by_skeleton.entry(skeleton).or_insert(group);
        }
    }

    /// The names of the group that has one with this skeleton.
    fn with(&self, skeleton: &str) -> impl Iterator<Item = &'static str> {
        let group = self.by_skeleton.get(skeleton);
        group.into_iter().flat_map(|group| self.names[*group].iter().copied())
    }
}

/// The other names of the place `text`.
pub fn places(text: &str) -> Vec<&'static str> {
    PLACES.with(&fold::fold(text).text).filter(|name| *name != text).collect()
}

/// The other spellings of the given name `text`.
pub fn given_names(text: &str) -> Vec<&'static str> {
    spellings(&fold::fold(text).text).filter(|name| *name != text).collect()
}

/// All spellings of the given name with this skeleton.
pub fn spellings(skeleton: &str) -> impl Iterator<Item = &'static str> {
    NAMES.with(skeleton)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_names_in_every_language() {
        let table = [
            ("Kyrgyzstan", "Киргизия"),
            ("Киргизия", "Қирғизистон"),
            ("Gorno-Badakhshan", "ГБАО"),
            ("GBAO", "Кӯҳистони Бадахшон"),
            ("Karakalpakstan", "Қорақалпоғистон"),
            ("Germany", "Німеччина"),
        ];
        for (name, other) in table {
            assert!(places(name).contains(&other), "{name}: {:?}", places(name));
        }
        assert!(places("Temirov").is_empty());
        assert!(given_names("Mike").contains(&"Михаил"));
    }
}
