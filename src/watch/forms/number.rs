//! Singular and plural of English common nouns, each from the other; what no
//! rule makes is in `irregular.txt`.

use std::collections::HashMap;
use std::sync::LazyLock;

static IRREGULAR: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut others: HashMap<&str, Vec<&str>> = HashMap::new();
    let lines = include_str!("irregular.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        for word in &words {
            let rest = words.iter().filter(|other| *other != word);
            others.entry(word).or_default().extend(rest);
        }
    }
    others
});

/// Letters of the shortest word that loses its plural ending.
const PLURAL_LETTERS_MIN: usize = 4;
/// Endings of words that end in -s in the singular.
const SINGULAR: [&str; 4] = ["ss", "us", "is", "ics"];

/// The other number of the lower-case English noun `word`, where it is not
/// made by an ending of `chains.txt`.
pub fn others(word: &str) -> Vec<String> {
    if !word.is_ascii() || word.contains(|char: char| !char.is_ascii_lowercase() && char != ' ') {
        return Vec::new();
    }
    // Of several words the last one has the number.
    let (before, last) = word.rfind(' ').map_or(("", word), |at| word.split_at(at + 1));
    let made = match IRREGULAR.get(last) {
        Some(known) => known.iter().map(|other| (*other).to_owned()).collect(),
        None => regular(last),
    };
    made.into_iter().map(|other| format!("{before}{other}")).collect()
}

fn regular(word: &str) -> Vec<String> {
    let is_hissing = |stem: &str| ["s", "x", "z", "ch", "sh"].iter().any(|end| stem.ends_with(end));
    let before_y = |stem: &str| stem.chars().last().is_some_and(|char| !"aeiou".contains(char));
    if word.len() < PLURAL_LETTERS_MIN || SINGULAR.iter().any(|end| word.ends_with(end)) {
        return Vec::new();
    }
    if let Some(stem) = word.strip_suffix("ies") {
        return vec![format!("{stem}y"), format!("{stem}ie")];
    }
    if let Some(stem) = word.strip_suffix("es").filter(|stem| is_hissing(stem)) {
        return vec![stem.to_owned(), format!("{stem}e")];
    }
    if let Some(stem) = word.strip_suffix('s') {
        return vec![stem.to_owned()];
    }
    match word.strip_suffix('y') {
        Some(stem) if before_y(stem) => vec![format!("{stem}ies")],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_gives_the_other() {
        let table: [(&str, &[&str]); 14] = [
            ("sanctions", &["sanction"]),
            ("sanction", &[]),
            ("country", &["countries"]),
            ("countries", &["country", "countrie"]),
            ("child", &["children"]),
            ("children", &["child"]),
            ("crisis", &["crises"]),
            ("crises", &["crisis"]),
            ("gas", &["gases"]),
            ("press", &[]),
            ("politics", &[]),
            ("news", &[]),
            ("power cuts", &["power cut"]),
            ("санкции", &[]),
        ];
        for (word, expected) in table {
            assert_eq!(others(word), expected, "{word}");
        }
    }
}
