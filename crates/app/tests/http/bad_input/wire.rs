//! Bytes that no client library would send.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::Target;
use crate::{on_every_store, stores::Stores, test_app::ADMIN_KEY};

on_every_store!(
    headers_that_are_not_text_are_malformed,
    bytes_that_are_not_http_are_refused_and_the_connection_is_closed,
    pipelined_requests_are_answered_in_their_order,
    half_a_request_has_no_effect,
    a_chunked_body_over_the_limit_is_refused,
);

/// An answer, unparsed.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    json: Value,
}

/// Sends bytes, and reads until the connection is closed.
async fn exchange(target: &Target, bytes: &[u8]) -> Result<Vec<Answer>> {
    let address = target.test_app.app.base_url();
    let mut connection = TcpStream::connect(address.trim_start_matches("http://")).await?;
    // The server may close the connection before it has received all bytes.
    let _ = connection.write_all(bytes).await;
    let _ = connection.shutdown().await;
    let mut all = Vec::new();
    let read = timeout(Duration::from_secs(30), connection.read_to_end(&mut all));
    // Bytes that the server has not read when it closes reset the connection, after the answer.
    let _ = read.await.context("the connection stays open")?;
    answers(&String::from_utf8_lossy(&all))
}

fn answers(mut text: &str) -> Result<Vec<Answer>> {
    let mut found = Vec::new();
    while let Some((head, rest)) = text.split_once("\r\n\r\n") {
        let status = head.split(' ').nth(1).context("a status")?.parse()?;
        let head = head.to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(Ok(0), str::parse)?;
        let body = rest.get(..length).context("a whole body")?;
        text = rest.get(length..).unwrap_or_default();
        let json = serde_json::from_str(body).unwrap_or_default();
        found.push(Answer { status, head, json });
    }
    Ok(found)
}

