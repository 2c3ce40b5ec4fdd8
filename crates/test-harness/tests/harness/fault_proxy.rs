//! The effects of each fault on the traffic, and the events that the proxy reports.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use frontrow_test_harness::{Fault, FaultProxy, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SOON: Duration = Duration::from_secs(30);

/// Starts a server that sends all data back to its client, and returns its address.
async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn proxy() -> FaultProxy {
    FaultProxy::start(echo_server().await).unwrap()
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

/// Sends `text` and returns the same number of bytes of the answer.
async fn echoed(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await?;
    Ok(String::from_utf8(back).unwrap())
}

async fn works(proxy: &FaultProxy) {
    let mut stream = connect(proxy).await;
    assert_eq!(echoed(&mut stream, "hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn forwarded_bytes_arrive_unchanged() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    let (mut from, mut to) = stream.split();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut back = Vec::new();
    let sending = async {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let (received, ()) = tokio::join!(from.read_to_end(&mut back), sending);
    received.unwrap();
    assert!(back == sent, "the end of the request ends the answer too");
}

#[tokio::test]
async fn a_lost_answer_is_sent_and_never_arrives() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    assert_eq!(echoed(&mut stream, "before").await.unwrap(), "before");

    proxy.set(Fault::LoseAnswers).await.unwrap();
    stream.write_all(b"in between").await.unwrap();
    proxy.request_forwarded().await.unwrap();
    proxy.answer_lost().await.unwrap();
    eventually("the whole answer is lost", SOON, async || {
        Ok((proxy.lost_answers() == b"in between").then_some(()))
    })
    .await
    .unwrap();

    proxy.set(Fault::Forward).await.unwrap();
    assert_eq!(
        echoed(&mut stream, "afterwards").await.unwrap(),
        "afterwards"
    );
    assert!(proxy.lost_answers().is_empty());
}

#[tokio::test]
async fn only_the_answers_to_one_request_are_lost() {
    let proxy = proxy().await;
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    proxy.set(Fault::LoseAnswersTo("that")).await.unwrap();
    assert_eq!(echoed(&mut one, "this").await.unwrap(), "this");
    one.write_all(b"and that").await.unwrap();
    eventually("the answer is lost", SOON, async || {
        Ok((proxy.lost_answers() == b"and that").then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(echoed(&mut other, "this").await.unwrap(), "this");
}

#[tokio::test]
async fn one_request_resets_its_connection_and_never_arrives() {
    let proxy = proxy().await;
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    proxy.set(Fault::ResetAt("that")).await.unwrap();
    assert_eq!(echoed(&mut one, "this").await.unwrap(), "this");
    let ended = echoed(&mut one, "and that").await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::ConnectionReset);
    proxy.request_stopped().await.unwrap();
    assert_eq!(echoed(&mut other, "this").await.unwrap(), "this");
}

#[tokio::test]
async fn a_lost_request_never_arrives_and_its_connection_stays_open() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Fault::LoseRequests).await.unwrap();
    stream.write_all(b"lost").await.unwrap();
    proxy.request_lost().await.unwrap();
    proxy.set(Fault::Forward).await.unwrap();
    assert_eq!(echoed(&mut stream, "found").await.unwrap(), "found");
}

#[tokio::test]
async fn after_one_answer_there_are_no_connections_until_it_forwards_again() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Fault::EndAfterAnswer).await.unwrap();
    assert_eq!(echoed(&mut stream, "hello").await.unwrap(), "hello");
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    let mut next = connect(&proxy).await;
    let ended = next.read_u8().await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::ConnectionReset);
    proxy.set(Fault::Forward).await.unwrap();
    works(&proxy).await;
}

#[tokio::test]
async fn a_reset_ends_open_connections_and_new_ones() {
    let proxy = proxy().await;
    let mut open = connect(&proxy).await;
    echoed(&mut open, "hello").await.unwrap();
    proxy.set(Fault::Reset).await.unwrap();
    let ended = open.read_u8().await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::ConnectionReset);
    let refused = match TcpStream::connect(proxy.address()).await {
        Ok(mut stream) => stream.read_u8().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(refused.kind(), ErrorKind::ConnectionReset);
    proxy.set(Fault::Forward).await.unwrap();
    works(&proxy).await;
}

#[tokio::test]
async fn a_reset_that_is_replaced_at_once_still_ends_open_connections() {
    let proxy = proxy().await;
    let mut open = connect(&proxy).await;
    echoed(&mut open, "hello").await.unwrap();
    tokio::select! {
        biased;
        _ = proxy.set(Fault::Reset) => unreachable!("nothing else has run yet"),
        () = std::future::ready(()) => {}
    }
    proxy.set(Fault::Forward).await.unwrap();
    let ended = tokio::time::timeout(SOON, open.read_u8()).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    works(&proxy).await;
}

#[tokio::test]
async fn no_client_connects_while_connections_are_refused() {
    let proxy = proxy().await;
    let mut open = connect(&proxy).await;
    echoed(&mut open, "hello").await.unwrap();
    for _ in 0..3 {
        proxy.set(Fault::Refuse).await.unwrap();
        let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        proxy.set(Fault::Forward).await.unwrap();
        works(&proxy).await;
    }
    assert!(open.read_u8().await.is_err(), "open connections were cut");
}

#[tokio::test]
async fn a_delay_applies_in_each_direction() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    let delay = Duration::from_millis(50);
    proxy.set(Fault::Delay(delay)).await.unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "measures how long an answer takes"
    )]
    let now = std::time::Instant::now;
    let before = now();
    assert_eq!(echoed(&mut stream, "hello").await.unwrap(), "hello");
    assert!(now() - before >= delay * 2);
}

#[tokio::test]
async fn clients_of_a_missing_server_are_disconnected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unused = listener.local_addr().unwrap();
    drop(listener);
    let proxy = FaultProxy::start(unused).unwrap();
    let mut stream = connect(&proxy).await;
    assert!(stream.read_u8().await.is_err());
}

#[tokio::test]
async fn dropping_the_proxy_ends_its_connections() {
    let proxy = proxy().await;
    let address = proxy.address();
    let mut open = connect(&proxy).await;
    echoed(&mut open, "hello").await.unwrap();
    drop(proxy);
    assert!(open.read_u8().await.is_err(), "its connections are closed");
    eventually("the port is closed", SOON, async || {
        Ok(TcpStream::connect(address).await.is_err().then_some(()))
    })
    .await
    .unwrap();
}
