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

/// How a language marks the form of a name, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// ISO 639-1 code, or empty for the dictionary form of any language.
    pub language: &'static str,
    /// The letters after the stem, as the text has them.
    pub ending: String,
    /// `masculine surname, instrumental`.
    pub label: String,
    /// 0 to 1.
    pub certainty: f64,
    /// Another word made from the name: it needs no capital.
    pub derived: bool,
}

/// Whether a letter is a vowel in any alphabet we read.
pub fn vowel(char: char) -> bool {
    "аеёиоуыэюяіїєөүұәўӯӣaeiouyāīōūäöüı".contains(char)
}
