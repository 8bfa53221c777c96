//! The language of a text, by its letters first.
//!
//! Invariant: an answer that may be wrong is no answer. General detectors call
//! Kyrgyz Russian and Kazakh Belarusian with full confidence, so letters and
//! common words decide for the languages of Central Asia, and whatlang is
//! asked only about languages it tells apart.

use whatlang::Lang;

/// What the letters and words of a text say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Letters that only this language uses, or many of its common words.
    Strong(&'static str),
    /// A statistical guess.
    Weak(&'static str),
    /// Too short, or a language we cannot tell.
    Nothing,
}

/// ISO 639-1 code of the language of `text`, where it can be told.
pub fn language(text: &str) -> Option<&'static str> {
    match evidence(text) {
        Evidence::Strong(code) | Evidence::Weak(code) => Some(code),
        Evidence::Nothing => None,
    }
}

/// The publisher's word, unless the text plainly contradicts it.
pub fn settled(declared: Option<&str>, text: &str) -> Option<String> {
    let declared = declared.and_then(primary_subtag);
    let found = evidence(text);
    match (declared, found) {
        (_, Evidence::Strong(code)) => Some(code.to_owned()),
        (Some(declared), Evidence::Weak(code)) if !same_script(&declared, text) => Some(code.to_owned()),
        (Some(declared), _) if same_script(&declared, text) => Some(declared),
        (None, Evidence::Weak(code)) => Some(code.to_owned()),
        _ => None,
    }
}

/// `ru-RU` and `ru_RU` to `ru`.
fn primary_subtag(tag: &str) -> Option<String> {
    let subtag = tag.trim().split(['-', '_', ',', ' ']).next()?.to_ascii_lowercase();
    let is_code = (2..=3).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_lowercase());
    is_code.then_some(subtag)
}

/// Whether `text` can be in the language at all: a text in Cyrillic is not
/// English, a text in Latin letters is not Russian.
fn same_script(code: &str, text: &str) -> bool {
    const CYRILLIC: [&str; 10] = ["ru", "uk", "be", "bg", "mk", "ky", "tg", "mn", "tt", "ba"];
    const BOTH: [&str; 5] = ["kk", "uz", "sr", "az", "tk"];
    let letters = Letters::of(sample(text));
    if letters.total() == 0 || BOTH.contains(&code) {
        return true;
    }
    if CYRILLIC.contains(&code) {
        return letters.cyrillic * 2 >= letters.total();
    }
    letters.cyrillic * 2 <= letters.total()
}

/// Bytes of a text that are looked at; more would change no verdict.
const SAMPLE_BYTES_MAX: usize = 4 * 1024;

/// What the letters and words of `text` say about its language.
pub fn evidence(text: &str) -> Evidence {
    let text = sample(text);
    let letters = Letters::of(text);
    if letters.cyrillic > letters.latin && letters.cyrillic * 2 > letters.total() {
        // One foreign name brings a letter or two into a Russian text.
        let by_letters = letters.cyrillic_language();
        if by_letters.is_some() && letters.non_russian() > 2 {
            return by_letters.map_or(Evidence::Nothing, Evidence::Strong);
        }
        // Bulgarian, Macedonian and Ukrainian have neither ы nor э.
        let known = if letters.yery > 0 { &CYRILLIC_WORDS[..5] } else { &CYRILLIC_WORDS[..] };
        let worded = by_words(text, known);
        let code = if worded == Some("ru") { worded } else { by_letters.or(worded) };
        return code.map_or(Evidence::Nothing, Evidence::Strong);
    }
    if letters.latin * 2 > letters.total() {
        let marked = letters.uzbek_marks > 0 && letters.uzbek_marks * 20 >= letters.words;
        if let Some(code) = by_words(text, &LATIN_WORDS).or(marked.then_some("uz")) {
            return Evidence::Strong(code);
        }
    }
    guess(text, letters.total())
}

