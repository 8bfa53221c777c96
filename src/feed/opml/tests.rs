//! Lists as files in `tests/data/opml`, and what is written is read back.

#![allow(clippy::disallowed_methods)]

use super::*;
use proptest::prelude::*;
use std::path::Path;
use std::time::Instant;

fn shown(subscription: &Subscription) -> String {
    let Subscription { title, url, language, tags } = subscription;
    format!("{title} | {url} | {} | {}\n", language.as_deref().unwrap_or_default(), tags.join(", "))
}

/// `name.opml` beside `name.txt`: title, address, language and tags of each feed.
#[test]
fn lists_read_as_their_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/opml");
    let files = std::fs::read_dir(folder).expect("the lists").map(|file| file.expect("readable").path());
    let mut count = 0;
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "opml")) {
        let listed = read(&std::fs::read(&file).expect("readable")).expect("an OPML file");
        let listed: String = listed.iter().map(shown).collect();
        let expected = std::fs::read_to_string(file.with_extension("txt")).expect("each list has its .txt");
        assert_eq!(listed, expected, "{}", file.display());
        count += 1;
    }
    assert!(count >= 3, "{count} lists");
    for none in ["", "<html><body>log in</body></html>", "<rss><channel/></rss>", "{}"] {
        assert!(read(none.as_bytes()).is_err(), "{none}");
    }
}

#[test]
fn what_is_written_is_plain_opml() {
    let feed = |title: &str, tags: &[&str]| Subscription {
        title: title.into(),
        url: format!("https://{}.example/rss?a=1&b=2", title.len()),
        language: (title == "Ош").then(|| "ru".into()),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    };
    let list = [feed("Ош", &["Rights", "Asia"]), feed("\"R&D\" <1>", &[]), feed("Talas", &["Rights"])];
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0">
  <head>
    <title>desk</title>
  </head>
  <body>
    <outline type="rss" text="&quot;R&amp;D&quot; &lt;1&gt;" title="&quot;R&amp;D&quot; &lt;1&gt;" xmlUrl="https://9.example/rss?a=1&amp;b=2"/>
    <outline text="Rights" title="Rights">
      <outline type="rss" text="Talas" title="Talas" xmlUrl="https://5.example/rss?a=1&amp;b=2"/>
      <outline text="Asia" title="Asia">
        <outline type="rss" text="Ош" title="Ош" xmlUrl="https://4.example/rss?a=1&amp;b=2" language="ru"/>
      </outline>
    </outline>
  </body>
</opml>
"#;
    assert_eq!(write("desk", &list), expected);
}

#[test]
fn a_hostile_list_costs_little() {
    const BYTES: usize = 512 * 1024;
    let folders = format!("<outline text=\"{}\">", "a".repeat(10_000)).repeat(100);
    for piece in
        ["<outline>", "</outline>", "<outline xmlUrl=x>", "<outline text='", "<outline ", "<!DOCTYPE ["]
    {
        let list = folders.clone() + &piece.repeat(BYTES / piece.len());
        let began = Instant::now();
        let listed = read(list.as_bytes()).expect("an outline stands in it");
        let kept: usize = listed.iter().map(|one| one.tags.concat().len() + one.url.len()).sum();
        assert!(listed.len() <= SUBSCRIPTIONS_MAX && kept < 64 * 1024 * 1024, "{piece}: {kept} bytes");
        assert!(began.elapsed().as_secs() < 5, "{piece}: {:?}", began.elapsed());
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        given in prop::collection::vec((".{0,20}", "[!-~]{1,30}", prop::option::of("[a-z]{2}"), prop::collection::vec("[^/,]{1,12}", 0..4)), 0..12)
    ) {
        let mut list: Vec<Subscription> = given
            .into_iter()
            .map(|(title, url, language, tags)| {
                let mut tags: Vec<String> = tags.iter().map(|tag| line(tag)).filter(|tag| !tag.is_empty()).collect();
                let mut met = std::collections::HashSet::new();
                tags.retain(|tag| met.insert(tag.clone()));
                Subscription { title: line(&title), url, language, tags }
            })
            .collect();
        let mut read = read(write("desk", &list).as_bytes()).unwrap_or_default();
        list.sort_by_key(shown);
        read.sort_by_key(shown);
        prop_assert_eq!(read, list);
    }
}
