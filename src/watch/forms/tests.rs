//! What must hold for any name: a form that is shown is found, in a sentence of
//! its language, exactly where it stands.

use crate::extract::Article;
use crate::watch::query::Kind;
use crate::watch::scan::{Pattern, Patterns};
use proptest::prelude::*;

/// A sentence of each language with a place for a name.
const SENTENCES: &[(&str, &str)] = &[
    ("ru", "Вчера было объявлено, что {} ещё помнят здесь."),
    ("uk", "Учора стало відомо, що {} її ще пам’ятають."),
    ("kk", "Кеше {} туралы жаңа хабар айтылды, деді әкім."),
    ("ky", "Кечээ {} жөнүндө жаңы кабар айтылды, деди өкүл."),
    ("uz cyrillic", "Кеча {} ҳақида янги хабар айтилди, деди ўқитувчи."),
    ("uz latin", "Kecha {} haqida yangi xabar aytildi, dedi oʻqituvchi."),
    ("tg", "Дирӯз {} дар хабари нав ёд шуд, гуфт ҳамсоя."),
    ("tk", "Düýn {} barada täze habar aýdyldy, diýdi ýolbaşçy."),
    ("en", "It was said on Monday that {} had been there, the reporter wrote."),
];

/// Beginnings of words in each alphabet, and how names and places end there:
/// every class of the tables stands for itself.
const NAMES: &[(&[&str], &[&str], &[&str])] = &[
    (
        &["Бар", "Вол", "Дур", "Коз", "Мел", "Пест", "Руб", "Сат", "Тем", "Чер", "Щег", "Юз", "Ёл"],
        &["", "ма", "ни", "ке", "ло", "сту", "ди", "ря"],
        &[
            "ров", "нев", "кин", "цын", "рова", "нева", "кина", "ский", "ская", "цкой", "енко", "ских",
            "чук", "рец", "нок", "ей", "лай", "рий", "ия", "ья", "ка", "га", "ша", "ря", "ль", "нь", "сть",
            "град", "ск", "бург", "ово", "ино", "ье", "ны", "ки", "и", "лл", "рос", "ной", "ая", "ое", "ые",
        ],
    ),
    (
        &["Гри", "Вол", "Їжа", "Кост", "Лев", "Мір", "Під", "Сір", "Чор", "Ґаз"],
        &["", "ма", "ні", "ко", "ло", "сту", "ді"],
        &[
            "енко",
            "чук",
            "ів",
            "їв",
            "ський",
            "ська",
            "ець",
            "ок",
            "ій",
            "ія",
            "ка",
            "га",
            "ха",
            "ль",
            "не",
            "иця",
            "ин",
        ],
    ),
    (
        &["Аба", "Бай", "Жума", "Қасым", "Нұр", "Сәр", "Төле", "Ұлан", "Әли", "Ғали", "Һар", "Іле"],
        &["", "бе", "қа", "лы", "ға", "рза"],
        &[
            "баев",
            "ев",
            "беков",
            "баева",
            "ұлы",
            "қызы",
            "стан",
            "тау",
            "көл",
            "бек",
            "гүл",
            "ай",
            "к",
            "қ",
            "п",
        ],
    ),
    (
        &["Аба", "Бакы", "Жума", "Кожо", "Мээ", "Ныша", "Өмү", "Тойчу", "Үсө", "Чыңгы"],
        &["", "бе", "ка", "лы", "на", "рзы", "гө"],
        &[
            "ев",
            "беков",
            "баев",
            "кулов",
            "баева",
            "уулу",
            "кызы",
            "көл",
            "бек",
            "гүл",
            "стан",
            "к",
            "п",
            "рөк",
        ],
    ),
    (
        &["Абду", "Бобо", "Ғафур", "Қурбон", "Раҳим", "Ҷӯра", "Шариф", "Ӯрун"],
        &["", "ма", "до", "ри", "ло", "ҳа"],
        &["зода", "ов", "ова", "ӣ", "иён", "пур", "стон", "обод", "ғон", "ё", "у"],
    ),
    (
        &["Абду", "Ўрин", "Ғани", "Қодир", "Ҳамид", "Шер"],
        &["", "ма", "ли", "бо", "қу"],
        &["ев", "ов", "хонов", "ова", "зода", "стон", "обод", "к", "қ", "бек"],
    ),
    (
        &["Abdu", "Gʻani", "Oʻrin", "Qodir", "Shavka", "Chori", "Xol", "Yoʻl"],
        &["", "ma", "li", "bo", "qu", "jo"],
        &["yev", "ov", "xonov", "ova", "zoda", "ston", "obod", "k", "q", "bek", "iy"],
    ),
    (
        &["Gur", "Saý", "Öwez", "Çary", "Žum", "Meň"],
        &["", "ban", "dur", "le"],
        &["ow", "ýew", "owa", "abat", "k", "p", "gül"],
    ),
    (
        &["Ash", "Black", "Cath", "Dun", "Gough", "Hol", "Knox", "Wether", "Zhan", "Tsch"],
        &["", "er", "ing", "mo", "wi"],
        &[
            "ford", "wick", "ley", "son", "s", "x", "y", "man", "sky", "ov", "ova", "ev", "enko", "ia",
            "land", "stan", "o",
        ],
    ),
];

