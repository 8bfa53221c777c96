//! One word of a term, compiled: the stems to look for, and whether a word of
//! a text is a form of it.

use super::slavic::CLASSES;
use super::spelling::{self, Reading};
use super::{Form, Label, chains, derived, slavic};
use crate::watch::fold::{self, Kind, Letter, Skeleton};

/// Certainty of a form of another language than the text's.
const OTHER_LANGUAGE: f64 = 0.8;
/// Certainty of a word in the other script.
const OTHER_SCRIPT: f64 = 0.95;
/// Certainty of a word whose letters all have look-alikes, in the other script.
const LOOK_ALIKE: f64 = 0.8;

/// How a term's word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capital {
    None,
    First,
    All,
}

/// One word of a term.
#[derive(Debug, Clone)]
pub struct Word {
    pub letters: Vec<char>,
    pub script: Kind,
    pub capital: Capital,
    stems: Vec<Stem>,
    /// What may follow a stem, the stem by its index; several share one.
    classes: Vec<(Class, usize)>,
    /// How long the stems' skeletons are, one bit for a length.
    lengths: u64,
}

#[derive(Debug, Clone)]
struct Stem {
    letters: Vec<char>,
    readings: Vec<Reading>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// The word as it is, then a chain of endings.
    Whole,
    /// The same with its last letter softened.
    Softened,
    Slavic(usize),
    /// The word without its last vowel, to derive others from.
    Derived,
}

/// A word of a text as a form of a term's.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub form: Form,
    /// How many letters of the text's word the stem has.
    stem: usize,
    spelling: Option<&'static str>,
}

impl Word {
    /// Compiles one word of a term; with `derived` the words made from it count too.
    pub fn new(letters: &[Letter], derived: bool) -> Word {
        let chars: Vec<char> = letters.iter().map(|letter| letter.char).collect();
        let capital = capital(letters);
        let script = script(letters);
        let mut word = Word {
            letters: chars.clone(),
            script,
            capital,
            stems: Vec::new(),
            classes: Vec::new(),
            lengths: 0,
        };
        word.add(&chars, Class::Whole);
        if let Some(other) = fold::look_alike_word(letters) {
            let script = Some(if script == Kind::Latin { Kind::Cyrillic } else { Kind::Latin });
            let (skeleton, rule) = (spelling::skeleton(&other), Some("letters that look alike"));
            let reading = Reading { skeleton, script, rule, certainty: LOOK_ALIKE };
            word.classes.push((Class::Whole, word.stems.len()));
            word.stems.push(Stem { letters: other, readings: vec![reading] });
        }
        if let Some(soft) = chars.last().and_then(|last| chains::softened(*last)) {
            let mut softened = chars.clone();
            softened.pop();
            softened.push(soft);
            word.add(&softened, Class::Softened);
        }
        if derived {
            let cut =
                chars.len() - chars.iter().rev().take_while(|char| "аяоеыиьйіaeio".contains(**char)).count();
            let (short, long) = (&chars[..cut.max(2).min(chars.len())], &chars[..]);
            word.add(short, Class::Derived);
            word.add(long, Class::Derived);
        }
        for stem in slavic::stems(&chars, capital != Capital::None) {
            word.add(&stem.letters, Class::Slavic(stem.class));
        }
        word.lengths = word.skeletons().fold(0, |all, skeleton| all | length_bit(skeleton.as_bytes()));
        word
    }

    fn add(&mut self, letters: &[char], class: Class) {
        let known = self.stems.iter().position(|stem| stem.letters == letters);
        let stem = known.unwrap_or_else(|| {
            let readings = spelling::readings(letters, self.script, letters == self.letters);
            self.stems.push(Stem { letters: letters.to_vec(), readings });
            self.stems.len() - 1
        });
        self.classes.push((class, stem));
    }

    /// Skeletons that every form begins with one of.
    pub fn skeletons(&self) -> impl Iterator<Item = &str> {
        self.stems.iter().flat_map(|stem| &stem.readings).map(|reading| reading.skeleton.as_str())
    }

    /// The best reading of a text's word as a form of this one; `language` says
    /// what the text is written in, where known, and is asked only when it matters.
    pub fn accept(&self, word: &[Letter], language: impl Fn() -> Option<&'static str>) -> Option<Accepted> {
        let text_script = script(word);
        let chars: Vec<char> = word.iter().map(|letter| letter.char).collect();
        let text: String = chars.iter().collect();
        let mut rest = text.as_str();
        let mut skeleton = Skeleton::with_capacity(2 * word.len());
        let mut best: Option<Accepted> = None;
        for (index, letter) in word.iter().enumerate() {
            rest = &rest[letter.char.len_utf8()..];
            skeleton.push(letter);
            let stems = match self.lengths & length_bit(skeleton.as_bytes()) {
                0 => 0,
                _ => self.stems_of(skeleton.as_str()),
            };
            if stems == 0 {
                continue;
            }
            for (class, reading) in self.read(stems, skeleton.as_str(), text_script, &word[..=index], rest) {
                let Some(mut form) = class.form(&chars[..=index], rest, text_script) else { continue };
                form.certainty *= reading.certainty;
                if text_script != self.script {
                    form.certainty *= OTHER_SCRIPT;
                }
                if !form.language.is_empty() && language().is_some_and(|language| language != form.language) {
                    form.certainty *= OTHER_LANGUAGE;
                }
                if best.as_ref().is_none_or(|best| best.form.certainty < form.certainty) {
                    best = Some(Accepted { form, stem: index + 1, spelling: reading.rule });
                }
            }
        }
        best
    }

