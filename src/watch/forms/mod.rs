//! The grammar of the languages we read: which forms a word takes.
//!
//! Invariant: grammar is data (`slavic.txt`, `chains.txt`, `spelling.txt`);
//! nothing here knows a single name. A language is only ever a label and a
//! certainty, never a reason to refuse a form.

pub mod chains;
pub mod derived;
pub mod expand;
pub mod language;
pub mod slavic;
pub mod spelling;
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the environment asks for more cases")]
mod tests;
pub mod word;

/// How a language marks the form of a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// ISO 639-1 code, or empty for the dictionary form of any language.
    pub language: &'static str,
    pub label: Label,
    /// 0 to 1.
    pub certainty: f64,
    /// Another word made from the name: it needs no capital.
    pub derived: bool,
}

/// What a form is, for people; put into words only where somebody will read it.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    Written,
    /// Name of the declension, case, and what else the form can be.
    Declined(&'static str, &'static str, Option<&'static str>),
    /// Names of endings, the last one first.
    Chained(Vec<&'static str>),
    /// The same after a woman's surname.
    Woman(Vec<&'static str>),
    /// By its ending.
    Derived(&'static str),
}

impl Label {
    /// Adds the words for it to `text`.
    pub fn tell(&self, text: &mut String) {
        match self {
            Label::Written => text.push_str("as written"),
            Label::Declined(class, case, other) => {
                text.extend([class, ", ", case]);
                text.extend(other.iter().flat_map(|other| ["; can also be read ", other]));
            }
            Label::Derived(ending) => text.extend(["derived word in -", ending]),
            Label::Chained(endings) | Label::Woman(endings) => {
                for (index, ending) in endings.iter().rev().enumerate() {
                    text.extend([if index > 0 { " " } else { "" }, ending]);
                }
                text.push_str(if matches!(self, Label::Woman(_)) {
                    "; by its form a woman's surname"
                } else {
                    ""
                });
            }
        }
    }
}

/// Whether a letter is a vowel in any alphabet we read.
pub fn vowel(char: char) -> bool {
    matches!(
        char,
        'а' | 'е'
            | 'ё'
            | 'и'
            | 'о'
            | 'у'
            | 'ы'
            | 'э'
            | 'ю'
            | 'я'
            | 'і'
            | 'ї'
            | 'є'
            | 'ө'
            | 'ү'
            | 'ұ'
            | 'ә'
            | 'ў'
            | 'ӯ'
            | 'ӣ'
            | 'a'
            | 'e'
            | 'i'
            | 'o'
            | 'u'
            | 'y'
            | 'ā'
            | 'ī'
            | 'ō'
            | 'ū'
            | 'ä'
            | 'ö'
            | 'ü'
            | 'ı'
    )
}