fn sample(text: &str) -> &str {
    let mut end = text.len().min(SAMPLE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Letters of a text, counted by script and by the languages they betray.
#[derive(Default)]
struct Letters {
    words: usize,
    latin: usize,
    cyrillic: usize,
    other: usize,
    tajik: usize,
    kazakh: usize,
    turkic: usize,
    uzbek: usize,
    uzbek_or_tajik: usize,
    ukrainian: usize,
    dotted_i: usize,
    yery: usize,
    south_slavic: usize,
    tatar: usize,
    /// `oʻ` and `gʻ` with any apostrophe.
    uzbek_marks: usize,
}

impl Letters {
    fn of(text: &str) -> Letters {
        let mut found = Letters::default();
        let mut previous = ' ';
        for c in text.chars() {
            found.count(c, previous);
            previous = c;
        }
        found
    }

    fn count(&mut self, c: char, previous: char) {
        if !c.is_alphabetic() {
            if matches!(c, 'ʻ' | '\'' | '’' | '‘' | '`' | 'ʼ') && matches!(previous, 'o' | 'g' | 'O' | 'G')
            {
                self.uzbek_marks += 1;
            }
            return;
        }
        self.words += usize::from(!previous.is_alphabetic());
        match c {
            'ʻ' | 'ʼ' => self.uzbek_marks += usize::from(matches!(previous, 'o' | 'g' | 'O' | 'G')),
            '\u{400}'..='\u{52f}' => {
                self.cyrillic += 1;
                self.betrayed_by(c);
            }
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => self.latin += 1,
            _ => self.other += 1,
        }
    }

    fn betrayed_by(&mut self, c: char) {
        match c {
            'ӣ' | 'ӯ' | 'ҷ' | 'Ӣ' | 'Ӯ' | 'Ҷ' => self.tajik += 1,
            'ә' | 'ұ' | 'һ' | 'Ә' | 'Ұ' | 'Һ' => self.kazakh += 1,
            'ң' | 'ө' | 'ү' | 'Ң' | 'Ө' | 'Ү' => self.turkic += 1,
            'ў' | 'Ў' => self.uzbek += 1,
            'ҳ' | 'қ' | 'ғ' | 'Ҳ' | 'Қ' | 'Ғ' => self.uzbek_or_tajik += 1,
            'ї' | 'є' | 'ґ' | 'Ї' | 'Є' | 'Ґ' => self.ukrainian += 1,
            'і' | 'І' => self.dotted_i += 1,
            'ы' | 'э' | 'Ы' | 'Э' => self.yery += 1,
            'ј' | 'љ' | 'њ' | 'ћ' | 'ђ' | 'џ' | 'ќ' | 'ѓ' | 'ѕ' => self.south_slavic += 1,
            'җ' | 'ҙ' | 'ҫ' | 'ҡ' | 'Җ' | 'Ҙ' | 'Ҫ' | 'Ҡ' => self.tatar += 1,
            _ => {}
        }
    }

    fn total(&self) -> usize {
        self.latin + self.cyrillic + self.other
    }

    fn non_russian(&self) -> usize {
        self.tajik
            + self.kazakh
            + self.turkic
            + self.uzbek
            + self.uzbek_or_tajik
            + self.ukrainian
            + self.dotted_i
    }

    /// The language whose own letters make up enough of the text that they do
    /// not come from one foreign name in it.
    fn cyrillic_language(&self) -> Option<&'static str> {
        let enough = |count: usize| count > 0 && count * 200 >= self.cyrillic;
        if enough(self.tatar) || enough(self.south_slavic) {
            return None;
        }
        if enough(self.ukrainian) && self.kazakh == 0 {
            return Some("uk");
        }
        if enough(self.tajik) {
            return Some("tg");
        }
        if enough(self.kazakh) || (enough(self.dotted_i) && enough(self.uzbek_or_tajik)) {
            return Some("kk");
        }
        if enough(self.uzbek) {
            return Some(if enough(self.dotted_i) { "be" } else { "uz" });
        }
        // Mongolian has ө and ү but no ң; a longer text in Kyrgyz has all three.
        enough(self.turkic).then_some("ky")
    }
}

/// A language's code and its common words.
type Words = (&'static str, &'static str);

const CYRILLIC_WORDS: [Words; 8] = [
    (
        "ru",
        "и в на не что с по как это из для его от был к о за при года или также после кроме том уже если они она его все бы чем когда этом",
    ),
    (
        "ky",
        "жана менен деп бул болгон эле бир ошол да боюнча эмес анын бар ал керек кылган айтты мамлекеттик тууралуу кийин үчүн эки",
    ),
    ("kk", "және мен бұл үшін деп бір болды туралы да де бойынша осы ол емес екі айтты кейін"),
    ("uz", "ва билан учун бу деб бир ҳам эди бўлган бўйича унинг эмас керак мазкур йил ушбу сўнг дея маълум"),
    ("tg", "ва дар аз ба ки ин бо барои аст шуд кард мардум то он соли буд гуфт шудааст ҳам"),
    ("uk", "і в у на не що та за до як це від про для його є"),
    ("bg", "и на в е се да за от са с че по като не ще към който"),
    ("mk", "и на во е се да за од со што го ја не ќе"),
];

const LATIN_WORDS: [Words; 9] = [
    ("en", "the of and to in a is that for was on with as he by has said from his are"),
    (
        "uz",
        "va bilan uchun bu deb bir ham edi bo'lgan bo‘lgan boʻlgan bo’lgan bo'yicha boʻyicha uning emas kerak mazkur yil ushbu hamda qildi orqali haqida",
    ),
    ("de", "der die und das den von zu mit ist nicht im ein eine auf für sich dem des"),
    ("fr", "le la les des et du une est dans pour qui par sur pas au il que un"),
    ("es", "el la los las y del una es en para por con su que un se al"),
    ("it", "il di che la e per una è del della con non sono nel gli un le"),
    ("tr", "ve bir bu için ile olarak da de olan daha çok sonra kadar"),
    ("pt", "o de que e do da em um para com não uma os no se na"),
    ("nl", "de het een van en in is dat op te zijn voor met niet aan"),
];

/// The language with the most common words in `text`, if there are enough of
/// them and no other comes near.
fn by_words(text: &str, languages: &[Words]) -> Option<&'static str> {
    const WORDS_MAX: usize = 200;
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !(c.is_alphabetic() || matches!(c, '\'' | '’' | '‘' | 'ʻ')))
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .collect();
    let mut ranked: Vec<(usize, &'static str)> = languages
        .iter()
        .map(|(code, common)| {
            (words.iter().filter(|word| common.split(' ').any(|known| known == **word)).count(), *code)
        })
        .collect();
    ranked.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
    let (best, second) = (ranked.first()?, ranked.get(1)?);
    let enough = best.0 >= 1 && best.0 * 12 >= words.len();
    (enough && best.0 > second.0 + second.0 / 4).then_some(best.1)
}

