//! A term of one word or several, compiled, and whether it stands at a place.
//!
//! Each part takes its own form. A name of persons may turn round, shorten its
//! other parts to initials and have a patronymic in between.

use super::Use;
use super::field::Words;
use super::key::{Beginning, Key};
use super::person::{Person, between_names, listed};
use crate::watch::fold::{self, Letter, Skeleton};
use crate::watch::forms::expand;
use crate::watch::forms::word::{Accepted, Capital, Word};
use crate::watch::gazetteer;
use std::ops::Range;

#[derive(Debug, Clone)]
pub struct Phrase {
    parts: Vec<Part>,
    /// The part to look for first.
    anchor: usize,
    /// Whether spaces, not hyphens, are between the parts.
    spaced: bool,
    /// Where the parts may stand as those of a person's name do.
    person: Option<Person>,
    /// Whether no form of it stands in lower case in a text that has capitals.
    capital_only: bool,
}

#[derive(Debug, Clone)]
struct Part {
    /// As the term has it.
    written: String,
    spellings: Vec<Word>,
    /// What its forms begin with.
    beginnings: Vec<Beginning>,
}

/// Where a phrase stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub words: Range<usize>,
    pub rule: String,
    pub certainty: f64,
}

/// What keeps words from being a phrase.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    Capital,
    /// All parts are there, but not as the phrase has them.
    Order,
    /// These parts, as the term has them.
    Words(Vec<String>),
    /// What follows the beginning makes no form of it.
    Ending,
}

/// Letters of a word from which on others that begin with it are worth a word.
const BEGINNING_LETTERS_MIN: usize = 4;

/// One way for a person's name to stand in a text: the words of the surname and of
/// the given name.
struct Way<'p> {
    person: &'p Person,
    surname: &'p Range<usize>,
    given: &'p Range<usize>,
    is_before: bool,
    /// Whether a word stands between them.
    between: bool,
}

/// One part found at a word of the text.
struct Fit<'p> {
    word: usize,
    part: &'p Part,
    /// Which of the part's spellings.
    spelling: usize,
    /// None for an initial.
    accepted: Option<Accepted>,
    certainty: f64,
    /// What is to be said of its capitals.
    note: &'static str,
    /// Whether the part's capital is there (or it has none).
    cased: bool,
}

/// Certainty of initials and of a turned order, against the name in full.
const INITIAL: f64 = 0.8;
/// Certainty of another spelling of a given name.
const SPELLING: f64 = 0.9;
/// Certainty of a name of several words that the text writes without any
/// capital (министерства иностранных дел).
const LOWER_CASE: f64 = 0.6;
const TURNED: f64 = 0.95;
/// The same of a surname with a comma behind it.
const LISTED: f64 = 0.85;
/// The same of a patronymic between the names.
const PATRONYMIC: f64 = 0.95;
/// The same of a name that the term has with a patronymic and the text without.
const BARE: f64 = 0.85;
/// The same of one with another patronymic: somebody else, or another language.
const STRANGE: f64 = 0.6;
/// Bytes that most rules fit in.
const RULE_BYTES: usize = 128;

/// The words of a term, before any is compiled.
struct Outline<'t> {
    words: Words<'t>,
    letters: Vec<Vec<Letter>>,
    spaced: bool,
    person: Option<Person>,
    anchor: usize,
}

impl<'t> Outline<'t> {
    fn new(text: &'t str) -> Option<Outline<'t>> {
        let words = Words::new(text, None);
        let letters: Vec<Vec<Letter>> = (0..words.spans.len()).map(|index| words.letters(index)).collect();
        let gaps: Vec<&str> = (1..letters.len()).map(|index| words.gap(index - 1).trim()).collect();
        let spaced = gaps.iter().all(|gap| gap.is_empty());
        let person = Person::of(&letters, &gaps);
        let anchor = match &person {
            Some(person) => person.surname.clone().max_by_key(|index| letters[*index].len())?,
            None => (0..letters.len()).max_by_key(|index| letters[*index].len())?,
        };
        Some(Outline { words, letters, spaced, person, anchor })
    }

    /// Part `index` as the term has it.
    fn written(&self, index: usize) -> &'t str {
        &self.words.text[self.words.spans[index].range()]
    }

