//! Other monitors' ways of writing, and what to write here instead.
//!
//! Invariant: what means something elsewhere and nothing here is refused with its
//! cure; it is never looked for as a word. Habits of Meltwater, Talkwalker,
//! Brandwatch, Factiva, LexisNexis and Westlaw, and of search engines.

use super::Scope;
use super::lex::quote_closers;

/// Fields, and what stands for each here; empty where nothing does.
const FIELDS: [(&str, &str); 41] = [
    ("intitle", "title:"),
    ("allintitle", "title:"),
    ("headline", "title:"),
    ("headlines", "title:"),
    ("heading", "title:"),
    ("hd", "title:"),
    ("hl", "title:"),
    ("ti", "title:"),
    ("hlp", "hlead:"),
    ("lp", "lead:"),
    ("ingress", "lead:"),
    ("opening", "lead:"),
    ("intext", "body:"),
    ("inbody", "body:"),
    ("content", "body:"),
    ("text", "body:"),
    ("terms", "body:"),
    ("by", "author:"),
    ("byline", "author:"),
    ("inurl", "url:"),
    ("site", "url:"),
    ("domain", "url:"),
    ("domainurl", "url:"),
    ("host", "url:"),
    ("link", "url:"),
    ("rst", "source:"),
    ("sn", "source:"),
    ("sourcename", "source:"),
    ("publication", "source:"),
    ("outlet", "source:"),
    ("la", "lang:"),
    ("language", "lang:"),
    ("exact", "="),
    ("raw", "="),
    ("country", ""),
    ("sourcecountry", ""),
    ("sourcetype", ""),
    ("region", ""),
    ("location", ""),
    ("date", ""),
    ("sns", ""),
];

/// Codes of Factiva before a `=`: dates, lengths, companies, subjects, regions.
const CODES: &str = "wc pd date co ns re in fds sc";

/// Words written before a group as if it were their argument.
const FUNCTIONS: [(&str, &str); 13] = [
    ("allcaps", "`=GBAO`, the word exactly as written"),
    ("caps", "the name with its capital, which asks for one in the text"),
    ("nocaps", "the word in lower case, which fits any"),
    ("singular", "`=court`, the word exactly as written"),
    ("plural", "`=courts`, the word exactly as written"),
    ("noplural", "`=court`, the word exactly as written"),
    ("headline", "`title:(…)`"),
    ("hlead", "`hlead:(…)`"),
    ("lead", "`lead:(…)`"),
    ("title", "`title:(…)`"),
    ("body", "`body:(…)`"),
    ("byline", "`author:(…)`"),
    ("publication", "`source:(…)`"),
];

/// What to write instead of `word`, which `rest` of the query follows.
pub(super) fn word(word: &str, rest: &str) -> Option<String> {
    let quoted = format!("; if it is a word to look for, put it in quotes: `\"{word}\"`");
    let instead = distance(word)
        .or_else(|| sign(word))
        .or_else(|| ending(word))
        .or_else(|| operator(word))
        .or_else(|| function(word, rest));
    match instead {
        Some(instead) if instead.starts_with("leave") => {
            Some(format!("`{word}` has no meaning here; {instead}{quoted}"))
        }
        Some(instead) => Some(format!("`{word}` has no meaning here; write {instead}{quoted}")),
        None => field(word, rest),
    }
}

/// `/5`, `/s`, where a pattern might begin.
pub(super) fn slash(word: &str) -> Option<String> {
    let after = word.strip_prefix('/')?;
    let words = match after.to_ascii_lowercase().as_str() {
        "s" | "sent" => SENTENCE_WORDS.to_string(),
        "p" | "para" => PARAGRAPH_WORDS.to_string(),
        digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => digits.to_string(),
        _ => return None,
    };
    Some(format!("`{word}` has no meaning here; for words near each other write `NEAR/{words}`"))
}

/// Words of a sentence and of a paragraph, for operators that name them.
const SENTENCE_WORDS: usize = 20;
const PARAGRAPH_WORDS: usize = 75;

/// `w/5`, `adj3`, `atleast2`, `NEAR:5`, `NEAR/5f`, `w/s`, `+5`.
fn distance(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let letters = lower.trim_end_matches(|c: char| c.is_ascii_digit() || "/:".contains(c));
    let number = lower[letters.len()..].trim_matches(['/', ':']);
    let slash = lower[letters.len()..].starts_with(['/', ':']);
    let unit = lower.strip_prefix("w/").or_else(|| lower.strip_prefix("pre/"));
    Some(match letters {
        "w/s" | "w/sent" | "pre/s" if unit.is_some() => format!("`NEAR/{SENTENCE_WORDS}`"),
        "w/p" | "w/para" | "pre/p" if unit.is_some() => format!("`NEAR/{PARAGRAPH_WORDS}`"),
        "w/seg" => "`AND`".into(),
        _ if number.is_empty() => return None,
        "near" | "w" | "within" | "n" if slash || letters.len() > 1 => format!("`NEAR/{number}`"),
        "onear" | "adj" | "pre" | "p" if slash || letters.len() > 1 => format!("`ONEAR/{number}`"),
        "+" => format!("`ONEAR/{number}`"),
        "atleast" | "atl" => {
            format!("`COUNT/{number}(a)`, or `ATLEAST/{number}(a, b, c)` for so many of several")
        }
        _ => return None,
    })
}