    /// Which stems have a reading of that skeleton, one bit for a stem; stems far
    /// apart may share one.
    fn stems_of(&self, skeleton: &str) -> u64 {
        let stems = self.stems.iter().enumerate();
        let fits = |stem: &Stem| stem.readings.iter().any(|reading| reading.skeleton == skeleton);
        stems.filter(|(_, stem)| fits(stem)).fold(0, |all, (index, _)| all | bit(index))
    }

    /// What the first letters of a text's word, which have `skeleton`, can be:
    /// those of `stems`, with their classes.
    fn read<'w>(
        &'w self,
        stems: u64,
        skeleton: &'w str,
        script: Kind,
        letters: &'w [Letter],
        rest: &'w str,
    ) -> impl Iterator<Item = (Class, &'w Reading)> {
        self.classes.iter().filter(move |(_, stem)| stems & bit(*stem) != 0).flat_map(move |(class, stem)| {
            let stem = &self.stems[*stem];
            let fits = move |reading: &&Reading| {
                reading.skeleton == skeleton
                    && reading.script.is_none_or(|own| own == script)
                    && !stem.cut_short(letters, rest, self)
            };
            stem.readings.iter().filter(fits).map(move |reading| (*class, reading))
        })
    }
}

impl Accepted {
    /// Adds what makes `letters` a form of `word` to `rule`:
    /// `stem temirov + ым (ru, surname of a man, instrumental)`.
    pub fn tell(&self, word: &Word, letters: &[Letter], rule: &mut String) {
        let (stem, ending) = letters.split_at(self.stem.min(letters.len()));
        let text =
            |letters: &[Letter], rule: &mut String| rule.extend(letters.iter().map(|letter| letter.char));
        if self.form.language.is_empty() {
            rule.extend(&word.letters);
            rule.push_str(" (");
        } else {
            rule.push_str("stem ");
            text(stem, rule);
            rule.push_str(if ending.is_empty() { "" } else { " + " });
            text(ending, rule);
            rule.extend([" (", self.form.language, ", "]);
        }
        let script = script(letters);
        let is_own = letters.iter().map(|letter| letter.char).eq(word.letters.iter().copied());
        if self.form.language.is_empty() && script == word.script && !is_own {
            rule.push_str("spelled ");
            text(letters, rule);
        } else {
            self.form.label.tell(rule);
        }
        if script != word.script {
            let name = |kind| if kind == Kind::Latin { "Latin" } else { "Cyrillic" };
            rule.extend([", ", name(script), " for ", name(word.script)]);
        }
        if let Some(spelling) = self.spelling {
            rule.extend([", spelling ", spelling]);
        }
        rule.push(')');
    }
}

impl Stem {
    /// Whether a boundary after a doubled letter leaves the stem one too many
    /// (`Programm-ing` is not `Program`).
    fn cut_short(&self, letters: &[Letter], rest: &str, term: &Word) -> bool {
        let [.., before, last] = letters else { return false };
        let own = self.letters.windows(2).last().is_some_and(|pair| pair[0] == pair[1]);
        last.char == before.char && !rest.is_empty() && !own && last.kind == term.script
    }
}

impl Class {
    /// What `rest` makes of the stem, which the text writes as `stem`.
    fn form(self, stem: &[char], rest: &str, script: Kind) -> Option<Form> {
        match self {
            Class::Whole if rest.is_empty() || rest == "'" => {
                Some(Form { language: "", label: Label::Written, certainty: 1.0, derived: false })
            }
            Class::Whole => chains::form(stem, rest, script, false).or_else(|| chains::woman(stem, rest)),
            Class::Softened => chains::form(stem, rest, script, true),
            Class::Derived => derived::form(stem, rest, script),
            Class::Slavic(_) if script != Kind::Cyrillic => None,
            Class::Slavic(class) => slavic_form(class, rest),
        }
    }
}

/// The bit of a skeleton's length; lengths may share one.
fn length_bit(skeleton: &[u8]) -> u64 {
    bit(skeleton.len())
}

fn bit(number: usize) -> u64 {
    1 << (number % 64)
}

fn slavic_form(class: usize, rest: &str) -> Option<Form> {
    let class = &CLASSES[class];
    let ending = class.forms.iter().find(|ending| ending.text == rest)?;
    let label = Label::Declined(class.label, ending.case, ending.ambiguity);
    let certainty = if ending.ambiguity.is_some() { 0.6 } else { 0.95 };
    Some(Form { language: class.language, label, certainty, derived: false })
}

/// How a word is written.
pub fn capital(letters: &[Letter]) -> Capital {
    let upper = letters.iter().filter(|letter| letter.upper).count();
    let cased = letters.iter().filter(|letter| matches!(letter.kind, Kind::Latin | Kind::Cyrillic)).count();
    match letters.first() {
        Some(_) if upper == cased && upper > 1 => Capital::All,
        Some(first) if first.upper => Capital::First,
        _ => Capital::None,
    }
}

/// Main script of a word: that of its first letter.
pub fn script(letters: &[Letter]) -> Kind {
    let first =
        letters.iter().find(|letter| matches!(letter.kind, Kind::Latin | Kind::Cyrillic | Kind::Foreign));
    first.map_or(Kind::Digit, |letter| letter.kind)
}
