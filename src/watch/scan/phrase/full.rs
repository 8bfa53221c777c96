//! A name that says which of its words are the surname, found as anyone writes it.
//!
//! Invariant: the surname stands in full beside the first given name or its initial;
//! words of two people never make one.

use super::{BARE, Fit, LISTED, LOWER_CASE, PATRONYMIC, Part, Phrase, Place, STRANGE, TURNED, place};
use crate::watch::fold::{Letter, Skeleton};
use crate::watch::forms::word::{Capital, Word, capital};
use crate::watch::gazetteer;
use crate::watch::name::{FullName, is_article, is_particle, is_title};
use crate::watch::scan::field::Words;
use crate::watch::scan::key::Key;
use crate::watch::scan::person::between_names;
use std::ops::Range;

/// A full name, compiled.
#[derive(Debug, Clone)]
pub struct Full {
    name: FullName,
    /// The surname without the particles it begins with.
    core: Range<usize>,
    /// The part of it to look for first.
    anchor: usize,
    /// The surname as one word (`Alzawahiri`), and without the article that is written as
    /// a part of it (`Otaibi`).
    joined: Vec<Part>,
    apart: Option<Part>,
    /// The given names as one word (`Jongun`, `Abdulrahman`), and the first one, where it
    /// has several parts.
    given: Vec<Word>,
    first: Vec<Word>,
}

/// Where the surname stands.
struct Spot<'p> {
    words: Range<usize>,
    fits: Vec<Fit<'p>>,
    certainty: f64,
}

/// Where given names stand, and how many they are.
struct Given<'p> {
    words: Range<usize>,
    fits: Vec<Fit<'p>>,
    count: usize,
    /// Whether a word stands between that the name does not have.
    is_strange: bool,
}

/// Certainty of a name written as one word or apart, against the other way.
const JOINED: f64 = 0.9;
/// Certainty of a surname alone, where the full name stands elsewhere in the story.
const ALONE: f64 = 0.85;
/// Certainty of a surname without its particle, or with another.
const PARTICLE: f64 = 0.9;
/// Most words that are a name written apart, and most particles before a surname.
const APART_MAX: usize = 4;
const PARTICLES_MAX: usize = 3;
/// Letters of a surname that can have an article as a part of it.
const ARTICLE_SURNAME_MIN: usize = 6;

impl Full {
    /// `letters` are the words of the term.
    pub fn new(name: FullName, letters: &[Vec<Letter>]) -> Full {
        let particles = name.surname.clone().take_while(|index| is_particle(&letters[*index])).count();
        let start = (name.surname.start + particles).min(name.surname.end - 1);
        let core = start..name.surname.end;
        let anchor = core.clone().max_by_key(|index| letters[*index].len()).unwrap_or(start);
        let joined =
            if name.surname.len() > 1 { spellings(&letters[name.surname.clone()]) } else { Vec::new() };
        let part = |letters: &Vec<Letter>| {
            let written: String = letters.iter().map(|letter| letter.char).collect();
            Part::new(&written, vec![Word::new(letters, false)])
        };
        let alone = &letters[start];
        let has_article =
            name.surname.len() == 1 && alone.len() >= ARTICLE_SURNAME_MIN && is_article(&alone[..2]);
        let apart = has_article.then(|| part(&first_upper(alone[2..].to_vec())));
        let whole = name.given[0].start..name.given[name.given.len() - 1].end;
        let words = |range: Range<usize>| -> Vec<Word> {
            spellings(&letters[range]).iter().map(|letters| Word::new(letters, false)).collect()
        };
        let first = if name.given.len() > 1 { words(name.given[0].clone()) } else { Vec::new() };
        Full {
            core,
            anchor,
            joined: joined.iter().map(part).collect(),
            apart,
            given: words(whole),
            first,
            name,
        }
    }

