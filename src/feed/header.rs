//! Links that stand in an answer's header (RFC 8288).

use url::Url;

/// Links read of one answer.
const LINKS_MAX: usize = 100;

/// Targets of the `Link` fields' links with this relation, absolute where `base` is known.
///
/// ```
/// use newswatch::feed::header::linked;
/// let fields = ["<https://hub.example/>; rel=\"hub\", </rss>; rel=self".to_owned()];
/// assert_eq!(linked(&fields, "self", Some("https://kg.example/")), ["https://kg.example/rss"]);
/// ```
pub fn linked(fields: &[String], rel: &str, base: Option<&str>) -> Vec<String> {
    let base = base.and_then(|base| Url::parse(base).ok());
    let links = fields.iter().flat_map(|field| links(field)).take(LINKS_MAX);
    let related = links.filter(|(_, parameters)| has_relation(parameters, rel));
    let absolute =
        related.filter_map(|(target, _)| Url::options().base_url(base.as_ref()).parse(target).ok());
    absolute.map(String::from).collect()
}

/// Each link's target, and its parameters as written.
fn links(field: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = field;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((target, parameters)) = after.split_once('>') else { break };
        let own = unquoted(parameters, ',').next().unwrap_or_default();
        found.push((target.trim(), own));
        rest = &parameters[own.len()..];
        if found.len() >= LINKS_MAX {
            break;
        }
    }
    found
}

/// Whether the first `rel` names the relation (3.3); the ones after it do not count.
fn has_relation(parameters: &str, rel: &str) -> bool {
    let named = unquoted(parameters, ';').filter_map(|parameter| parameter.split_once('='));
    let mut rels = named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("rel"));
    let Some((_, value)) = rels.next() else { return false };
    value.trim().trim_matches('"').split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case(rel))
}

/// The parts between separators that stand in no quotes.
fn unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut in_quotes, mut escaped) = (false, false);
    text.split(move |c| {
        let is_quote = c == '"' && !escaped;
        escaped = in_quotes && c == '\\' && !escaped;
        in_quotes ^= is_quote;
        c == separator && !in_quotes
    })
}
