//! What the way a term is written says of it: a person as lists print one
//! (`RODRIGUEZ OREJUELA, Miguel Angel`), or a firm with its legal form (`OJSC SOVFRACHT`).
//!
//! Invariant: no name is known here; commas, capitals, particles and the table of legal
//! forms decide. What they do not decide is left to be a phrase.

use super::fold::{self, Kind, Letter, Skeleton};
use super::gazetteer;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

/// A person's name that says which words are the surname. Ranges are words of the term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullName {
    /// With its particles.
    pub surname: Range<usize>,
    /// Each given name; parts that hyphens or particles join are one.
    pub given: Vec<Range<usize>>,
    /// Whether a comma says so: then one given name alone, or its initial, will do.
    pub sure: bool,
}

/// A firm's name without its legal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firm<'t> {
    pub name: &'t str,
    /// Whether the name alone is a place or a given name, and so needs a form beside it.
    pub needs_form: bool,
}

/// Most words of a surname, of given names, and of a firm.
const SURNAME_WORDS_MAX: usize = 6;
const GIVEN_WORDS_MAX: usize = 9;
const FIRM_WORDS_MAX: usize = 24;
/// Letters of a form that could be a word: such a form is in capitals or has dots.
const SHORT_FORM_LETTERS: usize = 2;
/// Most words of a legal form, each letter between dots being one.
pub const FORM_WORDS_MAX: usize = 9;
/// Letters of a firm's only word.
const FIRM_LETTERS_MIN: usize = 3;

/// Particles of surnames and between given names, in the scripts we read.
const PARTICLES: &str = "al el ul ad ed as es ash esh az ez an en ar er ur at et il bin ben ibn bint bent ould uld wald \
    abu de del dela della di da do dos das du des la las le los les lo y e i van der den ter ten von zu zum zur vom vander af av ag of \
    аль эль ад ас аш аз ан ар ат уль бин бен ибн бинт ульд де дель ди да ду ла ле ван дер ден фон цу ал эл";
/// Forms of the Arabic article.
const ARTICLES: &str =
    "al el ul ad ed as es ash esh az ez an en ar er at et il аль эль ад ас аш аз ан ар ат уль ал эл";

/// What may stand before or after a name and is no part of it.
const TITLES: &str = "dr mr mrs ms prof gen col maj capt lt sgt sir haji hajji hadji hajj mullah maulavi mawlawi maulawi \
    sheikh shaykh sheik shaikh sayyid seyed sayed seyyed syed ayatollah hojjatoleslam imam qari hafiz ustad engineer eng brig president minister general";

/// What stands after a name and is no part of it.
const SUFFIXES: &str = "jr sr ii iii iv jnr snr phd";

/// Whether a word of these letters, whatever their case, is in `list`.
fn listed(list: &str, letters: &[Letter]) -> bool {
    let is = |word: &str| word.chars().eq(letters.iter().map(|letter| letter.char));
    letters.len() <= 16 && list.split_whitespace().any(is)
}

/// Whether a word can be a particle of a name.
pub fn is_particle(letters: &[Letter]) -> bool {
    letters.len() <= 6 && listed(PARTICLES, letters)
}

/// Whether a word is a form of the Arabic article.
pub fn is_article(letters: &[Letter]) -> bool {
    letters.len() <= 4 && listed(ARTICLES, letters)
}

/// Whether a word is a title rather than a name.
pub fn is_title(letters: &[Letter]) -> bool {
    listed(TITLES, letters)
}

/// The words of a term with what is between them.
struct Written<'t> {
    text: &'t str,
    spans: Vec<Range<usize>>,
    letters: Vec<Vec<Letter>>,
}

impl<'t> Written<'t> {
    fn new(text: &'t str) -> Written<'t> {
        let spans: Vec<Range<usize>> = fold::words(text).into_iter().map(fold::Span::range).collect();
        let letters = spans.iter().map(|span| fold::letters(text, span.clone())).collect();
        Written { text, spans, letters }
    }

    fn len(&self) -> usize {
        self.spans.len()
    }

    /// What stands between word `index` and the next.
    fn gap(&self, index: usize) -> &'t str {
        self.text[self.spans[index].end..self.spans[index + 1].start].trim()
    }

    fn is_hyphen(&self, index: usize) -> bool {
        matches!(self.gap(index), "-" | "\u{2010}" | "\u{2011}")
    }

