//! What the operator is told: sources that fell sick, those that are well again,
//! and mail that was refused for good.

use super::{CHAT, Digest, Note, NoteStory, prose, sheet};
use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// Sources named one by one in a mail.
const CHANGES_MAX: usize = 200;
/// Characters of a name, a reason, an address.
const WORDS_CHARS_MAX: usize = 300;

/// A source whose health is another than the operator was last told.
#[derive(Debug, Clone)]
pub struct Change {
    pub source: String,
    pub url: String,
    /// In words: `broken`, `healthy`.
    pub health: String,
    pub is_sick: bool,
    pub since_at: DateTime<Utc>,
    pub reason: Option<String>,
}

/// A mail that will never arrive.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Its number in the outbox.
    pub id: i64,
    pub recipient: String,
    pub subject: String,
    pub refused_at: DateTime<Utc>,
    pub reason: String,
}

/// A recipient who hears nothing before somebody mends what is written of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub recipient: String,
    /// Messages that wait, or were refused.
    pub messages: usize,
    /// When the first of them was written.
    pub since_at: DateTime<Utc>,
    pub is_refused: bool,
    pub reason: String,
}

/// A reader who left a plan by one click.
#[derive(Debug, Clone)]
pub struct Leaving {
    pub plan: String,
    pub recipient: String,
    pub left_at: DateTime<Utc>,
    /// Nobody is left whom the plan tells.
    pub leaves_nobody: bool,
}

/// Trouble that keeps everything from being read or stored.
#[derive(Debug, Clone)]
pub struct Outage {
    /// Names do not resolve; else the database takes no write.
    pub is_of_names: bool,
    /// `disk full`
    pub in_short: String,
    /// With the next step.
    pub reason: String,
    pub since_at: DateTime<Utc>,
    /// When it was over, where it is.
    pub until_at: Option<DateTime<Utc>>,
}

/// A change, ready to print.
struct Line {
    source: String,
    url: String,
    health: String,
    since: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct Html<'a> {
    subject: &'a str,
    sheet: &'a Sheet,
}

#[derive(Template)]
#[template(path = "trouble.txt", escape = "none")]
struct Text<'a> {
    sheet: &'a Sheet,
}

/// What one mail tells of, ready to print.
#[derive(Default)]
struct Sheet {
    /// Paragraphs about an outage.
    outage: Vec<String>,
    silent: Vec<Silent>,
    sick: Vec<Line>,
    healed: Vec<Line>,
    refused: Vec<Refused>,
    left: Vec<Left>,
    more: More,
}

/// What has no room to be named.
#[derive(Default)]
struct More {
    silent: usize,
    changes: usize,
    refused: usize,
    left: usize,
}

impl Sheet {
    fn mail(&self, subject: String) -> Digest {
        let holds = "a template over strings cannot fail";
        let html = Html { subject: &subject, sheet: self }.render().expect(holds);
        let text = Text { sheet: self }.render().expect(holds);
        Digest { subject, text, html }
    }
}

/// Somebody who hears nothing, ready to print.
struct Silent {
    recipient: String,
    /// `3 messages wait since 22 Nov 2026, 14:00 +06`.
    messages: String,
    reason: String,
    /// Tries the address, where it is a chat's.
    command: String,
}

/// Somebody who left, ready to print.
struct Left {
    plan: String,
    recipient: String,
    at: String,
    leaves_nobody: bool,
    /// What takes it back.
    command: String,
}

/// A refusal, ready to print.
struct Refused {
    id: i64,
    recipient: String,
    subject: String,
    at: String,
    reason: String,
}

/// One mail for all of it; nothing where there is nothing to tell.
pub fn trouble(changes: &[Change], refusals: &[Refusal], leavings: &[Leaving], zone: Tz) -> Option<Digest> {
    let lines = |is_sick| -> Vec<Line> {
        let chosen = changes.iter().filter(|change| change.is_sick == is_sick);
        chosen.take(CHANGES_MAX).map(|change| line(change, zone)).collect()
    };
    let (sick, healed) = (lines(true), lines(false));
    let refused: Vec<_> = refusals.iter().take(CHANGES_MAX).map(|refusal| refused(refusal, zone)).collect();
    let left: Vec<_> = leavings.iter().take(CHANGES_MAX).map(|leaving| left(leaving, zone)).collect();
    let more = More {
        changes: changes.len() - sick.len() - healed.len(),
        refused: refusals.len() - refused.len(),
        left: leavings.len() - left.len(),
        ..More::default()
    };
    let subject = subject(changes, refusals.len(), leavings)?;
    Some(Sheet { sick, healed, refused, left, more, ..Sheet::default() }.mail(subject))
}