    /// What the places where it may stand begin with, beside the anchor.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        let parts = self.joined.iter().chain(&self.apart);
        parts.flat_map(|part| super::keys(&part.spellings))
    }

    /// The part of the term to look for first.
    pub fn anchor(&self) -> usize {
        self.anchor
    }
}

/// With a capital at the beginning only.
pub fn first_upper(mut letters: Vec<Letter>) -> Vec<Letter> {
    for (index, letter) in letters.iter_mut().enumerate() {
        letter.upper = index == 0;
    }
    letters
}

/// The ways to write words as one, the article in each of its forms.
fn spellings(words: &[Vec<Letter>]) -> Vec<Vec<Letter>> {
    let whole = first_upper(words.concat());
    let text: String = whole.iter().map(|letter| letter.char).collect();
    const ABD: [&str; 5] = ["abdul", "abdal", "abdel", "abdol", "abdil"];
    let own = ABD.iter().find(|own| text.starts_with(**own) && text.len() > own.len() + 2);
    let mut all = vec![whole.clone()];
    for other in ABD.iter().filter(|other| own.is_some_and(|own| own != *other)) {
        let mut changed = whole.clone();
        changed.iter_mut().zip(other.chars()).for_each(|(letter, char)| letter.char = char);
        all.push(changed);
    }
    all
}

impl Phrase {
    /// The full name with a part of its surname at word `at`.
    pub(super) fn find_full(&self, full: &Full, words: &Words, at: usize) -> Option<Place> {
        if !self.may_be_given(full, words, at) {
            return None;
        }
        self.spots(full, words, at).into_iter().find_map(|spot| {
            self.given_first(full, words, &spot).or_else(|| self.surname_first(full, words, &spot))
        })
    }

    /// The surname of a person alone at word `at`, where no other name is beside it.
    pub fn surname_alone(&self, words: &Words, at: usize) -> Option<Place> {
        let (span, fits) = match (&self.full, &self.person) {
            (Some(full), _) => {
                let spot = self.spots(full, words, at).into_iter().next()?;
                (spot.words, spot.fits)
            }
            (None, Some(person)) => {
                let start = at.checked_sub(self.anchor - person.surname.start)?;
                let fits = self.unit(&person.surname, words, start)?;
                (start..start + person.surname.len(), fits)
            }
            (None, None) => return None,
        };
        let is_whole =
            (span.start..span.end - 1).all(|word| words.adjacent(word) || is_hyphen(words.gap(word)));
        let is_cased = fits.iter().any(|fit| fit.cased);
        if !is_whole || !is_cased || self.is_of_another(words, &span) {
            return None;
        }
        let fits: Vec<&Fit> = fits.iter().collect();
        let mut found = place(&fits, words, ALONE, "surname alone, beside the full name elsewhere");
        found.words = span;
        Some(found)
    }

    /// Whether a word with a capital beside a surname makes it somebody else's.
    fn is_of_another(&self, words: &Words, surname: &Range<usize>) -> bool {
        let is_upper = |word: usize| words.letters(word).first().is_some_and(|letter| letter.upper);
        let mut start = surname.start;
        while start > 0 && words.adjacent(start - 1) && is_particle(&words.letters(start - 1)) {
            start -= 1;
        }
        let end = surname.end;
        let after = end < words.spans.len() && words.adjacent(end - 1) && is_upper(end);
        if after && (is_hyphen(words.gap(end - 1)) || !words.is_headline()) {
            return true;
        }
        let Some(before) = start.checked_sub(1).filter(|before| words.adjacent(*before)) else {
            return false;
        };
        let letters = words.letters(before);
        if !is_upper(before) || is_title(&letters) {
            return false;
        }
        let is_given = || gazetteer::spellings(Skeleton::of(&letters).as_str()).next().is_some();
        !words.is_headline() || letters.len() == 1 || is_hyphen(words.gap(before)) || is_given()
    }

    /// Whether the term is a person's name.
    pub fn is_person(&self) -> bool {
        self.person.is_some() || self.full.is_some()
    }