    /// Whether a hyphen is on either side of word `index`.
    fn is_hyphened(&self, index: usize) -> bool {
        (index > 0 && self.is_hyphen(index - 1)) || (index + 1 < self.len() && self.is_hyphen(index))
    }

    fn is_upper(&self, index: usize) -> bool {
        let letters = &self.letters[index];
        letters.iter().all(|letter| letter.upper || letter.kind == Kind::Apostrophe)
    }

    fn has_digit(&self, index: usize) -> bool {
        self.letters[index].iter().any(|letter| letter.kind == Kind::Digit)
    }

    fn is_particle(&self, index: usize) -> bool {
        is_particle(&self.letters[index])
    }

    /// Whether word `index` can be a part of a person's name.
    fn is_name(&self, index: usize) -> bool {
        let is_capital = self.letters[index].first().is_some_and(|letter| letter.upper);
        !self.has_digit(index) && (is_capital || self.is_particle(index) || self.is_hyphened(index))
    }
}

impl FullName {
    /// Reads `SURNAME, Given`, `SURNAME Given Given`, `Given Given SURNAME`, and a name
    /// with a particle (`Ayman al-Zawahiri`); none for what is written otherwise.
    pub fn of(text: &str) -> Option<FullName> {
        let written = Written::new(text);
        let count = written.len();
        if count < 2 {
            return None;
        }
        let gaps: Vec<&str> = (1..count).map(|index| written.gap(index - 1)).collect();
        let commas: Vec<usize> = (0..gaps.len()).filter(|index| gaps[*index].contains(',')).collect();
        // Behind a surname in capitals and a comma anything is a given name (`Inayat ur`).
        let surname = commas.first().map_or(0, |comma| comma + 1);
        let is_loud =
            surname > 0 && (0..surname).all(|index| written.is_upper(index) || written.is_particle(index));
        let is_name =
            |index: usize| written.is_name(index) || is_loud && index > surname && !written.has_digit(index);
        if !(0..count).all(is_name) {
            return None;
        }
        let is_joint =
            |gap: &&str| matches!(*gap, "" | "-" | "\u{2010}" | "\u{2011}" | "." | "," | ".," | "-,");
        if !gaps.iter().all(is_joint) {
            return None;
        }
        match commas.as_slice() {
            [] => written.by_particle().or_else(|| written.by_capitals()),
            [comma, rest @ ..] => {
                // What follows a second comma is no name (`SMITH, John, Jr.`).
                let end = rest.first().map_or(count, |second| second + 1);
                let is_rest = |index: usize| {
                    listed(SUFFIXES, &written.letters[index]) || is_title(&written.letters[index])
                };
                if (end..count).all(is_rest) {
                    written.name(0..comma + 1, comma + 1..end, true)
                } else {
                    None
                }
            }
        }
    }
}

impl FullName {
    /// Whether what stands on both sides of the comma in `text` is more likely two names:
    /// the second ends as surnames do, or both are in full and neither is in capitals.
    pub fn is_two(&self, text: &str) -> bool {
        let written = Written::new(text);
        let is_loud = self.surname.clone().all(|index| written.is_upper(index) || written.is_particle(index));
        let last = self.given.last().map_or(0, |last| last.end - 1);
        let word: String = written.letters[last].iter().map(|letter| letter.char).collect();
        let is_surname =
            SURNAMES.iter().any(|end| word.strip_suffix(end).is_some_and(|stem| stem.chars().count() > 2));
        let known = |index: usize| {
            gazetteer::spellings(Skeleton::of(&written.letters[index]).as_str()).next().is_some()
        };
        let is_full = self.surname.len() > 1 && self.given.len() > 1 && known(self.surname.start);
        !is_loud && (is_surname || is_full)
    }
}

/// Endings that a surname has and no given name.
const SURNAMES: &[&str] = &[
    "ов", "ев", "ёв", "ова", "ева", "ёва", "ский", "ская", "енко", "ov", "ev", "ova", "eva", "skiy", "sky",
    "enko",
];

/// Whether `text` is a legal form and nothing else.
pub fn is_form(text: &str) -> bool {
    let letters: Vec<Letter> =
        fold::words(text).into_iter().flat_map(|span| fold::letters(text, span.range())).collect();
    FORMS.contains_key(&joined(&letters))
}

