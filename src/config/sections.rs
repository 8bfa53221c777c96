//! What each table of the file holds, its defaults, and what must agree.
//!
//! Invariant: a default stands here once; the shipped `config.toml` repeats it
//! and a test compares the two.

use super::reader::{Keys, Text};
use super::values::Recipient;
use super::{Config, Daemon, FullText, Holder, Mail, NamedChat, Secret, Source, Tls, Transport, values, web};
use crate::chat;
use crate::digest::Plan;
use crate::extract::{self, Rules};
use crate::page::{self, Selectors};
use crate::schedule::{Cadence, Cron};
use crate::watch::{Finding, Watch, WatchList};
use chrono_tz::Tz;
use std::path::{Path, PathBuf};

const POLLS_AT_ONCE_MAX: u32 = 32;
const BURST_MAX: u32 = 10;
/// Sender while mail only goes to files.
const FILE_FROM: &str = "newswatch@localhost";

/// A thing with a name, and where the name stands.
type Named<T> = (T, Text);

/// A plan, and where its name, its watches and its threshold stand.
struct PlacedPlan {
    plan: Plan,
    name: Text,
    watches: Vec<Text>,
    at_least: Option<usize>,
    chats: Vec<NamedChat>,
}

/// Mail addresses, chats as `chat:NAME`, and where those stand.
#[derive(Default)]
struct Recipients {
    mail: Vec<String>,
    chat: Vec<String>,
    chats: Vec<NamedChat>,
}

/// Reads the whole file; `None` never comes without a problem.
pub fn config(keys: &Keys<'_, '_>, path: &Path) -> Option<Config> {
    let base = path.parent().unwrap_or(Path::new(""));
    let daemon = keys.section("daemon", "[daemon]", |keys| daemon(keys, base)).unwrap_or_default();
    let chat_urls = keys.section("chat", "[chat]", |keys| chat_list(keys, base)).flatten();
    let has_list = chat_urls.is_some();
    let (mail, ops_chats) = keys
        .section("mail", "[mail]", |keys| mail(keys, base, has_list))
        .unwrap_or_else(|| (Some(Mail::default()), Vec::new()));
    let post_key = keys.section("post", "[post]", |keys| secret(keys, base, "key_file", "key_env")).flatten();
    let web = keys.section("web", "[web]", |keys| web::web(keys, base)).flatten();
    let mut sources = keys.sections("feed", "[[feed]]", |keys| source(keys, daemon.zone, None));
    sources.extend(keys.sections("page", "[[page]]", |keys| {
        let selectors = selectors(keys);
        source(keys, daemon.zone, Some(selectors))
    }));
    let watches = keys.sections("watch", "[[watch]]", watch);
    let plans =
        keys.sections("plan", "[[plan]]", |keys| plan(keys, daemon.zone, (post_key.is_some(), has_list)));
    refuse_doubles(keys, sources.iter().map(|(_, name)| name));
    refuse_doubles(keys, watches.iter().map(|(_, _, name)| name));
    refuse_doubles(keys, plans.iter().map(|plan| &plan.name));
    warn_of_doubles(keys, &sources);
    let watch_list = compile(keys, &watches);
    join(keys, &watches, &plans);
    if let Some(list) = &watch_list {
        warn_of_unheard(keys, list, &watches, &sources);
        warn_of_unreached(keys, list, &plans);
    }
    say_what_is_missing(keys, sources.is_empty(), watches.is_empty(), plans.is_empty(), mail.as_ref());
    Some(Config {
        path: path.into(),
        daemon,
        mail: mail?,
        post_key,
        chat_urls,
        chats: ops_chats.into_iter().chain(plans.iter().flat_map(|plan| plan.chats.clone())).collect(),
        web,
        sources: sources.into_iter().map(|(source, _)| source).collect(),
        watches: watches.into_iter().map(|(watch, _, _)| watch).collect(),
        watch_list: watch_list?,
        plans: plans.into_iter().map(|plan| plan.plan).collect(),
        warnings: Vec::new(),
    })
}