/// Names that have other names.
const PLACES: &[&str] =
    &["Gorno-Badakhshan", "Горно-Бадахшан", "ГБАО", "Бишкек", "Kyrgyzstan", "Литва", "Київ", "Central Asia"];

/// Common nouns, in lower case.
const NOUNS: &[&str] = &[
    "санкции",
    "журналист",
    "выборы",
    "забастовка",
    "отец",
    "дело",
    "армия",
    "санкція",
    "вибори",
    "сот",
    "өкмөт",
    "үкімет",
    "кітап",
    "ҳукумат",
    "суд",
    "sud",
    "hukumat",
    "sanction",
    "country",
    "court",
    "journalist",
];

/// Any name: one word, a person, a hyphenated place, in each case of letters.
fn any_name() -> impl Strategy<Value = String> {
    let word = |(begins, middles, ends): (
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    )| {
        (prop::sample::select(begins), prop::sample::select(middles), prop::sample::select(ends))
            .prop_map(|(begin, middle, end)| format!("{begin}{middle}{end}"))
    };
    let words = move || prop::sample::select(NAMES).prop_flat_map(word);
    prop_oneof![
        6 => words(),
        2 => prop::sample::select(NAMES).prop_flat_map(move |parts| (word(parts), word(parts)).prop_map(|(a, b)| format!("{a} {b}"))),
        1 => prop::sample::select(NAMES).prop_flat_map(move |parts| (word(parts), word(parts)).prop_map(|(a, b)| format!("{a}-{b}"))),
        1 => words().prop_map(|name| name.to_uppercase()),
        1 => prop::sample::select(NOUNS).prop_map(String::from),
        1 => prop::sample::select(PLACES).prop_map(String::from),
    ]
}

/// The sentence of a language in the script of `form`; what is shown as written
/// belongs to any.
fn sentence(language: &str, form: &str) -> &'static str {
    let is_latin = form.chars().any(|c| c.is_ascii_alphabetic());
    let named = match (language, is_latin) {
        ("uz", true) => "uz latin",
        ("uz", false) => "uz cyrillic",
        ("as written", true) => "en",
        ("as written", false) => "ru",
        (language, _) => language,
    };
    let found = SENTENCES.iter().find(|(known, _)| *known == named);
    found.map(|(_, sentence)| *sentence).unwrap_or_else(|| panic!("no sentence in `{language}`"))
}

/// With `aliases` a shorter name within the form will do.
fn is_found(
    patterns: &Patterns,
    aliases: bool,
    form: &str,
    text: String,
    language: Option<&str>,
) -> Result<(), TestCaseError> {
    let article = Article { text, language: language.map(String::from), ..Article::default() };
    let found = patterns.scan(&article);
    // A word ends with a letter, also where an apostrophe says whose it is.
    let word = form.trim_end_matches('\'');
    let mut there = false;
    for place in &found {
        let said = article.text.get(place.span.clone());
        prop_assert!(said.is_some_and(|said| !said.trim().is_empty()), "{:?} in {}", place, article.text);
        there |= said.is_some_and(|said| said == word || aliases && word.contains(said));
    }
    prop_assert!(
        there,
        "`{}` is shown and not found in `{}` ({:?}): {:?}",
        form,
        article.text,
        language,
        found
    );
    Ok(())
}

proptest! {
    #[test]
    fn every_form_that_is_shown_is_found_in_its_language(name in any_name(), aliases in any::<bool>(), derived in any::<bool>()) {
        let pattern = Pattern { text: name, kind: Kind::Inflected, aliases, derived };
        let patterns = Patterns::compile(&[pattern]).expect("a name compiles");
        let expanded = patterns.expand(0);
        prop_assert!(expanded.iter().map(|(_, forms)| forms.len()).sum::<usize>() > 3, "{:?}", expanded);
        for (language, forms) in expanded {
            for form in forms {
                let text = sentence(&language, &form).replace("{}", &form);
                is_found(&patterns, aliases, &form, text.clone(), None)?;
                // A wrong word about the language lowers the score, and hides nothing.
                for said in [language.as_str(), "en", "ru"] {
                    is_found(&patterns, aliases, &form, text.clone(), Some(said))?;
                }
            }
        }
    }
}
