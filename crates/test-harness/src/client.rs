use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context, Result};
use reqwest::{Method, Response, redirect};
use serde_json::Value;
use tokio::time::timeout;

use crate::Reply;

/// Time limit of an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The time for which an idle connection is kept for the next request.
const IDLE_LIMIT: Duration = Duration::from_secs(2);

/// The connections to one program, shared by all of its clients.
///
/// They belong to the runtime in which they were made, so a test must not keep them for another.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    http: reqwest::Client,
    base_url: Arc<RwLock<String>>,
}

impl Connection {
    pub(crate) fn new() -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            // Servers close idle connections after a few seconds. A request that is sent at that
            // moment would fail, on a busy machine more often than expected.
            .pool_idle_timeout(IDLE_LIMIT)
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self {
            http,
            base_url: Arc::default(),
        })
    }

    pub(crate) fn base_url(&self) -> String {
        let url = self.base_url.read().unwrap_or_else(PoisonError::into_inner);
        url.clone()
    }

    pub(crate) fn set_base_url(&self, base_url: String) {
        let mut url = self
            .base_url
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *url = base_url;
    }
}

/// An HTTP client of a program, as one user, as one operator or without identity. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    connection: Connection,
    headers: Headers,
}

impl Client {
    pub(crate) fn over(connection: Connection) -> Self {
        Self {
            connection,
            headers: Headers::default(),
        }
    }

    /// Makes a client for a server that the harness did not start.
    pub fn to(base_url: impl Into<String>) -> Result<Self> {
        let connection = Connection::new()?;
        connection.set_base_url(base_url.into());
        Ok(Self::over(connection))
    }

    /// Returns the same client as this user, by `X-User-Id`.
    #[must_use]
    pub fn user(&self, user: &str) -> Self {
        self.header("x-user-id", user)
    }

    /// Returns the same client with a bearer token: an identity, or an admin key.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Returns the same client, which sends this queue token with every request.
    #[must_use]
    pub fn queue_token(&self, token: &str) -> Self {
        self.header("queue-token", token)
    }

    /// Returns the same client with this header in every request.
    #[must_use]
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.set(name, value);
        client
    }

    /// `GET path`
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// `POST path`
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// `PUT path`
    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }

    /// `PATCH path`
    pub fn patch(&self, path: &str) -> Request {
        self.request(Method::PATCH, path)
    }

    /// `DELETE path`
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Any other method. `path` begins with a slash and may have a query.
    pub fn request(&self, method: Method, path: &str) -> Request {
        Request {
            connection: self.connection.clone(),
            headers: self.headers.clone(),
            method,
            path: path.to_owned(),
            body: None,
        }
    }
}

/// A request that is sent when it is awaited.
#[derive(Debug, Clone)]
#[must_use = "a request is sent when it is awaited"]
pub struct Request {
    connection: Connection,
    headers: Headers,
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
}

impl Request {
    /// Sends this queue token.
    pub fn queue_token(self, token: &str) -> Self {
        self.header("queue-token", token)
    }

    /// Sends this idempotency key.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sends this header. Replaces one of the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.set(name, value);
        self
    }

    /// Sends this JSON.
    pub fn json(self, json: &Value) -> Self {
        self.body("application/json", json.to_string())
    }

    /// Sends these bytes.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = self.header("content-type", content_type);
        request.body = Some(body.into());
        request
    }

    /// Sends the request and reads the whole answer.
    pub async fn send(self) -> Result<Reply> {
        let what = format!("{} {}", self.method, self.path);
        let answer = async {
            let response = self.begin().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let text = response.text().await?;
            anyhow::Ok((status, headers, text))
        };
        let (status, headers, text) = timeout(ANSWER_LIMIT, answer)
            .await
            .with_context(|| format!("{what}: no answer for {ANSWER_LIMIT:?}"))?
            .with_context(|| what.clone())?;
        Ok(Reply::new(what, status.as_u16(), headers, text))
    }

    /// Sends the request and leaves the answer's body to be read piece by piece: a stream of
    /// events.
    pub async fn open(self) -> Result<Response> {
        let what = format!("{} {}", self.method, self.path);
        timeout(ANSWER_LIMIT, self.begin())
            .await
            .with_context(|| format!("{what}: no answer for {ANSWER_LIMIT:?}"))?
            .context(what)
    }

    async fn begin(self) -> Result<Response> {
        let url = format!("{}{}", self.connection.base_url(), self.path);
        let mut request = self.connection.http.request(self.method, url);
        for (name, value) in self.headers.0 {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        Ok(request.send().await?)
    }
}

impl IntoFuture for Request {
    type Output = Result<Reply>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// Headers of a request, each name once. They are checked when they are sent.
#[derive(Debug, Clone, Default)]
struct Headers(Vec<(String, String)>);

impl Headers {
    fn set(&mut self, name: &str, value: &str) {
        self.0
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.0.push((name.to_owned(), value.to_owned()));
    }
}