fn daemon(keys: &Keys<'_, '_>, base: &Path) -> Daemon {
    let defaults = Daemon::default();
    let private_hosts = keys.list("private_hosts", values::host_or_port).unwrap_or_default();
    Daemon {
        zone: keys.checked("timezone", values::zone).unwrap_or(defaults.zone),
        contact: keys.checked("contact", values::contact),
        data: path(keys, "data", base),
        group: keys.checked("group", values::group),
        polls_at_once_max: keys
            .whole("polls_at_once_max", 1..=1000)
            .map_or(defaults.polls_at_once_max, |count| count as usize),
        private_hosts: private_hosts.into_iter().map(|(_, host)| host).collect(),
    }
}

impl Default for Daemon {
    fn default() -> Daemon {
        Daemon {
            zone: Tz::UTC,
            contact: None,
            data: None,
            group: None,
            polls_at_once_max: POLLS_AT_ONCE_MAX as usize,
            private_hosts: Vec::new(),
        }
    }
}

impl Default for Mail {
    fn default() -> Mail {
        Mail {
            transport: Transport::File { directory: None },
            from: FILE_FROM.into(),
            ops_to: Vec::new(),
            ops_chat_to: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    File,
    Sendmail,
    Smtp,
}

/// Keys that only one transport reads.
const WAY_KEYS: &[(&str, Way)] = &[
    ("directory", Way::File),
    ("command", Way::Sendmail),
    ("host", Way::Smtp),
    ("port", Way::Smtp),
    ("tls", Way::Smtp),
    ("user", Way::Smtp),
    ("password_file", Way::Smtp),
    ("password_env", Way::Smtp),
];

/// Where the list of chats is read from; the addresses themselves are secrets.
fn chat_list(keys: &Keys<'_, '_>, base: &Path) -> Option<Secret> {
    let elsewhere = "the addresses of chats are secrets and may not stand in this file: `urls_file` names a file that holds them, `urls_env` a variable";
    for key in ["urls", "url"] {
        keys.refuse(key, elsewhere);
    }
    for key in ["urls_file", "urls_env"] {
        if keys.text(key).is_some_and(|text| text.value.contains("://")) {
            keys.problem(keys.place(key).unwrap_or(keys.at), elsewhere);
        }
    }
    secret(keys, base, "urls_file", "urls_env")
}

/// With the chats that are told of trouble.
fn mail(keys: &Keys<'_, '_>, base: &Path, has_list: bool) -> (Option<Mail>, Vec<NamedChat>) {
    let ops = recipients(keys, "ops_to", has_list).unwrap_or_default();
    let mail = way_out(keys, base).map(|mail| Mail { ops_to: ops.mail, ops_chat_to: ops.chat, ..mail });
    (mail, ops.chats)
}

/// The mail addresses and chats under `key`.
fn recipients(keys: &Keys<'_, '_>, key: &'static str, has_list: bool) -> Option<Recipients> {
    let mut recipients = Recipients::default();
    for (text, recipient) in keys.list(key, values::recipient)? {
        let recipient = match recipient {
            Recipient::Mail(address) => {
                recipients.mail.push(address);
                continue;
            }
            Recipient::Chat(recipient) => recipient,
        };
        if !has_list {
            let message =
                format!("`{recipient}` needs the list of chats: name its file as `urls_file` under `[chat]`");
            keys.problem(text.span.start, message);
        }
        let (line, column) = keys.report.place(text.span.start);
        let name = chat::name(&recipient).unwrap_or_default().to_owned();
        recipients.chats.push(NamedChat { name, line, column });
        recipients.chat.push(recipient);
    }
    Some(recipients)
}

/// How mail leaves, and from whom.
fn way_out(keys: &Keys<'_, '_>, base: &Path) -> Option<Mail> {
    let ways = [("file", Way::File), ("sendmail", Way::Sendmail), ("smtp", Way::Smtp)];
    let way = keys.choice("transport", &ways).or(keys.place("transport").is_none().then_some(Way::File));
    for key in ["password", "pass", "secret"] {
        keys.refuse(key, "a secret may not stand in this file: `password_file` names a file that holds it, `password_env` a variable");
    }
    let from = keys.checked("from", values::address).unwrap_or_else(|| FILE_FROM.into());
    let directory = path(keys, "directory", base);
    let command = path(keys, "command", base).unwrap_or_else(|| "/usr/sbin/sendmail".into());
    let smtp = smtp(keys, base, way == Some(Way::Smtp));
    if let Some(way) = way {
        let idle = WAY_KEYS.iter().filter(|(_, of)| *of != way);
        for (key, at) in idle.filter_map(|(key, _)| Some((key, keys.place(key)?))) {
            keys.report.warning(at, format!("`{key}` has no effect with this `transport`"));
        }
        if way != Way::File {
            keys.need("from", "\"newswatch@example.org\"");
        }
    }
    let transport = match way? {
        Way::File => Transport::File { directory },
        Way::Sendmail => Transport::Sendmail { command },
        Way::Smtp => smtp?,
    };
    Some(Mail { transport, from, ..Mail::default() })
}

/// The relay; `wanted` where `transport = "smtp"`.
fn smtp(keys: &Keys<'_, '_>, base: &Path, wanted: bool) -> Option<Transport> {
    let choices = [("implicit", Tls::Implicit), ("starttls", Tls::StartTls), ("none", Tls::None)];
    let tls = keys.choice("tls", &choices).unwrap_or(Tls::Implicit);
    let usual_port = match tls {
        Tls::Implicit => 465,
        Tls::StartTls => 587,
        Tls::None => 25,
    };
    let port = keys.whole("port", 1..=65535).and_then(|port| u16::try_from(port).ok()).unwrap_or(usual_port);
    let host = keys.checked("host", values::host);
    let user = keys.checked("user", values::line);
    let password = secret(keys, base, "password_file", "password_env");
    if wanted {
        keys.need("host", "\"smtp.example.org\"");
        agree(keys, tls, host.as_deref());
    }
    Some(Transport::Smtp { host: host?, port, tls, user, password })
}

/// A secret that a file or an environment variable holds. A relative file counts
/// from where the configuration lies.
pub fn secret(
    keys: &Keys<'_, '_>,
    base: &Path,
    in_file: &'static str,
    in_variable: &'static str,
) -> Option<Secret> {
    let placed = |key, holder| {
        let (line, column) = keys.report.place(keys.place(key).unwrap_or(keys.at));
        Secret { holder, line, column }
    };
    let file = keys.checked(in_file, values::line).map(|file| placed(in_file, Holder::file(&file, base)));
    let variable = keys.checked(in_variable, values::line).map(Holder::Variable);
    let variable = variable.map(|variable| placed(in_variable, variable));
    if let (Some(_), Some(at)) = (&file, keys.place(in_variable)) {
        keys.problem(at, format!("`{in_variable}` and `{in_file}` exclude each other; keep one"));
    }
    file.or(variable)
}

/// No password without a user, no user without a password, neither without TLS.
fn agree(keys: &Keys<'_, '_>, tls: Tls, host: Option<&str>) {
    let user = keys.place("user");
    let password = keys.place("password_file").or(keys.place("password_env"));
    match (user, password) {
        (Some(at), None) => {
            keys.problem(at, "`user` needs a password: add `password_file` or `password_env`")
        }
        (None, Some(at)) => keys.problem(at, "the password needs a `user`: add it, or take the password out"),
        (Some(at), Some(_)) if tls == Tls::None => {
            keys.problem(at, "a password would go in clear: set `tls` to `implicit` or `starttls`");
        }
        _ => {}
    }
    if let (Tls::None, Some(host), Some(at)) = (tls, host, keys.place("tls"))
        && !values::is_loopback(host)
    {
        keys.problem(
            at,
            format!("mail to `{host}` would go in clear: set `tls` to `implicit` or `starttls`"),
        );
    }
}

fn source(keys: &Keys<'_, '_>, zone: Tz, selectors: Option<Option<Selectors>>) -> Option<Named<Source>> {
    let name = name(keys, "\"Eurasianet\"");
    keys.need("url", "\"https://eurasianet.org/rss.xml\"");
    let url = keys.checked("url", values::url);
    let mirrors = keys.list("mirrors", values::url).unwrap_or_default();
    for (text, _) in mirrors.iter().filter(|(_, mirror)| url.as_ref() == Some(mirror)) {
        keys.report.warning(text.span.start, "the mirror is the source's own `url`; it is asked twice");
    }
    let cadence = cadence(keys, zone);
    let full_texts = [("auto", FullText::Auto), ("always", FullText::Always), ("never", FullText::Never)];
    let full_text = keys.choice("full_text", &full_texts).unwrap_or(FullText::Auto);
    let enabled = keys.boolean("enabled").unwrap_or(true);
    let language = keys.checked("language", values::language);
    let tags = keys.list("tags", values::name).unwrap_or_default();
    let rules = rules(keys);
    let (selectors, complete) = match selectors {
        None => (None, true),
        Some(selectors) => (selectors.clone(), selectors.is_some()),
    };
    let name = name?;
    let source = Source {
        name: name.value.trim().into(),
        url: url?,
        mirrors: mirrors.into_iter().map(|(_, url)| url).collect(),
        cadence,
        full_text,
        selectors,
        enabled,
        language,
        tags: tags.into_iter().map(|(_, tag)| tag).collect(),
        rules,
    };
    complete.then_some((source, name))
}

/// How the pages behind the entries are read, where our own reading fails.
fn rules(keys: &Keys<'_, '_>) -> Rules {
    let [body, remove, title, author, date] =
        ["page_body", "page_remove", "page_title", "page_author", "page_date"]
            .map(|key| keys.checked(key, values::line));
    let rules = Rules { body, remove, title, author, date };
    if let Err((key, message)) = extract::check_rules(&rules) {
        keys.problem(keys.place(key).unwrap_or(keys.at), message);
    }
    rules
}

/// `every` or `cron`; adaptive where neither stands.
fn cadence(keys: &Keys<'_, '_>, zone: Tz) -> Cadence {
    let every = keys.checked("every", |text| match text {
        "adaptive" => Ok(Cadence::ADAPTIVE),
        _ => values::interval(text).map(Cadence::Every),
    });
    let cron = cron(keys, zone).map(Cadence::Cron);
    if let (Some(_), Some(at)) = (keys.place("every"), keys.place("cron")) {
        keys.problem(at, "`cron` and `every` exclude each other; keep one");
    }
    cron.or(every).unwrap_or(Cadence::ADAPTIVE)
}

fn cron(keys: &Keys<'_, '_>, zone: Tz) -> Option<Cron> {
    keys.checked("cron", |line| Cron::parse(line, zone).map_err(|error| error.to_string()))
}

fn selectors(keys: &Keys<'_, '_>) -> Option<Selectors> {
    keys.need("item", "\"article\"");
    let item = keys.checked("item", values::line);
    let [title, link, date, summary] =
        ["title", "link", "date", "summary"].map(|key| keys.checked(key, values::line));
    let selectors = Selectors { item: item?, title, link, date, summary };
    match page::check(&selectors) {
        Ok(()) => Some(selectors),
        Err((key, message)) => {
            keys.problem(keys.place(key).unwrap_or(keys.at), message);
            None
        }
    }
}

/// With the text of its name and of its query.
fn watch(keys: &Keys<'_, '_>) -> Option<(Watch, Text, Text)> {
    let name = name(keys, "\"Bolot Temirov\"");
    keys.need("query", "'\"Bolot Temirov\" OR (Temirov NEAR/30 journalist)'");
    let query = keys.text("query");
    let weight = keys.number("weight", 0.01..=100.0).unwrap_or(1.0);
    let aliases = keys.boolean("aliases").unwrap_or(true);
    let derived = keys.boolean("derived").unwrap_or(false);
    let (name, query) = (name?, query?);
    let watch =
        Watch { name: name.value.trim().into(), query: query.value.clone(), weight, aliases, derived };
    Some((watch, query, name))
}

fn plan(keys: &Keys<'_, '_>, zone: Tz, (has_key, has_list): (bool, bool)) -> Option<PlacedPlan> {
    let name = name(keys, "\"rights desk\"");
    let posts = keys.list("post_to", |text| Ok(text.to_owned())).is_some_and(|list| !list.is_empty());
    let post_to = keys.list("post_to", values::post_address).unwrap_or_default();
    if !posts {
        keys.need("to", "[\"desk@example.org\"]");
        keys.refuse_empty("to", "`to` is empty: nobody would be told");
    } else if let (false, Some(at)) = (has_key, keys.place("post_to")) {
        keys.problem(at, "posts are signed: name the key's file as `key_file` under `[post]`");
    }
    let to = recipients(keys, "to", has_list).or(posts.then(Recipients::default));
    let watches = keys.list("watches", values::name);
    keys.refuse_empty("watches", "`watches` is empty: nothing would be told; write `[\"*\"]` for all");
    let zone = keys.checked("timezone", values::zone).unwrap_or(zone);
    let (names, watches): (Vec<Text>, Vec<String>) = watches.unwrap_or_default().into_iter().unzip();
    let at_least = keys.number("at_least", 0.0..=1_000_000.0).unwrap_or(0.0);
    let at_once_from = keys.number("at_once_from", 0.0..=1_000_000.0);
    let cron = cron(keys, zone);
    let quiet = keys.checked("quiet", values::times);
    let burst_max = keys.whole("burst_max", 1..=1000).unwrap_or(BURST_MAX) as usize;
    let spike_from = keys.number("spike_from", 2.0..=1000.0);
    let all_is_well = keys.boolean("all_is_well").unwrap_or(false);
    warn_of_idle(keys, at_least, at_once_from);
    let (name, to) = (name?, to?);
    let plan = Plan {
        name: name.value.trim().into(),
        to: to.mail,
        chat_to: to.chat,
        post_to: post_to.into_iter().map(|(_, address)| address).collect(),
        watches: if names.is_empty() { vec!["*".into()] } else { watches },
        at_least,
        cron,
        at_once_from,
        quiet,
        zone,
        burst_max,
        spike_from,
        all_is_well,
    };
    Some(PlacedPlan { plan, name, watches: names, at_least: keys.place("at_least"), chats: to.chats })
}

/// Keys of a plan that do nothing beside the others.
fn warn_of_idle(keys: &Keys<'_, '_>, at_least: f64, at_once_from: Option<f64>) {
    let warn = |key: &str, message: &str| {
        if let Some(at) = keys.place(key) {
            keys.report.warning(at, message);
        }
    };
    match (keys.place("cron"), at_once_from) {
        (None, Some(_)) => {
            warn("at_once_from", "`at_once_from` has no effect without `cron`: all is told at once")
        }
        (Some(_), None) => {
            warn("quiet", "`quiet` has no effect without `at_once_from`: nothing is told at once")
        }
        (Some(_), Some(from)) if from < at_least => {
            warn("at_once_from", "`at_once_from` is below `at_least`, which holds first");
        }
        _ => {}
    }
}

fn name(keys: &Keys<'_, '_>, example: &str) -> Option<Text> {
    keys.need("name", example);
    keys.checked("name", values::name)?;
    keys.text("name")
}

/// A relative path counts from where the file lies.
fn path(keys: &Keys<'_, '_>, key: &'static str, base: &Path) -> Option<PathBuf> {
    keys.checked(key, values::line).map(|path| base.join(path))
}

fn refuse_doubles<'n>(keys: &Keys<'_, '_>, names: impl Iterator<Item = &'n Text>) {
    let mut seen: Vec<&Text> = Vec::new();
    for name in names {
        match seen.iter().find(|other| other.value.trim() == name.value.trim()) {
            Some(other) => keys.problem(
                name.span.start,
                format!("the name `{}` is taken on line {}", name.value, keys.report.line(other.span.start)),
            ),
            None => seen.push(name),
        }
    }
}

/// One address under two names is polled twice; its stories would name either.
fn warn_of_doubles(keys: &Keys<'_, '_>, sources: &[Named<Source>]) {
    for (index, (source, name)) in sources.iter().enumerate() {
        if let Some((other, _)) = sources[..index].iter().find(|(other, _)| other.url == source.url) {
            let message =
                format!("`{}` has the address of `{}` and is polled besides", source.name, other.name);
            keys.report.warning(name.span.start, message);
        }
    }
}

fn compile(keys: &Keys<'_, '_>, watches: &[(Watch, Text, Text)]) -> Option<WatchList> {
    // A name taken twice is told by `refuse_doubles`, with the line of the first.
    let is_first =
        |index: usize, name: &str| !watches[..index].iter().any(|(other, _, _)| other.name == name);
    let plain: Vec<Watch> = watches
        .iter()
        .enumerate()
        .filter(|(index, (watch, _, _))| is_first(*index, &watch.name))
        .map(|(_, (watch, _, _))| watch.clone())
        .collect();
    let place = |finding: &Finding| place(keys, watches, finding);
    match WatchList::compile(&plain) {
        Ok((list, findings)) => {
            findings.iter().for_each(|finding| keys.report.warning(place(finding), finding.message.clone()));
            Some(list)
        }
        Err(findings) => {
            findings.iter().for_each(|finding| keys.problem(place(finding), finding.message.clone()));
            None
        }
    }
}

/// The byte of the file that a finding is about.
fn place(keys: &Keys<'_, '_>, watches: &[(Watch, Text, Text)], finding: &Finding) -> usize {
    let named = watches.iter().find(|(watch, _, _)| watch.name == finding.watch);
    named.map_or(keys.at, |(_, query, _)| keys.report.inside(query, finding.span.start))
}

/// A `source:` that names none of the sources can never fire.
fn warn_of_unheard(
    keys: &Keys<'_, '_>,
    list: &WatchList,
    watches: &[(Watch, Text, Text)],
    sources: &[Named<Source>],
) {
    let names: Vec<&str> = sources.iter().map(|(source, _)| source.name.as_str()).collect();
    for finding in list.unheard_of(&names).iter().filter(|_| !names.is_empty()) {
        keys.report.warning(place(keys, watches, finding), finding.message.clone());
    }
}

/// A threshold above what any story can score for the plan's watches, or for some that
/// no other plan would tell.
fn warn_of_unreached(keys: &Keys<'_, '_>, list: &WatchList, plans: &[PlacedPlan]) {
    let most: Vec<(&str, f64)> = list.points_max().collect();
    let is_told = |(name, most): &(&str, f64)| {
        plans.iter().any(|placed| placed.plan.names(name) && *most >= placed.plan.at_least)
    };
    for PlacedPlan { plan, at_least, .. } in plans {
        let Some(at) = at_least else { continue };
        let (reach, miss): (Vec<_>, Vec<_>) =
            most.iter().filter(|(name, _)| plan.names(name)).partition(|(_, most)| *most >= plan.at_least);
        let best = miss.iter().map(|(_, most)| *most).reduce(f64::max);
        let untold: Vec<String> =
            miss.iter().filter(|one| !is_told(one)).map(|(name, _)| format!("`{name}`")).collect();
        let message = match (best, untold.as_slice()) {
            (Some(best), _) if reach.is_empty() => format!(
                "no story can score {} for the watches of this plan, {best:.1} at most: nothing would be told; lower it or raise a `weight`",
                plan.at_least
            ),
            (_, [first, more @ ..]) => {
                let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
                format!(
                    "no story can score {} for {first}{more}: no plan would tell one; lower this or raise a `weight`",
                    plan.at_least
                )
            }
            _ => continue,
        };
        keys.report.warning(*at, message);
    }
}

/// Plans name watches that exist; a watch that no plan names is worth a word.
fn join(keys: &Keys<'_, '_>, watches: &[(Watch, Text, Text)], plans: &[PlacedPlan]) {
    let known = || watches.iter().map(|(watch, _, _)| watch.name.as_str());
    for text in plans.iter().flat_map(|plan| &plan.watches) {
        let name = text.value.trim();
        if name != "*" && keys.report.is_whole() && !known().any(|watch| watch == name) {
            keys.problem(text.span.start, format!("unknown watch `{name}`{}", values::hint(name, known())));
        }
    }
    let told = |name: &str| {
        plans.iter().any(|placed| placed.plan.watches.iter().any(|watch| watch == "*" || watch == name))
    };
    for (watch, _, name) in watches.iter().filter(|(watch, _, _)| !plans.is_empty() && !told(&watch.name)) {
        let message =
            format!("no plan names the watch `{}`: what it finds is stored, not mailed", watch.name);
        keys.report.warning(name.span.start, message);
    }
}

fn say_what_is_missing(keys: &Keys<'_, '_>, sources: bool, watches: bool, plans: bool, mail: Option<&Mail>) {
    let warn = |missing: bool, message: &str| {
        if missing {
            keys.report.warning(usize::MAX, message);
        }
    };
    warn(sources, "no source: nothing will be read; add a `[[feed]]` or `[[page]]`");
    warn(watches, "no `[[watch]]`: articles will be stored, nothing found in them");
    warn(plans, "no `[[plan]]`: what is found will not be mailed");
    warn(
        mail.is_some_and(|mail| mail.ops_to.is_empty() && mail.ops_chat_to.is_empty()),
        "`ops_to` in `[mail]` is not set: trouble is told in `newswatch status` only",
    );
}