    /// The same in all its spellings, its own first.
    fn spellings(&self, index: usize, use_of: Use) -> Vec<Word> {
        let own = Word::new(&self.letters[index], use_of.derived);
        let is_name = use_of.given_names && own.capital == Capital::First;
        let skeleton = if is_name { own.skeletons().next() } else { None };
        let others = skeleton.into_iter().flat_map(gazetteer::spellings);
        let others: Vec<Word> = others.filter(|name| *name != self.written(index)).map(spelling_of).collect();
        std::iter::once(own).chain(others).collect()
    }

    fn part(&self, index: usize, use_of: Use) -> Part {
        Part::new(self.written(index), self.spellings(index, use_of))
    }
}

impl Phrase {
    /// Compiles `text`; none when there is no word in it.
    ///
    /// `use_of` says whether other spellings and derived words count.
    pub fn new(text: &str, use_of: Use) -> Option<Phrase> {
        let outline = Outline::new(text)?;
        let parts: Vec<Part> = (0..outline.letters.len()).map(|index| outline.part(index, use_of)).collect();
        let Outline { spaced, person, anchor, .. } = outline;
        let capital_only = parts.len() == 1 && parts[0].named() && !use_of.derived;
        Some(Phrase { parts, anchor, spaced, person, capital_only })
    }

    /// What the forms of the anchor begin with, where the rest is not wanted yet.
    pub fn keys_of(text: &str, use_of: Use) -> Option<Vec<Key>> {
        let outline = Outline::new(text)?;
        Some(keys(&outline.spellings(outline.anchor, use_of)))
    }

    /// What the forms of the anchor begin with.
    pub fn keys(&self) -> Vec<Key> {
        keys(&self.parts[self.anchor].spellings)
    }

    /// The phrase with its anchor at word `at`.
    pub fn find(&self, words: &Words, at: usize) -> Option<Place> {
        // Most candidates of a short list end here, before anything is folded.
        if self.capital_only && words.lower_among_capitals(at) {
            return None;
        }
        if self.parts.len() == 1 {
            let fit = self.fit(self.anchor, words, at)?;
            return fit.cased.then(|| place(&[&fit], words, 1.0, ""));
        }
        let in_order = self.may_be_in_order(words, at);
        let around = self.may_be_around(words, at);
        if in_order || around { self.find_parts(words, at, in_order, around) } else { None }
    }

    /// What the phrase, which is not found at word `at`, lacks there, and which words
    /// come near it; none where that word has nothing to do with it.
    pub fn lack(&self, words: &Words, at: usize) -> Option<(Range<usize>, Lack)> {
        let anchor = &self.parts[self.anchor];
        if !anchor.fits(words, at) {
            return anchor.begins(words, at).then_some((at..at + 1, Lack::Ending));
        }
        let reach = self.parts.len();
        let is_near = |part: &Part| {
            (at.saturating_sub(reach)..=at + reach).any(|word| word != at && part.fits(words, word))
        };
        let spare = self.person.as_ref().and_then(|person| person.patronymic);
        let others = self.parts.iter().enumerate();
        let others = others.filter(|(index, _)| *index != self.anchor && Some(*index) != spare);
        let missing = others.filter(|(_, part)| !is_near(part)).map(|(_, part)| part.written.clone());
        let missing: Vec<String> = missing.collect();
        if !missing.is_empty() {
            return Some((at..at + 1, Lack::Words(missing)));
        }
        let whole = at.checked_sub(self.anchor).map(|start| start..start + reach);
        let is_whole = |whole: &Range<usize>| {
            self.parts.iter().zip(whole.clone()).all(|(part, word)| part.fits(words, word))
                && (whole.start..whole.end - 1).all(|word| words.adjacent(word))
        };
        Some(match whole.filter(is_whole) {
            Some(whole) => (whole, Lack::Capital),
            None => (at..at + 1, Lack::Order),
        })
    }

    /// The same of several parts, one after the other or as a person's name has
    /// them around the anchor.
    fn find_parts(&self, words: &Words, at: usize, in_order: bool, around: bool) -> Option<Place> {
        let fit = self.fit(self.anchor, words, at)?;
        let found = if in_order { self.in_order(words, &fit) } else { None };
        found.or_else(|| if around { self.as_person(words, &fit) } else { None })
    }

    /// Whether the other parts can be where they stand in order, by what the
    /// words there begin with.
    fn may_be_in_order(&self, words: &Words, at: usize) -> bool {
        let Some(start) = at.checked_sub(self.anchor) else { return false };
        let parts = self.parts.iter().enumerate();
        let mut others = parts.filter(|(index, _)| *index != self.anchor);
        others.all(|(index, part)| part.may_be(words, start + index))
    }

