//! `[web]`: where the page is served, and to whom.
//!
//! Invariant: what others than this machine can reach has a token.

use super::reader::Keys;
use super::sections::secret;
use super::{Listen, Web, values};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

const PORT: u16 = 8808;

impl Default for Web {
    fn default() -> Web {
        let listen = Listen::Address(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        Web { listen, token: None, public_url: None }
    }
}

pub fn web(keys: &Keys<'_, '_>, base: &Path) -> Option<Web> {
    for key in ["token", "password", "secret"] {
        keys.refuse(key, "a secret may not stand in this file: `token_file` names a file that holds it, `token_env` a variable");
    }
    let listen = match keys.place("listen") {
        Some(_) => keys.checked("listen", values::listen),
        None => Some(Web::default().listen),
    };
    let token = secret(keys, base, "token_file", "token_env");
    let public_url = keys.checked("public_url", values::public_url);
    if keys.place("token_file").or(keys.place("token_env")).is_none() {
        refuse_open(keys, listen.as_ref());
    }
    Some(Web { listen: listen?, token, public_url })
}

/// Without a token nobody else may reach the page.
fn refuse_open(keys: &Keys<'_, '_>, listen: Option<&Listen>) {
    if let (Some(listen), Some(at)) = (listen.filter(|listen| !listen.is_local()), keys.place("listen")) {
        keys.problem(at, format!("other machines can reach `{listen}`: name a token's file as `token_file`, or listen at `127.0.0.1:{PORT}`"));
    }
    if let Some(at) = keys.place("public_url") {
        keys.problem(at, "`public_url` shows the page to others: name a token's file as `token_file`");
    }
}
