//! Other names of the same place or person: `countries.tsv` (Unicode CLDR, made
//! by `make.py`), `ours.tsv` (regions and what CLDR lacks), `names.txt` (given
//! names).
//!
//! Invariant: what is found by another name always says so in its rule.

use crate::watch::fold;
use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, OnceLock};

/// Groups of names, and which group a skeleton belongs to.
#[derive(Default)]
struct Groups {
    names: Vec<Vec<&'static str>>,
    /// By what a skeleton begins with.
    shelves: BTreeMap<u8, Shelf>,
}

/// Names with the same beginning. Folded when one is asked for: most lists of
/// watches ask for few, and folding all would be most of a start.
#[derive(Default)]
struct Shelf {
    names: Vec<(&'static str, usize)>,
    by_skeleton: OnceLock<HashMap<String, usize>>,
}

static PLACES: LazyLock<Groups> = LazyLock::new(|| {
    let mut groups = Groups::default();
    let mut by_code = HashMap::new();
    for line in lines(include_str!("countries.tsv")).chain(lines(include_str!("ours.tsv"))) {
        let (code, names) = line.split_once('\t').unwrap_or_default();
        let group = match code {
            "-" => groups.begin(),
            _ => *by_code.entry(code).or_insert_with(|| groups.begin()),
        };
        names.split('\t').for_each(|name| groups.add(group, name));
    }
    groups
});

static NAMES: LazyLock<Groups> = LazyLock::new(|| {
    let mut groups = Groups::default();
    for line in lines(include_str!("names.txt")) {
        let group = groups.begin();
        line.split(' ').for_each(|name| groups.add(group, name));
    }
    groups
});

fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Groups {
    /// An empty group; its number.
    fn begin(&mut self) -> usize {
        self.names.push(Vec::new());
        self.names.len() - 1
    }

    fn add(&mut self, group: usize, name: &'static str) {
        if !self.names[group].contains(&name) {
            self.names[group].push(name);
            self.shelves.entry(shelf_of(name)).or_default().names.push((name, group));
        }
    }

    /// The names of the group that has one with this skeleton, the first such.
    fn with(&self, skeleton: &str) -> impl Iterator<Item = &'static str> {
        let shelf = skeleton.bytes().next().and_then(|first| self.shelves.get(&shelf(first)));
        let group = shelf.and_then(|shelf| shelf.group_of(skeleton));
        group.into_iter().flat_map(|group| self.names[group].iter().copied())
    }
}

impl Shelf {
    fn group_of(&self, skeleton: &str) -> Option<usize> {
        let fold = || {
            let mut by_skeleton = HashMap::new();
            for (name, group) in &self.names {
                by_skeleton.entry(fold::fold(name).text).or_insert(*group);
            }
            by_skeleton
        };
        self.by_skeleton.get_or_init(fold).get(skeleton).copied()
    }
}

/// The shelf of skeletons that begin with a letter. Letters that a digraph turns
/// into one another (`kh`, `zh`, `ye`) share one.
fn shelf(first: u8) -> u8 {
    match first {
        b'c' | b'k' => b'h',
        b'z' => b'j',
        b'i' => b'e',
        _ => first,
    }
}

/// The shelf of a name that is not folded yet.
fn shelf_of(name: &str) -> u8 {
    let mut firsts = name.chars().map(|char| fold::folds_to(char)[0]);
    shelf(firsts.find(|byte| *byte != 0).unwrap_or_default())
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
    fn every_line_of_ours_is_of_a_country_or_a_place_with_names() {
        let countries: Vec<&str> =
            lines(include_str!("countries.tsv")).filter_map(|line| line.split('\t').next()).collect();
        for line in lines(include_str!("ours.tsv")) {
            let (code, names) = line.split_once('\t').expect("a code and names");
            assert!(code == "-" || countries.contains(&code), "{line}");
            assert!(code != "-" || names.contains('\t'), "one name alone: {line}");
        }
    }

    #[test]
    fn every_name_is_found_by_its_skeleton() {
        for groups in [&PLACES, &NAMES] {
            for name in groups.names.iter().flatten() {
                let skeleton = fold::fold(name).text;
                assert!(groups.with(&skeleton).any(|other| fold::fold(other).text == skeleton), "{name}");
            }
        }
    }

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