/// The same for a chat.
pub fn note(changes: &[Change], refusals: &[Refusal], leavings: &[Leaving], zone: Tz) -> Option<Note> {
    let subject = subject(changes, refusals.len(), leavings)?;
    let entry = |title: String, detail: String, command| NoteStory { title, link: None, detail, command };
    let refusals = refusals.iter().map(|refusal| {
        let Refused { id, recipient, subject, reason, .. } = refused(refusal, zone);
        let command = format!("newswatch outbox retry {id}");
        entry(format!("Refused: {subject}"), format!("{recipient}: {reason}"), Some(command))
    });
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_by_key(|change| !change.is_sick);
    let changes = sorted.into_iter().map(|change| {
        let Line { source, health, since, reason, .. } = line(change, zone);
        entry(format!("{source}: {health} since {since}"), reason, None)
    });
    let leavings = leavings.iter().map(|leaving| {
        let Left { plan, recipient, at, command, .. } = left(leaving, zone);
        entry(format!("{recipient} left the plan {plan}, {at}"), String::new(), Some(command))
    });
    let mut stories: Vec<NoteStory> = refusals.chain(changes).chain(leavings).collect();
    let more = stories.len().saturating_sub(CHANGES_MAX);
    stories.truncate(CHANGES_MAX);
    let command = Some("newswatch status".into());
    Some(Note { subject, is_urgent: true, stories, more, command, ..Note::default() })
}

/// Tells of recipients who hear nothing, by mail.
pub fn silence(silences: &[Silence], zone: Tz) -> Digest {
    let silent: Vec<_> = silences.iter().take(CHANGES_MAX).map(|silence| silent(silence, zone)).collect();
    let more = More { silent: silences.len() - silent.len(), ..More::default() };
    Sheet { silent, more, ..Sheet::default() }.mail(silence_subject(silences))
}

/// The same for a chat.
pub fn silence_note(silences: &[Silence], zone: Tz) -> Note {
    let stories = silences.iter().take(CHANGES_MAX).map(|silence| {
        let Silent { recipient, messages, reason, command } = silent(silence, zone);
        let detail = format!("{messages}: {reason}");
        NoteStory { title: recipient, link: None, detail, command: Some(command) }
    });
    Note {
        subject: silence_subject(silences),
        is_urgent: true,
        stories: stories.collect(),
        more: silences.len().saturating_sub(CHANGES_MAX),
        command: Some("newswatch outbox list".into()),
        ..Note::default()
    }
}

/// Reports an outage, by mail and for a chat.
pub fn outage(outage: &Outage, zone: Tz) -> (Digest, Note) {
    let subject = outage_subject(outage);
    let paragraphs = outage_paragraphs(outage, zone);
    let note = Note {
        subject: subject.clone(),
        is_urgent: true,
        head: paragraphs.clone(),
        command: Some("newswatch status".into()),
        ..Note::default()
    };
    (Sheet { outage: paragraphs, ..Sheet::default() }.mail(subject), note)
}

fn outage_subject(outage: &Outage) -> String {
    let subject = match (outage.is_of_names, outage.until_at) {
        (false, None) => format!("newswatch is paused: {}", outage.in_short),
        (false, Some(_)) => "newswatch has resumed: its database can be written again".into(),
        (true, None) => "newswatch cannot reach its sources: names do not resolve".into(),
        (true, Some(_)) => "newswatch reaches its sources again: names resolve".into(),
    };
    prose::line(&subject, 160)
}

