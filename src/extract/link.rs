//! Links without what only counts clicks.
//!
//! Invariant: a link that carries no tracking parameter comes back byte for
//! byte, so that nothing is made of a link that the publisher did not write.

use url::Url;

/// Parameters that name a campaign or a click, never a page.
const TRACKING: &str = "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid ysclid twclid ttclid igshid igsh mc_cid \
    mc_eid _hsenc _hsmi _openstat oly_anon_id oly_enc_id vero_id wickedid rb_clickid s_cid cmpid \
    xtor at_medium at_campaign at_source ns_mchannel ns_source ns_campaign ns_linkname ns_fee \
    guccounter ftag ocid __twitter_impression";

/// Families of them (`utm_source`, `pk_campaign`, Matomo's `mtm_`, `piwik_`).
const TRACKING_PREFIXES: &str = "utm_ pk_ mtm_ piwik_ hsa_";

/// The link as the publisher means it: without tracking parameters.
pub fn canonical(link: &str) -> String {
    let link = link.trim();
    let Ok(mut url) = Url::parse(link) else { return link.to_owned() };
    let is_web = matches!(url.scheme(), "http" | "https");
    let tracked_query = url.query().is_some_and(|query| query.split('&').any(is_tracking));
    let tracked_fragment = url.fragment().is_some_and(|fragment| fragment.split('&').any(is_tracking));
    if !is_web || !(tracked_query || tracked_fragment) {
        return link.to_owned();
    }
    if tracked_query {
        let kept = url.query().map(without_tracking).unwrap_or_default();
        url.set_query(Some(kept.as_str()).filter(|kept| !kept.is_empty()));
    }
    if tracked_fragment {
        url.set_fragment(None);
    }
    url.into()
}

fn without_tracking(query: &str) -> String {
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_tracking(pair)).collect();
    kept.join("&")
}

fn is_tracking(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or(pair).to_ascii_lowercase();
    TRACKING.split(' ').any(|known| known == name)
        || TRACKING_PREFIXES.split(' ').any(|prefix| name.starts_with(prefix))
}