impl Written<'_> {
    /// The name with this surname and these given names, titles left out.
    fn name(&self, surname: Range<usize>, given: Range<usize>, sure: bool) -> Option<FullName> {
        let is_bare = surname.clone().all(|index| self.is_particle(index) && surname.len() > 1);
        if surname.is_empty() || surname.len() > SURNAME_WORDS_MAX || given.len() > GIVEN_WORDS_MAX || is_bare
        {
            return None;
        }
        let place = |words: &Range<usize>| {
            let text = &self.text[self.spans[words.start].start..self.spans[words.end - 1].end];
            !gazetteer::places(text).is_empty()
        };
        let mut given = self.units(given);
        while given.len() > 1 && given.last().is_some_and(|last| self.is_suffix(last)) {
            given.pop();
        }
        let whole = given.first()?.start..given.last()?.end;
        if place(&surname) && place(&whole) {
            return None;
        }
        Some(FullName { surname, given, sure })
    }

    /// `Jr.`, `III`, and other titles that can stand last.
    fn is_suffix(&self, name: &Range<usize>) -> bool {
        name.len() == 1 && listed(SUFFIXES, &self.letters[name.start])
    }

    /// Given names: parts with hyphens or a particle between them are one.
    fn units(&self, words: Range<usize>) -> Vec<Range<usize>> {
        let mut units: Vec<Range<usize>> = Vec::new();
        for index in words {
            let joins = |last: &Range<usize>| {
                let before = last.end - 1;
                self.is_hyphen(before)
                    || (last.len() > 1 && self.is_particle(before) && is_article(&self.letters[before]))
            };
            match units.last_mut() {
                Some(last) if joins(last) => last.end += 1,
                _ => units.push(index..index + 1),
            }
        }
        units
    }

    /// The surname is all in capitals, at one end; the rest is not.
    fn by_capitals(&self) -> Option<FullName> {
        let count = self.len();
        let loud = |index: usize| self.is_upper(index) && self.letters[index].len() > 1;
        let first = (0..count).take_while(|index| loud(*index)).count();
        let last = (0..count).rev().take_while(|index| loud(*index)).count();
        let has_long = |mut words: Range<usize>| words.any(|index| self.letters[index].len() > 3);
        let (surname, given) = match (first, last) {
            (0, last) if last > 0 && last < count => (count - last..count, 0..count - last),
            (first, 0) if first > 0 && first < count => (0..first, first..count),
            _ => return None,
        };
        let quiet = given.clone().all(|index| !loud(index));
        let is_whole = !self.is_hyphen(surname.start.max(given.start) - 1);
        // A pair in which one is short is an abbreviation and a word (US Senate).
        if !quiet
            || !is_whole
            || (count == 2 || !has_long(surname.clone())) && !self.is_particle(surname.start)
        {
            return None;
        }
        self.name(surname, given, false)
    }

    /// `Ayman al-Zawahiri`, `Ursula von der Leyen`: the surname begins with the first
    /// particle that is not at the beginning; `Al-Zawahiri Ayman`, with one that is.
    fn by_particle(&self) -> Option<FullName> {
        let count = self.len();
        let particle = |index: usize| self.is_particle(index) && self.letters[index].len() > 1;
        let is_lower = |index: usize| !self.letters[index].first().is_some_and(|letter| letter.upper);
        let article =
            |index: usize| index + 1 < count && is_article(&self.letters[index]) && self.is_hyphen(index);
        let opens = |index: usize| article(index) || is_lower(index) && listed(OPENERS, &self.letters[index]);
        let is_place = !gazetteer::places(self.text).is_empty();
        if is_place || (0..count).any(|index| is_lower(index) && !particle(index) && !self.is_hyphened(index))
        {
            return None;
        }
        if opens(0) {
            let end = (0..count).find(|index| !particle(*index))? + 1;
            return if end < count { self.name(0..end, end..count, true) } else { None };
        }
        let start = (1..count).find(|index| opens(*index) && !self.is_hyphen(index - 1))?;
        // One word, with others only where particles or hyphens join them.
        let joins = |index: usize| index == start || self.is_hyphen(index - 1) || particle(index - 1);
        let is_surname = (start..count).all(joins) && (start..count).any(|index| !particle(index));
        let is_given = (0..start).all(|index| !particle(index));
        if is_surname && is_given { self.name(start..count, 0..start, true) } else { None }
    }
}