fn outage_paragraphs(outage: &Outage, zone: Tz) -> Vec<String> {
    let since = local(outage.since_at, zone);
    let reason = prose::line(&outage.reason, WORDS_CHARS_MAX);
    match (outage.is_of_names, outage.until_at.map(|at| local(at, zone))) {
        (false, None) => vec![
            "newswatch cannot write its database. Sources are not polled and messages are not sent until it can.".into(),
            format!("Since {since}: {reason}."),
            "What is published meanwhile is read afterwards, as far as the sources still list it. This message is repeated once a day while the problem lasts.".into(),
        ],
        (false, Some(until)) => vec![
            format!("newswatch could not write its database from {since} to {until}. It polls its sources and sends messages again."),
            format!("The reason was: {reason}."),
            "Stories that were published and withdrawn in that time may have been missed.".into(),
        ],
        (true, None) => vec![
            "Names do not resolve, so newswatch cannot reach sources whose addresses it does not know.".into(),
            format!("Since {since}: {reason}."),
            "These sources are polled as soon as names resolve again. This message is repeated once a day while the problem lasts.".into(),
        ],
        (true, Some(until)) => vec![
            format!("Names did not resolve from {since} to {until}. All sources are polled again."),
            "Stories that were published and withdrawn in that time may have been missed.".into(),
        ],
    }
}

fn silence_subject(silences: &[Silence]) -> String {
    let subject = match silences {
        [one] => format!("Not told until this is mended: {}", one.recipient),
        many => format!("{} recipients are not told until this is mended", many.len()),
    };
    prose::line(&subject, 160)
}

fn silent(silence: &Silence, zone: Tz) -> Silent {
    let Silence { recipient, messages, since_at, is_refused, reason } = silence;
    let (count, since) = (sheet::count(*messages, "message"), local(*since_at, zone));
    let command = match recipient.strip_prefix(CHAT) {
        Some(name) => format!("newswatch test-chat {}", sheet::shell_word(name)),
        None => "newswatch outbox list".into(),
    };
    Silent {
        recipient: prose::line(recipient, WORDS_CHARS_MAX),
        messages: match (is_refused, *messages) {
            (true, _) => format!("refused since {since}, {count}"),
            (false, 1) => format!("{count} waits since {since}"),
            (false, _) => format!("{count} wait since {since}"),
        },
        reason: prose::line(reason, WORDS_CHARS_MAX),
        command,
    }
}

fn line(change: &Change, zone: Tz) -> Line {
    let clean = |text: &str| prose::line(text, WORDS_CHARS_MAX);
    Line {
        source: clean(&change.source),
        url: clean(&change.url),
        health: clean(&change.health),
        since: local(change.since_at, zone),
        reason: clean(change.reason.as_deref().unwrap_or_default()),
    }
}

fn refused(refusal: &Refusal, zone: Tz) -> Refused {
    let clean = |text: &str| prose::line(text, WORDS_CHARS_MAX);
    Refused {
        id: refusal.id,
        recipient: clean(&refusal.recipient),
        subject: clean(&refusal.subject),
        at: local(refusal.refused_at, zone),
        reason: clean(&refusal.reason),
    }
}

fn left(leaving: &Leaving, zone: Tz) -> Left {
    let clean = |text: &str| prose::line(text, WORDS_CHARS_MAX);
    let (plan, recipient) = (clean(&leaving.plan), clean(&leaving.recipient));
    let command =
        format!("newswatch plans resubscribe {} {}", sheet::shell_word(&plan), sheet::shell_word(&recipient));
    Left { at: local(leaving.left_at, zone), leaves_nobody: leaving.leaves_nobody, plan, recipient, command }
}

fn local(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%-d %b %Y, %H:%M %Z").to_string()
}