/// A request with these header lines. Its body follows them directly.
fn request(line: &str, headers: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n").into_bytes();
    for header in headers {
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

async fn one(target: &Target, bytes: &[u8]) -> Result<Answer> {
    let mut all = exchange(target, bytes).await?;
    ensure!(all.len() == 1, "one answer: {all:?}");
    all.pop().context("an answer")
}

async fn headers_that_are_not_text_are_malformed(stores: Stores) -> Result<()> {
    let target = Target::open(stores).await?;
    let token = target.visitor.place["queue_token"]
        .as_str()
        .context("a token")?;
    let token = format!("Queue-Token: {token}");
    let seats = format!("GET {}", target.test_app.seats_path());
    let user: &[u8] = b"X-User-Id: visitor";
    for (line, headers) in [
        ("GET /v1/points", vec![&b"X-User-Id: \xff\xfe"[..]]),
        ("GET /v1/points", vec![b"X-User-Id: \xed\x99\x8d"]),
        ("GET /v1/points", vec![user, b"Authorization: Bearer \x80"]),
        ("GET /v1/queue/token", vec![b"Queue-Token: \xc3\xa9"]),
        (&seats, vec![user, b"Queue-Token: \xff"]),
        (
            "POST /v1/points/charges",
            vec![user, b"Idempotency-Key: \xff", b"Content-Length: 12"],
        ),
        (
            "GET /v1/admin/concerts/x/queue",
            vec![b"Authorization: Bearer \xff"],
        ),
    ] {
        let body: &[u8] = if line.starts_with("POST") {
            b"{\"amount\":1}"
        } else {
            b""
        };
        let answer = one(&target, &request(line, &headers, body)).await?;
        assert_eq!(
            (answer.status, &answer.json["type"]),
            (400, &"/problems/malformed-request".into()),
            "{line}: {answer:?}"
        );
    }
    // Headers that a route does not read may be anything.
    for odd in [
        &b"If-None-Match: \xff"[..],
        b"Accept: \xff",
        b"X-Odd: \x80\x81",
        b"Cookie: \xff=\xfe",
    ] {
        let answer = one(
            &target,
            &request(&seats, &[user, token.as_bytes(), odd], b""),
        )
        .await?;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let content_type: &[&[u8]] = &[
        user,
        b"Idempotency-Key: k",
        b"Content-Type: \xff",
        b"Content-Length: 12",
    ];
    let answer = one(
        &target,
        &request("POST /v1/points/charges", content_type, b"{\"amount\":1}"),
    )
    .await?;
    assert_eq!(
        (answer.status, &answer.json["type"]),
        (415, &"/problems/json-required".into())
    );
    let admin = format!("Authorization: Bearer {ADMIN_KEY}");
    let sales = format!(
        "GET /v1/admin/concerts/{}/reservations",
        target.test_app.concert
    );
    let answer = one(
        &target,
        &request(&sales, &[admin.as_bytes(), b"Accept: \xff"], b""),
    )
    .await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    target.is_unchanged().await
}

async fn bytes_that_are_not_http_are_refused_and_the_connection_is_closed(
    stores: Stores,
) -> Result<()> {
    let target = Target::open(stores).await?;
    let long = vec![b'a'; 200_000];
    let many = b"X-Odd: 1\r\n".repeat(1_000);
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"hello\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /livez HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /liv\xff\xfe HTTP/1.1\r\n\r\n".to_vec(),
        b"GET /a b HTTP/1.1\r\n\r\n".to_vec(),
        b"G\x00T /livez HTTP/1.1\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nNo colon\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nBad name: 1\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nX: a\x00b\r\n\r\n".to_vec(),
        b"POST /v1/points/charges HTTP/1.1\r\nContent-Length: abc\r\n\r\n".to_vec(),
        b"POST /v1/points/charges HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /v1/points/charges HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
        b"POST /v1/points/charges HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n{}".to_vec(),
        b"POST /v1/points/charges HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}".to_vec(),
        [b"GET /", &long[..], b" HTTP/1.1\r\n\r\n"].concat(),
        [b"GET /livez HTTP/1.1\r\nX-Odd: ", &long[..], b"\r\n\r\n"].concat(),
        [b"GET /livez HTTP/1.1\r\n", &many[..], b"\r\n"].concat(),
    ] {
        let what: String = String::from_utf8_lossy(&bytes).chars().take(80).collect();
        for answer in exchange(&target, &bytes).await? {
            assert!((400..500).contains(&answer.status), "{what:?}: {answer:?}");
        }
    }
    target
        .test_app
        .app
        .client()
        .get("/livez")
        .await?
        .expect_status(200)?;
    target.is_unchanged().await
}

async fn pipelined_requests_are_answered_in_their_order(stores: Stores) -> Result<()> {
    let target = Target::open(stores).await?;
    let mut bytes = Vec::new();
    for path in [
        "/livez",
        "/v1/nowhere",
        "/v1/points",
        "/v1/concerts/x",
        "/livez",
    ] {
        bytes.extend_from_slice(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
    }
    let body = "{\"amount\":0}";
    bytes.extend_from_slice(
        format!(
            "POST /v1/points/charges HTTP/1.1\r\nHost: test\r\nX-User-Id: visitor\r\nIdempotency-Key: k\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
    bytes.extend_from_slice(&request("GET /v1/concerts", &[], b""));
    let statuses: Vec<_> = exchange(&target, &bytes)
        .await?
        .iter()
        .map(|answer| answer.status)
        .collect();
    assert_eq!(statuses, [200, 404, 401, 404, 200, 422, 200]);
    target.is_unchanged().await
}

async fn half_a_request_has_no_effect(stores: Stores) -> Result<()> {
    let target = Target::open(stores).await?;
    let body = "{\"amount\": 1}";
    let headers: &[&[u8]] = &[
        b"X-User-Id: visitor",
        b"Idempotency-Key: half",
        b"Content-Length: 13",
    ];
    let whole = request("POST /v1/points/charges", headers, body.as_bytes());
    for end in [
        1,
        10,
        40,
        whole.len() / 2,
        whole.len() - body.len(),
        whole.len() - 1,
    ] {
        for answer in exchange(&target, &whole[..end]).await? {
            assert!((400..500).contains(&answer.status), "{end}: {answer:?}");
        }
    }
    let chunked: &[&[u8]] = &[
        b"X-User-Id: visitor",
        b"Idempotency-Key: half",
        b"Transfer-Encoding: chunked",
    ];
    for body in [
        &b"d\r\n{\"amount\": 1}\r\n"[..],
        b"zz\r\n",
        b"ffffffffffffffffff\r\n{",
        b"d\r\n{\"amount\": 1}0\r\n\r\n",
    ] {
        for answer in exchange(&target, &request("POST /v1/points/charges", chunked, body)).await? {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
    target.is_unchanged().await
}

async fn a_chunked_body_over_the_limit_is_refused(stores: Stores) -> Result<()> {
    let target = Target::open(stores).await?;
    let headers: &[&[u8]] = &[
        b"X-User-Id: visitor",
        b"Idempotency-Key: k",
        b"Transfer-Encoding: chunked",
    ];
    let chunk = [b"4000\r\n", &[b' '; 0x4000][..], b"\r\n"].concat();
    for (chunks, end, status) in [
        (17, &b"0\r\n\r\n"[..], 413),
        (17, b"", 413),
        (2, b"0\r\n\r\n", 400),
    ] {
        let body = [&chunk.repeat(chunks), end].concat();
        let answer = one(&target, &request("POST /v1/points/charges", headers, &body)).await?;
        assert_eq!(
            (answer.status, &answer.json["status"]),
            (status, &status.into()),
            "{answer:?}"
        );
        assert!(
            answer
                .head
                .contains("content-type: application/problem+json")
        );
    }
    let announced: &[&[u8]] = &[
        b"X-User-Id: visitor",
        b"Idempotency-Key: k",
        b"Content-Length: 1000000000000",
    ];
    let answer = one(
        &target,
        &request("POST /v1/points/charges", announced, b"{"),
    )
    .await?;
    assert_eq!(
        (answer.status, &answer.json["type"]),
        (413, &"/problems/body-too-large".into())
    );
    target.is_unchanged().await
}