/// whatlang, for the languages it tells apart; Cyrillic it may not judge.
fn guess(text: &str, letters: usize) -> Evidence {
    const LETTERS_MIN: usize = 60;
    let Some(info) = whatlang::detect(text).filter(|info| info.is_reliable() && letters >= LETTERS_MIN)
    else {
        return Evidence::Nothing;
    };
    match info.lang() {
        Lang::Eng => Evidence::Weak("en"),
        Lang::Deu => Evidence::Weak("de"),
        Lang::Fra => Evidence::Weak("fr"),
        Lang::Spa => Evidence::Weak("es"),
        Lang::Ita => Evidence::Weak("it"),
        Lang::Por => Evidence::Weak("pt"),
        Lang::Nld => Evidence::Weak("nl"),
        Lang::Pol => Evidence::Weak("pl"),
        Lang::Tur => Evidence::Weak("tr"),
        Lang::Ara => Evidence::Weak("ar"),
        Lang::Pes => Evidence::Weak("fa"),
        Lang::Cmn => Evidence::Weak("zh"),
        Lang::Jpn => Evidence::Weak("ja"),
        Lang::Kor => Evidence::Weak("ko"),
        Lang::Hin => Evidence::Weak("hi"),
        Lang::Heb => Evidence::Weak("he"),
        Lang::Ell => Evidence::Weak("el"),
        Lang::Kat => Evidence::Weak("ka"),
        Lang::Hye => Evidence::Weak("hy"),
        _ => Evidence::Nothing,
    }
}