fn subject(changes: &[Change], refused: usize, leavings: &[Leaving]) -> Option<String> {
    let (sick, healed): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.is_sick);
    let subject = match (&sick[..], &healed[..]) {
        _ if refused == 1 => "Mail refused: somebody was not told".into(),
        _ if refused > 1 => format!("{refused} mails refused: somebody was not told"),
        _ if leavings.iter().any(|leaving| leaving.leaves_nobody) => {
            let plan = leavings.iter().find(|leaving| leaving.leaves_nobody).map(|leaving| &leaving.plan);
            format!("Nobody is left on the plan {}", plan.map_or("", String::as_str))
        }
        ([], []) => match leavings {
            [] => return None,
            [one] => format!("Left the plan {}: {}", one.plan, one.recipient),
            many => format!("{} readers left their plans", many.len()),
        },
        ([one], []) => format!("Source in trouble: {} is {}", one.source, one.health),
        ([], [one]) => format!("Source well again: {}", one.source),
        (many, []) => format!("{} sources in trouble", many.len()),
        ([], many) => format!("{} sources well again", many.len()),
        (sick, healed) => format!("Sources: {} in trouble, {} well again", sick.len(), healed.len()),
    };
    Some(prose::line(&subject, 160))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_reads_what_broke_and_what_healed() {
        let at = DateTime::UNIX_EPOCH;
        let change = |source: &str, is_sick| Change {
            source: source.into(),
            url: "https://naryn.example/feed".into(),
            health: if is_sick { "blocked" } else { "healthy" }.into(),
            is_sick,
            since_at: at,
            reason: is_sick.then(|| "failed to read `naryn.example`:\r\nit answered 403 <b>".into()),
        };
        let check = |changes: &[Change], subject: &str, line: &str| {
            let mail = trouble(changes, &[], &[], Tz::Asia__Bishkek).expect("something changed");
            assert_eq!(mail.subject, subject);
            assert!(mail.text.contains(line), "{}", mail.text);
            assert!(!mail.html.contains("<b> "), "foreign text is escaped: {}", mail.html);
        };
        check(
            &[change("Naryn\nCourier", true)],
            "Source in trouble: Naryn Courier is blocked",
            "* Naryn Courier: blocked since 1 Jan 1970, 06:00 +06\n  failed to read `naryn.example`: it answered 403 <b>",
        );
        check(
            &[change("Naryn Courier", false)],
            "Source well again: Naryn Courier",
            "* Naryn Courier: since",
        );
        check(
            &[change("Naryn Courier", true), change("Osh Echo", false)],
            "Sources: 1 in trouble, 1 well again",
            "* Osh Echo: since",
        );
        assert_eq!(trouble(&[], &[], &[], Tz::UTC), None);
        let refusal = Refusal {
            id: 17,
            recipient: "desk@example.org".into(),
            subject: "Alert: Temirov".into(),
            refused_at: at,
            reason: "550 no such user".into(),
        };
        let told = note(
            &[change("Osh Echo", false), change("Naryn", true)],
            std::slice::from_ref(&refusal),
            &[],
            Tz::UTC,
        );
        let lines: Vec<String> = told
            .expect("something to tell")
            .stories
            .into_iter()
            .map(|story| [story.title, story.detail, story.command.unwrap_or_default()].join("\n"))
            .collect();
        let expected = [
            "Refused: Alert: Temirov\ndesk@example.org: 550 no such user\nnewswatch outbox retry 17",
            "Naryn: blocked since 1 Jan 1970, 00:00 UTC\nfailed to read `naryn.example`: it answered 403 <b>\n",
            "Osh Echo: healthy since 1 Jan 1970, 00:00 UTC\n\n",
        ];
        assert_eq!(lines, expected);
        let mail = trouble(&[], std::slice::from_ref(&refusal), &[], Tz::UTC).expect("a mail was refused");
        assert_eq!(mail.subject, "Mail refused: somebody was not told");
        for words in ["desk@example.org", "550 no such user", "newswatch outbox retry 17"] {
            assert!(mail.text.contains(words) && mail.html.contains(words), "{words}: {}", mail.text);
        }
        let many = trouble(&[], &vec![refusal; CHANGES_MAX + 3], &[], Tz::UTC).expect("mails were refused");
        assert_eq!(many.subject, "203 mails refused: somebody was not told");
        for words in ["and 3 more", "newswatch outbox retry --all"] {
            assert!(many.text.contains(words) && many.html.contains(words), "{words}: {}", many.text);
        }

        let leaving = |recipient: &str, leaves_nobody| Leaving {
            plan: "rights desk".into(),
            recipient: recipient.into(),
            left_at: at,
            leaves_nobody,
        };
        let mail = trouble(&[], &[], &[leaving("bek@example.org", false)], Tz::UTC).expect("a reader left");
        assert_eq!(mail.subject, "Left the plan rights desk: bek@example.org");
        assert!(
            mail.text.contains("newswatch plans resubscribe 'rights desk' bek@example.org"),
            "{}",
            mail.text
        );
        let both = [leaving("bek@example.org", true), leaving("ada@example.org", true)];
        let mail = trouble(&[change("Osh Echo", true)], &[], &both, Tz::UTC).expect("nobody is left");
        assert_eq!(mail.subject, "Nobody is left on the plan rights desk");
        for words in ["ada@example.org", "Osh Echo", "waits until somebody is back"] {
            assert!(mail.text.contains(words) && mail.html.contains(words), "{words}: {}", mail.text);
        }
    }
}
