//! One word of a term, compiled: the stems to look for, and whether a word of
//! a text is a form of it.

use super::slavic::CLASSES;
use super::{Form, chains, derived, slavic, spelling};
use crate::watch::fold::{self, Kind, Letter, Skeleton};

/// Certainty of a form of another language than the text's.
const OTHER_LANGUAGE: f64 = 0.8;

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
}

#[derive(Debug, Clone)]
struct Stem {
    skeleton: String,
    /// Script of the texts it holds for; none: both.
    script: Option<Kind>,
    spelling: Option<&'static str>,
    certainty: f64,
    class: Class,
    /// Letters of the stem.
    letters: Vec<char>,
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

impl Word {
    /// Compiles one word of a term; with `derived` the words made from it count too.
    pub fn new(letters: &[Letter], derived: bool) -> Word {
        let chars: Vec<char> = letters.iter().map(|letter| letter.char).collect();
        let capital = capital(letters);
        let script = script(letters);
        let mut word = Word { letters: chars.clone(), script, capital, stems: Vec::new() };
        word.add(&chars, Class::Whole);
        if let Some(other) = fold::look_alike_word(letters) {
            let skeleton = spelling::skeleton(&other);
            let script = Some(if script == Kind::Latin { Kind::Cyrillic } else { Kind::Latin });
            let spelling = Some("letters that look alike");
            word.stems.push(Stem {
                skeleton,
                script,
                spelling,
                certainty: 0.8,
                class: Class::Whole,
                letters: other,
            });
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
            word.add(&stem.text.chars().collect::<Vec<_>>(), Class::Slavic(stem.class));
        }
        word
    }

    fn add(&mut self, letters: &[char], class: Class) {
        // Stems of several classes are often the same letters: read them once.
        let same = self.stems.iter().filter(|stem| stem.letters == letters && stem.class != class);
        let first = same.clone().next().map(|stem| stem.class);
        if let Some(first) = first {
            let same = same.filter(|stem| stem.class == first).cloned().map(|stem| Stem { class, ..stem });
            let copies: Vec<Stem> = same.collect();
            self.stems.extend(copies);
            return;
        }
        for reading in spelling::readings(letters, self.script, letters == self.letters) {
            self.stems.push(Stem {
                skeleton: reading.skeleton,
                script: reading.script,
                spelling: reading.rule,
                certainty: reading.certainty,
                class,
                letters: letters.to_vec(),
            });
        }
    }

    /// Skeletons that every form begins with one of, none the beginning of another.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.stems.iter().map(|stem| stem.skeleton.as_str()).collect();
        keys.sort_unstable();
        keys.dedup_by(|longer, shorter| longer.starts_with(*shorter));
        keys
    }

    /// The best reading of a text's word as a form of this one; `language` is
    /// what the text is written in, where known.
    pub fn accept(&self, word: &[Letter], language: Option<&str>) -> Option<Form> {
        let text_script = script(word);
        let mut skeleton = Skeleton::default();
        let mut best: Option<Form> = None;
        for (index, letter) in word.iter().enumerate() {
            skeleton.push(letter);
            let fits = |stem: &&Stem| stem.skeleton.as_bytes() == skeleton.as_bytes();
            for stem in self.stems.iter().filter(fits) {
                if stem.script.is_some_and(|script| script != text_script)
                    || stem.cut_short(word, index, self)
                {
                    continue;
                }
                let rest: String = word[index + 1..].iter().map(|letter| letter.char).collect();
                let before = &word[..=index];
                let Some(form) = stem.form(before, &rest, text_script) else { continue };
                let mut form = self.qualified(form, stem, text_script);
                if language.is_some_and(|language| !form.language.is_empty() && language != form.language) {
                    form.certainty *= OTHER_LANGUAGE;
                }
                if best.as_ref().is_none_or(|best| best.certainty < form.certainty) {
                    best = Some(form);
                }
            }
        }
        best
    }

    /// Adds how the script and spelling differ from the term's.
    fn qualified(&self, mut form: Form, stem: &Stem, text_script: Kind) -> Form {
        form.certainty *= stem.certainty;
        if text_script != self.script {
            let name = |kind| if kind == Kind::Latin { "Latin" } else { "Cyrillic" };
            form.label = format!("{}, {} for {}", form.label, name(text_script), name(self.script));
            form.certainty *= 0.95;
        }
        if let Some(spelling) = stem.spelling {
            form.label = format!("{}, spelling {spelling}", form.label);
        }
        form
    }
}

impl Stem {
    /// Whether a boundary after a doubled letter leaves the stem one too many
    /// (`Programm-ing` is not `Program`).
    fn cut_short(&self, word: &[Letter], index: usize, term: &Word) -> bool {
        let doubled = index > 0 && word[index].char == word[index - 1].char && index + 1 < word.len();
        let own = self.letters.windows(2).last().is_some_and(|pair| pair[0] == pair[1]);
        doubled && !own && word[index].kind == term.script
    }

    /// What `rest` makes of the stem, written in the text as `before`.
    fn form(&self, before: &[Letter], rest: &str, script: Kind) -> Option<Form> {
        let stem: Vec<char> = before.iter().map(|letter| letter.char).collect();
        match self.class {
            Class::Whole if rest.is_empty() || rest == "'" => Some(Form {
                language: "",
                ending: String::new(),
                label: "as written".into(),
                certainty: 1.0,
                derived: false,
            }),
            Class::Whole => chains::form(&stem, rest, script, false).or_else(|| chains::woman(&stem, rest)),
            Class::Softened => chains::form(&stem, rest, script, true),
            Class::Derived => derived::form(&stem, rest, script),
            Class::Slavic(_) if script != Kind::Cyrillic => None,
            Class::Slavic(class) => slavic_form(class, rest),
        }
    }
}

fn slavic_form(class: usize, rest: &str) -> Option<Form> {
    let class = &CLASSES[class];
    let ending = class.forms.iter().find(|ending| ending.text == rest)?;
    let (label, certainty) = match ending.ambiguity {
        Some(other) => (format!("{}, {}; can also be read {other}", class.label, ending.case), 0.6),
        None => (format!("{}, {}", class.label, ending.case), 0.95),
    };
    Some(Form { language: class.language, ending: rest.into(), label, certainty, derived: false })
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
