//! The requests that a client sends, and the replies that it returns.

use frontrow_test_harness::Client;
use serde_json::{Value, json};

use crate::stub_server;

/// Returns a client of a server that answers each request with the request itself.
async fn echo() -> Client {
    let address = stub_server::serve(|request| ("200 OK", request.to_owned())).await;
    Client::to(address).unwrap()
}

#[tokio::test]
async fn every_user_has_their_own_identity() {
    let client_without_user = echo().await;
    let (alice, bob) = (
        client_without_user.user("alice"),
        client_without_user.user("bob"),
    );
    for (client, name) in [(alice, "alice"), (bob, "bob")] {
        let sent = client.get("/").await.unwrap().text;
        assert!(sent.starts_with("GET / HTTP/1.1\r\n"), "{sent}");
        assert!(sent.contains(&format!("x-user-id: {name}\r\n")), "{sent}");
    }
    let sent = client_without_user.get("/").await.unwrap().text;
    assert!(!sent.contains("x-user-id"), "{sent}");
}

#[tokio::test]
async fn a_header_is_sent_once_with_its_last_value() {
    let client = echo().await.queue_token("first").bearer("secret");
    let request = client
        .delete("/v1/queue/token")
        .queue_token("second")
        .idempotency_key("key-1");
    let sent = request.await.unwrap().text;
    assert!(!sent.contains("first"), "{sent}");
    for line in [
        "queue-token: second",
        "idempotency-key: key-1",
        "authorization: Bearer secret",
    ] {
        assert!(sent.contains(&format!("{line}\r\n")), "{sent}");
    }
}

#[tokio::test]
async fn json_is_sent_as_json() {
    let request = echo().await.post("/").json(&json!({ "amount": 5 }));
    let sent = request.await.unwrap().text;
    assert!(
        sent.contains("content-type: application/json\r\n"),
        "{sent}"
    );
    assert!(sent.ends_with(r#"{"amount":5}"#), "{sent}");
}

#[tokio::test]
async fn any_body_can_be_sent() {
    let request = echo().await.put("/").body("text/plain", "{ this is not");
    let sent = request.await.unwrap().text;
    assert!(sent.contains("content-type: text/plain\r\n"), "{sent}");
    assert!(sent.ends_with("{ this is not"), "{sent}");
}

#[tokio::test]
async fn the_reply_has_the_answer_unchanged() {
    let problem = r#"{"title":"Still waiting"}"#;
    let address = stub_server::serve(|_| ("429 Too Many Requests", problem.to_owned())).await;
    let reply = Client::to(address).unwrap().get("/").await.unwrap();
    assert_eq!(reply.status, 429);
    assert_eq!(reply.text, problem);
    assert_eq!(reply.json, json!({ "title": "Still waiting" }));
    assert_eq!(reply.header("content-length"), Some("25"));
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    let address =
        stub_server::serve(|_| ("302 Found\r\nlocation: /elsewhere", String::new())).await;
    let reply = Client::to(address).unwrap().get("/").await.unwrap();
    assert_eq!(reply.status, 302);
    assert_eq!(reply.json, Value::Null);
}

#[tokio::test]
async fn a_refused_connection_is_an_error_that_names_the_request() {
    let client = Client::to("http://127.0.0.1:1").unwrap();
    let error = client.get("/livez").await.unwrap_err();
    assert!(error.to_string().contains("GET /livez"), "{error:#}");
}

#[tokio::test]
async fn a_stream_is_read_piece_by_piece() {
    let address = stub_server::serve(|_| ("200 OK", "data: 1\n\n".to_owned())).await;
    let client = Client::to(address).unwrap();
    let mut response = client.get("/events").open().await.unwrap();
    let chunk = response.chunk().await.unwrap().unwrap();
    assert_eq!(chunk.as_ref(), b"data: 1\n\n");
}