    /// Whether a given name can be near word `at`, by what the words there begin with.
    fn may_be_given(&self, full: &Full, words: &Words, at: usize) -> bool {
        let count = full.name.given.last().map_or(0, |last| last.end) - full.name.given[0].start;
        let reach = count.max(APART_MAX) + full.name.surname.len() + PARTICLES_MAX;
        let parts = self.first_units(full).map(|unit| &self.parts[full.name.given[unit].start]);
        let parts: Vec<&Part> = parts.collect();
        let around = at.saturating_sub(reach)..=at + reach;
        around.into_iter().any(|word| word != at && parts.iter().any(|part| part.may_be(words, word)))
    }

    /// The given names that can stand first: a title can be left out.
    fn first_units(&self, full: &Full) -> impl Iterator<Item = usize> {
        let is_title = |unit: &usize| self.titles.get(full.name.given[*unit].start) == Some(&true);
        let titles = (0..full.name.given.len()).take_while(is_title).count();
        0..=titles.min(full.name.given.len() - 1)
    }

    fn spots(&self, full: &Full, words: &Words, at: usize) -> Vec<Spot<'_>> {
        let mut spots = Vec::new();
        let core =
            at.checked_sub(full.anchor - full.core.start).and_then(|start| self.core(full, words, start));
        spots.extend(core);
        let Some(full) = &self.full else { return spots };
        let joined = full.joined.iter().find_map(|part| Phrase::fit_of(part, true, words, at));
        spots.extend(joined.map(|fit| Spot { words: at..at + 1, fits: vec![fit], certainty: JOINED }));
        if let (Some(part), Some(before)) = (&full.apart, at.checked_sub(1))
            && words.adjacent(before)
            && is_article(&words.letters(before))
        {
            let fit = Phrase::fit_of(part, true, words, at);
            spots.extend(fit.map(|fit| Spot { words: before..at + 1, fits: vec![fit], certainty: JOINED }));
        }
        spots.retain(|spot| spot.fits.iter().any(|fit| fit.cased));
        spots
    }

    /// The surname from its core on at word `start`.
    fn core(&self, full: &Full, words: &Words, start: usize) -> Option<Spot<'_>> {
        let mut fits = Vec::new();
        // The anchor is what made this word a candidate: the likeliest to be there.
        self.fit(full.anchor, words, start + full.anchor - full.core.start)?;
        let mut at = start;
        for part in full.core.clone() {
            if at > start && !words.adjacent(at - 1) {
                return None;
            }
            match self.fit(part, words, at) {
                Some(fit) => fits.push(fit),
                None if self.particles[part] && is_particle(&words.letters(at)) => {}
                None => return None,
            }
            at += 1;
        }
        Some(Spot { words: start..at, fits, certainty: 1.0 })
    }

    /// `Miguel Angel Rodriguez Orejuela`, `M. Rodriguez Orejuela`.
    fn given_first(&self, full: &Full, words: &Words, spot: &Spot<'_>) -> Option<Place> {
        let own = full.core.start - full.name.surname.start;
        let mut limit = spot.words.start;
        for particles in 0..=PARTICLES_MAX {
            let longest = full.name.given.iter().map(|unit| unit.len() + 1).sum::<usize>().max(APART_MAX) + 1;
            for start in limit.saturating_sub(longest)..limit {
                let Some(given) = self.given_from(full, words, start, Some(limit)) else { continue };
                if start > 0 && is_hyphen(words.gap(start - 1)) && words.letters(start - 1).len() > 2 {
                    continue;
                }
                let has_own = particles > 0 || own == 0 || spot.words.len() < full.core.len();
                let particle = if has_own && (particles == 0 || own > 0) { 1.0 } else { PARTICLE };
                let is_hyphened = is_hyphen(words.gap(spot.words.end - 1))
                    && words.letters(spot.words.end).first().is_some_and(|letter| letter.upper);
                let other = if is_hyphened { STRANGE } else { 1.0 };
                return Some(self.full_place(full, words, spot, given, particle * other, &[]));
            }
            let is_more = limit > 0 && words.adjacent(limit - 1) && is_particle(&words.letters(limit - 1));
            if !is_more {
                break;
            }
            limit -= 1;
        }
        None
    }

    /// `Rodriguez Orejuela Miguel Angel`, with a comma or without.
    fn surname_first(&self, full: &Full, words: &Words, spot: &Spot<'_>) -> Option<Place> {
        let start = spot.words.end;
        let is_listed = words.gap(start - 1).trim().trim_start_matches('.') == ",";
        if !is_listed && !words.adjacent(start - 1) {
            return None;
        }
        let given = self.given_from(full, words, start, None)?;
        let end = given.words.end;
        let next = words.letters(end);
        let is_near = end < words.spans.len() && words.adjacent(end - 1);
        let is_upper = next.first().is_some_and(|letter| letter.upper);
        let is_followed = is_near && (is_upper && !between_names(&next) || is_hyphen(words.gap(end - 1)));
        let is_whole = given.count == full.name.given.len();
        let is_loud = capital(&words.letters(start - 1)) == Capital::All;
        if is_followed && (!is_whole || is_listed && !is_loud) {
            return None;
        }
        let turned =
            if is_listed { (LISTED, "surname first, as lists have it") } else { (TURNED, "surname first") };
        let factor = turned.0 * if is_followed { LOWER_CASE } else { 1.0 };
        Some(self.full_place(full, words, spot, given, factor, &[turned.1]))
    }

    fn full_place(
        &self,
        full: &Full,
        words: &Words,
        spot: &Spot<'_>,
        given: Given<'_>,
        factor: f64,
        how: &[&str],
    ) -> Place {
        let mut how = how.to_vec();
        let mut factor = factor * spot.certainty;
        let is_whole = given.count == full.name.given.len();
        if !is_whole {
            factor *= BARE;
            how.push("without all given names");
        }
        if given.is_strange {
            factor *= if is_whole { PATRONYMIC } else { STRANGE };
            how.push("another name between");
        }
        let mut fits: Vec<&Fit> = given.fits.iter().collect();
        let at = if given.words.start < spot.words.start { fits.len() } else { 0 };
        fits.splice(at..at, &spot.fits);
        let mut found = place(&fits, words, factor, &how.join(", "));
        found.words = given.words.start.min(spot.words.start)..given.words.end.max(spot.words.end);
        found
    }

    /// The given names from word `start` on, as many as there are, up to `limit` exactly.
    fn given_from(
        &self,
        full: &Full,
        words: &Words,
        start: usize,
        limit: Option<usize>,
    ) -> Option<Given<'_>> {
        let firsts = self.first_units(full);
        let mut best: Option<Given<'_>> = None;
        for first in firsts {
            let found = self.walk(full, words, start, first, limit);
            let found = found.filter(|given| best.as_ref().is_none_or(|best| best.count < given.count));
            best = found.or(best);
        }
        best.or_else(|| self.given_as_one(full, words, start, limit))
            .filter(|given| full.name.sure || given.count == full.name.given.len())
    }

    fn walk(
        &self,
        full: &Full,
        words: &Words,
        start: usize,
        first: usize,
        limit: Option<usize>,
    ) -> Option<Given<'_>> {
        let units = &full.name.given;
        let (mut at, mut fits) = self.unit_at(&units[first], words, start, true)?;
        let (mut next, mut count, mut is_strange) = (first + 1, first + 1, false);
        while limit.is_none_or(|limit| at < limit) && at < words.spans.len() && words.adjacent(at - 1) {
            let found = (next..units.len())
                .find_map(|unit| Some((unit, self.unit_at(&units[unit], words, at, false)?)));
            if let Some((unit, (end, more))) = found {
                (at, next, count) = (end, unit + 1, count + 1);
                fits.extend(more);
            } else if limit.is_some() && is_particle(&words.letters(at)) && words.letters(at).len() > 1 {
                at += 1;
            } else if limit.is_some() && !is_strange && between_names(&words.letters(at)) {
                (at, is_strange) = (at + 1, true);
            } else {
                break;
            }
        }
        let is_end = limit.is_none_or(|limit| at == limit && words.adjacent(at - 1));
        is_end.then_some(Given { words: start..at, fits, count, is_strange })
    }

    /// One given name at word `at`, in full or as initials; the word after it.
    fn unit_at(
        &self,
        unit: &Range<usize>,
        words: &Words,
        at: usize,
        is_first: bool,
    ) -> Option<(usize, Vec<Fit<'_>>)> {
        self.unit_in_full(unit, words, at, is_first).or_else(|| {
            let mut fits = vec![self.initial(unit.start, words, at)?];
            if is_first && !words.gap(at).starts_with('.') {
                return None;
            }
            for part in unit.clone().skip(1) {
                let word = at + fits.len();
                if !words.adjacent(word - 1) || !is_hyphen(words.gap(word - 1).trim_start_matches('.')) {
                    break;
                }
                fits.push(self.initial(part, words, word)?);
            }
            Some((at + fits.len(), fits))
        })
    }

    fn unit_in_full(
        &self,
        unit: &Range<usize>,
        words: &Words,
        start: usize,
        is_first: bool,
    ) -> Option<(usize, Vec<Fit<'_>>)> {
        let mut fits = Vec::new();
        let mut at = start;
        for part in unit.clone() {
            if at > start && !words.adjacent(at - 1) {
                return None;
            }
            match self.fit(part, words, at) {
                Some(fit) => fits.push(fit),
                None if self.particles[part] && unit.len() > 1 => {
                    // The particle in another form, or left out.
                    at += usize::from(is_particle(&words.letters(at)));
                    continue;
                }
                None => return None,
            }
            at += 1;
        }
        let is_cased = !is_first || fits.first().is_some_and(|fit| fit.cased);
        (is_cased && !fits.is_empty()).then_some((at, fits))
    }

    /// Given names that the text joins, or writes apart where the term has one word.
    fn given_as_one(
        &self,
        full: &Full,
        words: &Words,
        start: usize,
        limit: Option<usize>,
    ) -> Option<Given<'_>> {
        let count = full.name.given.len();
        let ends = limit.map_or(start + 1..=start + APART_MAX, |limit| limit..=limit);
        for end in
            ends.rev().filter(|end| *end > start && *end <= words.spans.len() && end - start <= APART_MAX)
        {
            let is_one = (start..end - 1).all(|word| words.adjacent(word));
            if !is_one || limit.is_some() && !words.adjacent(end - 1) {
                continue;
            }
            let letters: Vec<Letter> = (start..end).flat_map(|word| words.letters(word)).collect();
            if !letters.first().is_some_and(|letter| letter.upper) {
                continue;
            }
            let accepted =
                |list: &[Word]| list.iter().find_map(|word| word.accept(&letters, || words.language()));
            let whole = accepted(&full.given).map(|found| (found, count));
            let Some((found, count)) = whole.or_else(|| Some((accepted(&full.first)?, 1))) else { continue };
            let part = &self.parts[full.name.given[0].start];
            let certainty = found.form.certainty * JOINED;
            let fit = Fit {
                word: start,
                part,
                spelling: 0,
                accepted: Some(found),
                certainty,
                note: "written as one or apart",
                cased: true,
            };
            return Some(Given { words: start..end, fits: vec![fit], count, is_strange: false });
        }
        None
    }
}

fn is_hyphen(gap: &str) -> bool {
    matches!(gap, "-" | "\u{2010}" | "\u{2011}")
}

/// Which words of a term are particles, and which are titles.
pub fn kinds(letters: &[Vec<Letter>]) -> (Vec<bool>, Vec<bool>) {
    (
        letters.iter().map(|word| is_particle(word)).collect(),
        letters.iter().map(|word| is_title(word)).collect(),
    )
}