    /// Whether the given name can be near the anchor, a part of the surname.
    fn may_be_around(&self, words: &Words, at: usize) -> bool {
        let Some(Person { given, surname, .. }) = &self.person else { return false };
        let reach = given.len() + surname.len();
        let around = (at.saturating_sub(reach)..=at + reach).filter(|word| *word != at);
        around.into_iter().any(|word| self.parts[given.start].may_be(words, word))
    }

    /// All parts one after the other.
    fn in_order(&self, words: &Words, anchor: &Fit) -> Option<Place> {
        let start = anchor.word.checked_sub(self.anchor)?;
        if !(start..start + self.parts.len() - 1).all(|word| words.adjacent(word)) {
            return None;
        }
        let others = (0..self.parts.len()).filter(|part| *part != self.anchor);
        let others = others.map(|part| self.fit(part, words, start + part)).collect::<Option<Vec<_>>>()?;
        let mut fits: Vec<&Fit> = others.iter().collect();
        fits.insert(self.anchor, anchor);
        let cased = self.parts.iter().zip(&fits).any(|(part, fit)| part.named() && fit.cased);
        let cased = cased || self.parts.iter().all(|part| !part.named());
        (cased || self.spaced).then(|| place(&fits, words, if cased { 1.0 } else { LOWER_CASE }, ""))
    }

    /// The given name before or after the surname, in full or as initials, with or
    /// without a patronymic.
    fn as_person(&self, words: &Words, anchor: &Fit) -> Option<Place> {
        let person = self.person.as_ref()?;
        let start = anchor.word.checked_sub(self.anchor - person.surname.start)?;
        let surname = start..start + person.surname.len();
        let others = person.surname.clone().filter(|part| *part != self.anchor);
        let others = others.map(|part| self.fit(part, words, start + part - person.surname.start));
        let others = others.collect::<Option<Vec<_>>>()?;
        let mut surnames: Vec<&Fit> = others.iter().collect();
        surnames.insert(self.anchor - person.surname.start, anchor);
        let count = person.given.len();
        let lengths = if count == 1 { &[1][..] } else { &[count, 1] };
        let ways = [(true, 0), (true, 1), (false, 0), (false, 1)];
        // The whole given name first, then one initial for all of it.
        for (length, (is_before, between)) in lengths.iter().flat_map(|length| ways.map(|way| (length, way)))
        {
            let given = match is_before {
                true => surname.start.checked_sub(between + length),
                false => Some(surname.end + between),
            };
            let Some(given) = given.map(|start| start..start + length) else { continue };
            let way = Way { person, surname: &surname, given: &given, is_before, between: between > 0 };
            let Some((certainty, how)) = self.way(words, &way) else { continue };
            let Some(givens) = self.given(words, &way) else { continue };
            let mut fits: Vec<&Fit> = givens.iter().collect();
            let at = if is_before { fits.len() } else { 0 };
            fits.splice(at..at, surnames);
            return Some(place(&fits, words, certainty, &how.join(", ")));
        }
        None
    }

    /// Certainty of a person's name that stands so, and what is to be said of it.
    fn way(&self, words: &Words, way: &Way) -> Option<(f64, Vec<&'static str>)> {
        let Way { person, surname, given, is_before, between } = way;
        let (low, high) = (surname.start.min(given.start), surname.end.max(given.end));
        let is_listed = !is_before && !between && listed(words, given);
        let adjoins = |word| words.adjacent(word) || (is_listed && word == surname.end - 1);
        if high > words.spans.len() || !(low..high - 1).all(adjoins) {
            return None;
        }
        let middle = if *is_before { given.end } else { surname.end };
        if *between && !between_names(&words.letters(middle)) {
            return None;
        }
        let after = given.end;
        let is_followed = !is_before
            && after < words.spans.len()
            && words.adjacent(after - 1)
            && between_names(&words.letters(after));
        let patronymic = if *between { Some(middle) } else { is_followed.then_some(after) };
        let is_turned = *is_before != (person.given.start < person.surname.start);
        let mut certainty = 1.0;
        let mut how = Vec::new();
        let mut note = |is_so: bool, factor: f64, what| {
            if is_so {
                certainty *= factor;
                how.push(what);
            }
        };
        note(is_listed, LISTED, "surname first, as lists have it");
        note(is_turned && !is_listed, TURNED, "name turned round");
        note(*between, PATRONYMIC, "patronymic between");
        if let Some(part) = person.patronymic {
            note(patronymic.is_none(), BARE, "without the patronymic");
            let is_own =
                |word: usize| self.parts[part].fits(words, word) || self.initial(part, words, word).is_some();
            note(patronymic.is_some_and(|word| !is_own(word)), STRANGE, "another patronymic");
        }
        Some((certainty, how))
    }