/// Particles that begin a surname, where the rest of it does not say so.
const OPENERS: &str = "al el ul bin ben ibn bint bent ould van von der ter zu zur de del da dos di du \
    аль эль бин бен ибн бинт ульд ван фон де дель дер";

/// Where a legal form can stand, and whether it is a word of other names too.
#[derive(Debug, Clone, Copy)]
struct LegalForm {
    leads: bool,
    is_word: bool,
}

/// Legal forms, by their letters without spaces.
static FORMS: LazyLock<HashMap<String, LegalForm>> = LazyLock::new(|| {
    let mut forms = HashMap::new();
    let lines = include_str!("legal-forms.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let list = line.trim_start_matches(['~', '^']);
        let marks = &line[..line.len() - list.len()];
        let kind = LegalForm { leads: marks.contains('^'), is_word: marks.contains('~') };
        forms.extend(list.split(',').map(|form| (joined(&fold::letters(form, 0..form.len())), kind)));
    }
    forms
});

/// A form's letters, Turkish marks left out: `ŞTİ` and `STI` are one.
fn joined(letters: &[Letter]) -> String {
    let letters = letters.iter().filter(|letter| letter.kind != Kind::Apostrophe);
    let plain = letters.map(|letter| match letter.char {
        'ş' => 's',
        'ı' => 'i',
        char => char,
    });
    plain.collect()
}

/// How many of these words, from the first on, are a legal form; 0 for none.
pub fn form_words(words: &[Vec<Letter>]) -> usize {
    let longest = words.len().min(FORM_WORDS_MAX);
    (1..=longest).rev().find(|count| FORMS.contains_key(&joined(&words[..*count].concat()))).unwrap_or(0)
}

impl<'t> Firm<'t> {
    /// Reads a firm's name with its legal form before or after it; none for other terms.
    pub fn of(text: &'t str) -> Option<Firm<'t>> {
        let written = Written::new(text);
        if written.len() < 2 || written.len() > FIRM_WORDS_MAX {
            return None;
        }
        let core = written.without_forms();
        if core.len() == written.len() {
            return None;
        }
        let (first, last) = (core.start, core.end - 1);
        let name = &text[written.spans[first].start..written.spans[last].end];
        let mut words = core.clone().map(|index| written.letters[index].len());
        let is_long = core.len() > 1 || words.all(|letters| letters >= FIRM_LETTERS_MIN);
        let skeleton = Skeleton::of(&written.letters[first]);
        let is_given = core.len() == 1 && gazetteer::spellings(skeleton.as_str()).next().is_some();
        let needs_form = !is_long || is_given || !gazetteer::places(name).is_empty();
        Some(Firm { name, needs_form })
    }
}

impl Written<'_> {
    /// The words between the legal forms at both ends.
    fn without_forms(&self) -> Range<usize> {
        let mut core = 0..self.len();
        loop {
            let longest = FORM_WORDS_MAX.min(core.len() - 1);
            let lengths = (1..=longest).rev();
            if let Some(length) =
                lengths.clone().find(|length| self.is_form(core.end - length..core.end, &core))
            {
                core.end -= length;
            } else if let Some(length) =
                lengths.clone().find(|length| self.is_form(core.start..core.start + length, &core))
            {
                core.start += length;
            } else {
                return core;
            }
        }
    }

    /// Whether `words` of the name `core` are a legal form.
    fn is_form(&self, words: Range<usize>, core: &Range<usize>) -> bool {
        let letters = joined(&self.letters[words.clone()].concat());
        let Some(form) = FORMS.get(&letters) else { return false };
        let is_dotted = words.len() > 1 || self.text[self.spans[words.end - 1].end..].starts_with('.');
        let is_short = letters.chars().count() <= SHORT_FORM_LETTERS;
        let is_marked = !is_short || is_dotted || words.clone().all(|index| self.is_upper(index));
        let is_capital = self.letters[words.start].first().is_some_and(|letter| letter.upper)
            || letters.chars().count() > 6;
        // A hyphen makes it a part of the word beside it.
        let is_apart = (words.start == core.start || !self.is_hyphen(words.start - 1))
            && (words.end == core.end || !self.is_hyphen(words.end - 1));
        // `PAO, Yu` is a person.
        let leads = words.start == core.start && words.end < core.end;
        let is_in_place = if leads { form.leads && !self.gap(words.end - 1).contains(',') } else { true };
        is_marked && is_capital && is_apart && is_in_place && (!form.is_word || core.len() - words.len() > 1)
    }
}
