//! A program whose network to one of its stores can be made to fail.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use frontrow_test_harness::{AppConfig, FaultProxy};

/// `config` with a proxy in front of the server in the URL of `setting`.
pub(super) fn behind_a_proxy(config: AppConfig, setting: &str) -> Result<(AppConfig, FaultProxy)> {
    let url = config.value(setting).and_then(|url| url.to_str());
    let url = url.with_context(|| format!("{setting} names no server"))?;
    let (scheme, rest) = url.split_once("://").context("a scheme")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, server) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(user, server)| (user, server));
    let at = if user.is_empty() { "" } else { "@" };
    let server: SocketAddr = server.parse().context("the server's address")?;
    let proxy = FaultProxy::start(server)?;
    let through = format!("{scheme}://{user}{at}{}/{path}", proxy.address());
    Ok((config.env(setting, through), proxy))
}