    /// Parts in a row from word `start` on.
    fn unit(&self, parts: &Range<usize>, words: &Words, start: usize) -> Option<Vec<Fit<'_>>> {
        let fits = parts.clone().map(|part| self.fit(part, words, start + part - parts.start));
        fits.collect()
    }

    /// The given name where `way` has it, in full or as initials.
    fn given(&self, words: &Words, way: &Way) -> Option<Vec<Fit<'_>>> {
        let (parts, place) = (&way.person.given, way.given);
        let whole = if place.len() == parts.len() { self.unit(parts, words, place.start) } else { None };
        let initials = || {
            // Region A is no Region Alma-Ata.
            let needs_stop = !way.is_before || parts.len() > 1;
            let stops = |word: usize| !needs_stop || words.gap(word).starts_with('.');
            let initial = |word| self.initial(parts.start + word - place.start, words, word);
            place.clone().map(|word| initial(word).filter(|_| stops(word))).collect()
        };
        whole.filter(|fits| fits.first().is_some_and(|fit| fit.cased)).or_else(initials)
    }

    /// Every form of the term `text` with its language: each part inflected, the
    /// others as written, all in one script.
    pub fn expand(&self, text: &str) -> Vec<(String, String)> {
        let spans = fold::words(text);
        let gaps: Vec<&str> = spans.windows(2).map(|pair| &text[pair[0].end..pair[1].start]).collect();
        let forms = |part: &Part| part.spellings.iter().flat_map(expand::forms).collect();
        let parts: Vec<Vec<(&str, String)>> = self.parts.iter().map(forms).collect();
        let mut shown = Vec::new();
        for (index, forms) in parts.iter().enumerate() {
            for (language, form) in forms {
                let mut whole = String::new();
                for (at, part) in self.parts.iter().enumerate() {
                    whole.push_str(if at > 0 { gaps.get(at - 1).unwrap_or(&" ") } else { "" });
                    whole.push_str(if at == index { form } else { part.like(form, &parts[at]) });
                }
                shown.push(((*language).to_owned(), whole));
            }
        }
        shown
    }

    /// One part at one word.
    fn fit(&self, part: usize, words: &Words, at: usize) -> Option<Fit<'_>> {
        let part = &self.parts[part];
        let letters = words.letters(at);
        let several = self.parts.len() > 1;
        let mut best: Option<Fit> = None;
        for (spelling, word) in part.spellings.iter().enumerate() {
            let Some(accepted) = word.accept(&letters, || words.language()) else { continue };
            let capital = if accepted.form.derived { Capital::None } else { word.capital };
            let case = words.case_evidence(capital, &letters);
            if case.is_none() && !several {
                continue;
            }
            let (factor, note) = case.unwrap_or((0.9, "in lower case"));
            let certainty = accepted.form.certainty * factor * if spelling > 0 { SPELLING } else { 1.0 };
            if best.as_ref().is_none_or(|best| best.certainty < certainty) {
                let (cased, accepted) = (case.is_some(), Some(accepted));
                best = Some(Fit { word: at, part, spelling, accepted, certainty, note, cased });
            }
        }
        best
    }

    /// One letter that stands for a part.
    fn initial(&self, part: usize, words: &Words, at: usize) -> Option<Fit<'_>> {
        let part = &self.parts[part];
        let letters = words.letters(at);
        let is_initial = letters.len() == 1 || (letters.len() == 2 && words.gap(at).starts_with('.'));
        if !is_initial || !letters.first()?.upper {
            return None;
        }
        let skeleton = fold::Skeleton::of(&letters);
        let fits = |word: &Word| word.skeletons().any(|own| own.starts_with(skeleton.as_str()));
        let spelling = part.spellings.iter().position(fits)?;
        Some(Fit { word: at, part, spelling, accepted: None, certainty: INITIAL, note: "", cased: true })
    }
}

impl Part {
    fn new(written: &str, spellings: Vec<Word>) -> Part {
        // The last letter of a stem can still change with what follows it.
        let beginning =
            |skeleton: &str| Key::of(&skeleton.as_bytes()[..skeleton.len().saturating_sub(1)]).beginning();
        let mut beginnings: Vec<Beginning> =
            spellings.iter().flat_map(Word::skeletons).map(beginning).collect();
        beginnings.sort_unstable();
        beginnings.dedup();
        Part { written: written.to_owned(), spellings, beginnings }
    }

