use super::*;
use crate::newsroom::press::Format;
use std::collections::HashSet;

fn press() -> Vec<press::Desk> {
    press::open("http://127.0.0.1:1", DateTime::UNIX_EPOCH)
}

#[test]
fn the_press_is_whole() {
    let press = press();
    let stories: usize = press.iter().map(|desk| desk.stories.len()).sum();
    assert!(stories >= 100, "{stories} stories");
    for desk in &press {
        let slugs: HashSet<_> = desk.stories.iter().map(|story| &story.slug).collect();
        assert_eq!(slugs.len(), desk.stories.len(), "{}: a slug twice", desk.slug);
        for story in &desk.stories {
            let place = format!("{}/{}", desk.slug, story.slug);
            assert!(
                story.slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{place}"
            );
            assert!(story.title.chars().count() > 15, "{place}: title {:?}", story.title);
            assert!(story.text.chars().count() > 60, "{place}: text {:?}", story.text);
        }
    }
}

#[test]
fn every_dialect_and_language_is_spoken() {
    let press = press();
    for format in [Format::Rss, Format::Atom, Format::Rdf, Format::JsonFeed, Format::Page] {
        assert!(press.iter().any(|desk| desk.format == format), "{format:?}");
    }
    for language in ["en", "ru", "ky", "tg", "kk", "uz"] {
        assert!(press.iter().any(|desk| desk.language == language), "{language}");
    }
    assert!(press.iter().any(|desk| desk.charset == "windows-1251"));
    assert!(press.iter().any(|desk| desk.status == 403));
    assert!(press.iter().any(|desk| desk.is_broken));
    assert!(press.iter().any(|desk| desk.delay.is_some()));
}

#[test]
fn each_watch_term_is_in_the_news_and_so_are_its_look_alikes() {
    let text: String = press()
        .into_iter()
        .flat_map(|desk| desk.stories)
        .map(|story| story.title + "\n" + &story.text)
        .collect();
    let words = [
        "Temirov",
        "Темиров",
        "Темировым",
        "Темировдун",
        "Темировтің",
        "Temirovning",
        "Темировнинг",
        "Gorno-Badakhshan",
        "Горно-Бадахшанской",
        "Тоолуу Бадахшан",
        "Кӯҳистони Бадахшон",
        "sanctions",
        "санкци",
        "санксия",
        "таҳрим",
        "Central Asia summit",
        "саммиту Центральной Азии",
        "Борбордук Азия саммити",
        "Орталық Азия саммиті",
        "Markaziy Osiyo sammiti",
        "темир ",
        "Football summit",
        "Gorno-Altai",
        "Central America",
        "sanctity",
    ];
    for word in words {
        assert!(text.contains(word), "{word}");
    }
}

/// The bytes of a document as they are served.
fn served(newsroom: &Newsroom, path: &str) -> String {
    let desk = newsroom.lock();
    String::from_utf8_lossy(&desk.shelves.get(path).unwrap_or_else(|| panic!("nothing under {path}")).body)
        .into_owned()
}

#[tokio::test]
async fn publishing_and_editing_change_one_feed() {
    let newsroom = Newsroom::open().await.expect("a port on loopback");
    let other = served(&newsroom, "/pamir-observer/feed.xml");
    let (outlet, story) = late_story();
    let feed = format!("/{outlet}/feed.xml");
    let before = served(&newsroom, &feed);
    let title = story.title.clone();
    assert!(!before.contains(&title));

    let url = newsroom.publish(outlet, story.clone()).expect("the outlet of the late story");
    assert!(served(&newsroom, &feed).contains(&title));
    assert!(served(&newsroom, &format!("/{outlet}/{}.html", story.slug)).contains(&title));
    assert_eq!(url, newsroom.url(&format!("/{outlet}/{}.html", story.slug)));

    newsroom
        .edit(outlet, &story.slug, |story| story.title = "Temirov wins two inkwells".into())
        .expect("it is printed");
    let after = served(&newsroom, &feed);
    assert!(after.contains("two inkwells") && !after.contains(&title));
    assert_eq!(served(&newsroom, "/pamir-observer/feed.xml"), other);
    assert_eq!(newsroom.publish("no-such-outlet", story), None);
    newsroom.close().await;
}

#[tokio::test]
async fn feeds_of_every_dialect_hold_their_stories() {
    let newsroom = Newsroom::open().await.expect("a port on loopback");
    for desk in press() {
        let list = served(&newsroom, &desk.list_path());
        for story in &desk.stories {
            assert!(list.contains(&format!("{}.html", story.slug)), "{}: {}", desk.slug, story.slug);
        }
    }
    assert!(served(&newsroom, "/pamir-observer/feed.xml").contains("<feed xmlns"));
    assert!(served(&newsroom, "/steppe-wire/feed.xml").contains("<rdf:RDF"));
    assert!(
        !served(&newsroom, "/steppe-wire/feed.xml").contains("journalist Temirov"),
        "a teaser tells no more"
    );
    assert!(served(&newsroom, "/steppe-wire/wire-court-camera.html").contains("journalist Temirov"));
    assert!(served(&newsroom, "/dala-habary/feed.xml").contains("хабары & серіктері"), "a bare ampersand");
    let russian = newsroom.lock().shelves["/vestnik-issyka/feed.xml"].body.clone();
    let (text, _, bad) = encoding_rs::WINDOWS_1251.decode(&russian);
    assert!(!bad && text.contains("Журналист Темиров") && !text.contains("&#"));
}
