use super::*;

const TITLE: &str = "Journalist Bolot Temirov is released in Bishkek";
const TEXT: &str = "A court in the capital released the journalist on Monday after a hearing of two hours.\n\
    His lawyer said that the prosecutor had asked for five more days in custody.\n\
    Colleagues had waited in front of the building since the morning with flowers and a banner.\n\
    The ministry did not answer questions about the case, which began with a film about fuel contracts.";
const OTHER: &str = "The governors of Gorno-Badakhshan met in Khorog to speak about the repair of the road.\n\
    Snow had closed two passes for nine days and lorries with flour were waiting below them.\n\
    An engineer promised that the first bridge would be open again by the end of the week.";

fn at(hour: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_780_000_000 + hour * 3600, 0)
}

#[test]
fn copies_of_a_story_are_near() {
    let original = fingerprint(TITLE, TEXT);
    let cases = [
        ("the same", TITLE.to_owned(), TEXT.to_owned(), true),
        ("in capitals, other quotes", TITLE.to_uppercase(), TEXT.replace('.', " ."), true),
        (
            "a share line",
            TITLE.to_owned(),
            format!("Share\n{TEXT}\nRead more: all news\n12:45 23.11.2026"),
            true,
        ),
        ("another headline", "Court frees Temirov".to_owned(), TEXT.to_owned(), true),
        ("an agency's last sentence", TITLE.to_owned(), format!("{TEXT} Reporting by the desk."), true),
        ("another story", "Road to Khorog".to_owned(), OTHER.to_owned(), false),
        ("too short to tell", "Temirov".to_owned(), "Released.".to_owned(), false),
    ];
    for (name, title, text, wanted) in cases {
        let other = fingerprint(&title, &text);
        let bits = (original.0 ^ other.0).count_ones();
        assert_eq!(near(original, other), wanted, "{name}: {bits} bits");
    }
}

#[test]
fn fingerprints_stay_the_same_for_ever() {
    assert_eq!(fingerprint(TITLE, TEXT), Fingerprint(8347397192687506116));
}

#[test]
fn a_change_of_words_is_a_revision() {
    let cases = [
        ("nothing", TITLE, TEXT.to_owned(), false),
        ("spacing and quotes", TITLE, TEXT.replace(' ', "  ").replace('.', "…"), false),
        ("a counter", TITLE, format!("{TEXT}\nViews: 1250\nShare\n10:15"), false),
        (
            "cut to a teaser",
            TITLE,
            "A court in the capital released the journalist on Monday".to_owned(),
            false,
        ),
        ("one word", TITLE, TEXT.replace("five more", "two more"), true),
        ("a paragraph more", TITLE, format!("{TEXT}\nIn the evening he met his mother."), true),
        ("another headline", "Temirov is free", TEXT.to_owned(), true),
    ];
    for (name, title, text, wanted) in cases {
        assert_eq!(revised(TITLE, TEXT, title, &text), wanted, "{name}");
    }
}

#[test]
fn an_article_is_known_again_under_another_guid() {
    let old = Telling { title: TITLE, text: TEXT, published_at: at(0) };
    let edited = TEXT.replace("five more", "two more");
    let teaser = TEXT.lines().next().unwrap_or_default();
    let cases = [
        ("the same", Telling { title: TITLE, text: TEXT, published_at: at(1) }, true),
        ("edited", Telling { title: TITLE, text: &edited, published_at: None }, true),
        (
            "edited headline",
            Telling { title: "Bolot Temirov released in Bishkek", text: TEXT, published_at: at(5) },
            true,
        ),
        ("only the teaser now", Telling { title: TITLE, text: teaser, published_at: at(1) }, true),
        ("a month later", Telling { title: TITLE, text: TEXT, published_at: at(700) }, false),
        (
            "another story under the same headline",
            Telling { title: TITLE, text: OTHER, published_at: at(1) },
            false,
        ),
        ("another story", Telling { title: "Road to Khorog", text: OTHER, published_at: at(1) }, false),
    ];
    for (name, new, wanted) in cases {
        assert_eq!(same_article(&old, &new), wanted, "{name}");
    }
    let rates = |title| Telling { title, text: "", published_at: at(0) };
    assert!(same_article(
        &rates("Rates of the National Bank for 5 May"),
        &rates("Rates of the National Bank for 5 May")
    ));
    assert!(!same_article(
        &rates("Rates of the National Bank for 5 May"),
        &rates("Rates of the National Bank for 6 May")
    ));
    assert!(!same_article(&rates("Briefly"), &rates("Briefly")), "a short title alone proves nothing");
}

#[test]
fn a_copy_that_says_something_else_of_the_name_repeats_nothing() {
    let told = Telling { title: TITLE, text: TEXT, published_at: None };
    let hit = |text: &str, word: &str| text.find(word).map(|at| at..at + word.len());
    let cases = [
        ("word for word", TEXT.to_owned(), "journalist", true),
        ("other quotes and case", TEXT.to_uppercase().replace('.', " …"), "JOURNALIST", true),
        ("its first paragraph alone", TEXT.lines().next().unwrap_or_default().to_owned(), "journalist", true),
        ("a change elsewhere", TEXT.replace("flowers", "candles"), "journalist", true),
        ("another verdict", TEXT.replace("released the", "convicted the"), "journalist", false),
        ("another number", TEXT.replace("two hours", "nine hours"), "journalist", false),
        (
            "a sentence more",
            TEXT.replace("two hours.", "two hours. He had been beaten."),
            "journalist",
            false,
        ),
    ];
    for (name, text, word, wanted) in cases {
        assert_eq!(repeats(&told, &text, hit(&text, word)), wanted, "{name}");
    }
    assert!(repeats(&told, "Anything at all.", None), "no hit in the text, nothing to compare");
    let headlines =
        [(TITLE, true), ("In Bishkek Temirov is released", true), ("Temirov is convicted", false)];
    for (headline, wanted) in headlines {
        assert_eq!(repeats_headline(&told, headline), wanted, "{headline}");
    }
}