    /// Whether word `at` may be a form of it, or stand for one, by what it
    /// begins with.
    fn may_be(&self, words: &Words, at: usize) -> bool {
        words.beginning(at).is_some_and(|word| self.beginnings.iter().any(|own| own.agrees(word)))
    }

    /// Whether word `at` is a form of it, whatever its capitals.
    fn fits(&self, words: &Words, at: usize) -> bool {
        let letters = words.letters(at);
        self.spellings.iter().any(|word| word.accept(&letters, || words.language()).is_some())
    }

    /// Whether word `at` begins with it and goes on.
    fn begins(&self, words: &Words, at: usize) -> bool {
        let own = self.spellings.first().and_then(|word| word.skeletons().next()).unwrap_or_default();
        let skeleton = Skeleton::of(&words.letters(at));
        own.len() >= BEGINNING_LETTERS_MIN
            && skeleton.as_str().strip_prefix(own).is_some_and(|rest| !rest.is_empty())
    }

    /// The part as written, in the script of `other`; `forms` are its own.
    fn like<'f>(&'f self, other: &str, forms: &'f [(&str, String)]) -> &'f str {
        let kind = |text: &str| text.chars().next().map(fold::kind);
        let mut written = forms.iter().filter(|(language, _)| *language == "as written");
        match written.find(|(_, form)| kind(form) == kind(other)) {
            Some((_, form)) if kind(&self.written) != kind(other) => form,
            _ => &self.written,
        }
    }

    fn named(&self) -> bool {
        self.spellings.first().is_some_and(|word| word.capital != Capital::None)
    }
}

/// What the forms of a part begin with, none the beginning of another.
fn keys(spellings: &[Word]) -> Vec<Key> {
    let skeletons = spellings.iter().flat_map(Word::skeletons);
    let mut keys: Vec<Key> = skeletons.map(|skeleton| Key::of(skeleton.as_bytes())).collect();
    keys.sort_unstable();
    keys.dedup_by(|longer, shorter| shorter.begins(*longer));
    keys
}

fn spelling_of(name: &str) -> Word {
    Word::new(&fold::letters(name, 0..name.len()), false)
}

/// A place from its parts, in the order of the text.
fn place(fits: &[&Fit], words: &Words, factor: f64, how: &str) -> Place {
    let start = fits.iter().map(|fit| fit.word).min().unwrap_or_default();
    let end = fits.iter().map(|fit| fit.word + 1).max().unwrap_or_default();
    let certainty = fits.iter().map(|fit| fit.certainty).fold(1.0, f64::min) * factor;
    let mut rule = String::with_capacity(RULE_BYTES);
    for (index, fit) in fits.iter().enumerate() {
        rule.push_str(if index > 0 { "; " } else { "" });
        fit.tell(words, &mut rule);
    }
    if !how.is_empty() {
        rule.push_str("; ");
        rule.push_str(how);
    }
    Place { words: start..end, rule, certainty }
}

impl Fit<'_> {
    /// Adds how the part stands there to `rule`.
    fn tell(&self, words: &Words, rule: &mut String) {
        let word = &self.part.spellings[self.spelling];
        let Some(accepted) = &self.accepted else {
            rule.push_str("initial of ");
            rule.extend(&word.letters);
            return;
        };
        accepted.tell(word, &words.letters(self.word), rule);
        if !self.note.is_empty() {
            rule.push_str("; ");
            rule.push_str(self.note);
        }
        if self.spelling > 0 {
            rule.push_str("; other spelling of ");
            rule.extend(self.part.spellings.first().into_iter().flat_map(|word| &word.letters));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::scan::tests::{any_prose, any_term};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_words_begin_with_hides_nothing(term in any_term(), text in any_prose()) {
            let use_of = Use { alias: false, given_names: true, derived: true };
            let phrase = Phrase::new(&term, use_of).filter(|phrase| phrase.parts.len() > 1);
            let words = Words::new(&text, None);
            for at in phrase.iter().flat_map(|_| 0..words.spans.len()) {
                let phrase = phrase.as_ref().expect("there is one to come here");
                prop_assert_eq!(phrase.find(&words, at), phrase.find_parts(&words, at, true, phrase.person.is_some()));
            }
        }
    }
}