/// `near/5f`: forward only.
pub(super) fn forward(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let number = lower.strip_prefix("near/")?.strip_suffix('f')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then(|| format!("`ONEAR/{number}`"))
}

/// `-football`, `+Temirov`, `%`, `>500`.
fn sign(word: &str) -> Option<String> {
    let after = word.get(1..).filter(|after| !after.is_empty());
    Some(match (word.chars().next()?, after) {
        ('-', Some(after)) => format!("`NOT {after}`"),
        ('+', Some(after)) if !after.starts_with('+') => {
            format!("`{after}` and `AND` before what else must be there")
        }
        ('&', Some(after)) if after.starts_with('&') => "`AND`".into(),
        ('%', None) => "`NOT`".into(),
        _ if word.contains(['<', '>']) => {
            "leave it out: lengths, counts and dates are not asked for in a query".into()
        }
        _ => return None,
    })
}

/// `sanction!`, `Kyrgyz$`: any ending.
fn ending(word: &str) -> Option<String> {
    let stem = word.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix(['!', '$'])?;
    let plain = !stem.is_empty() && stem.chars().all(|c| c.is_alphanumeric() || c == '-');
    plain.then(|| format!("`{stem}*`, or `{stem}` alone for all its inflected forms"))
}

/// Operators that are words elsewhere.
fn operator(word: &str) -> Option<String> {
    let instead = match word {
        "ADJ" => "`ONEAR/1`",
        "SAME" => "`NEAR/75`",
        "ANDNOT" => "`AND NOT`",
        "XOR" => "`(a OR b) AND NOT (a AND b)`",
        "И" | "ТА" | "І" => "`AND`",
        "ИЛИ" | "АБО" => "`OR`",
        "НЕ" => "`NOT`",
        _ if word.eq_ignore_ascii_case("and/or") => "`OR`",
        _ => return None,
    };
    Some(instead.into())
}

/// `allcaps(OSH)`.
fn function(word: &str, rest: &str) -> Option<String> {
    let known = FUNCTIONS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    known.filter(|_| rest.starts_with('(')).map(|(_, instead)| (*instead).to_string())
}

/// `hd=Temirov`, `country:kg`, `titel:Temirov`.
fn field(word: &str, rest: &str) -> Option<String> {
    let (name, value) = word.split_once([':', '='])?;
    let quoted = format!("; if it is something to look for, put it in quotes: `\"{word}\"`");
    if matches!(name, "http" | "https") {
        return Some(format!("`{word}` is an address; write `url:` before it"));
    }
    // What the field is of may stand in quotes or parentheses behind it.
    let opens = rest.starts_with(|c: char| c == '(' || quote_closers(c).is_some());
    let letters = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic());
    if !letters || value.is_empty() && !opens {
        return None;
    }
    let shown = if value.is_empty() { "…" } else { value };
    let coded = word.contains('=') && CODES.split(' ').any(|code| name.eq_ignore_ascii_case(code));
    match FIELDS.iter().find(|(foreign, _)| name.eq_ignore_ascii_case(foreign)) {
        None if coded => {
            return Some(format!("`{name}=` is not asked for in a query; leave it out{quoted}"));
        }
        Some((_, "")) => {
            return Some(format!(
                "`{name}` is not asked for in a query; name sources with `source:` or languages with `lang:`, or leave it out{quoted}"
            ));
        }
        Some((_, instead)) => {
            return Some(format!("`{name}` is not a field; write `{instead}{shown}`{quoted}"));
        }
        None => {}
    }
    if name.eq_ignore_ascii_case("regex") {
        return Some(format!(
            "`{name}` is not a field; write the pattern between slashes: `/{}/`",
            shown.trim_matches('/')
        ));
    }
    let close = Scope::ALL
        .iter()
        .map(|(known, _)| *known)
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)))?;
    let known = Scope::ALL.map(|(known, _)| format!("`{known}:`")).join(" ");
    Some(match strsim::jaro_winkler(close, &name.to_ascii_lowercase()) > 0.8 {
        true if close == name.to_ascii_lowercase() => {
            format!("a field is written with a colon: `{close}:{shown}`")
        }
        true => format!("`{name}:` is not a field; did you mean `{close}:`?"),
        false => format!("`{name}:` is not a field; there are {known}{quoted}"),
    })
}
