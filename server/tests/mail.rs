//! Letters leave by a real SMTP conversation, come back when the server cannot take them, and end when it will not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use server::identity::{Origin, sign_up};
use server::mail::{Post, Smtp, queue};
use server::testing::World;
use time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A mail server that answers RCPT with `reply`, and keeps what it is given.
async fn listener(reply: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let address = socket.local_addr().expect("address");
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let keep = Arc::clone(&keep);
            tokio::spawn(async move {
                let _ = conversation(stream, reply, &keep).await;
            });
        }
    });
    (address, kept)
}

async fn conversation(
    stream: tokio::net::TcpStream,
    reply: &str,
    keep: &Mutex<Vec<String>>,
) -> Result<(), std::io::Error> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.test\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split(' ').next().unwrap_or_default().to_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250 mail.test\r\n".to_owned(),
            "RCPT" => format!("{reply}\r\n"),
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut letter = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    letter.push_str(&line);
                    letter.push_str("\r\n");
                }
                keep.lock().expect("lock").push(letter);
                "250 taken\r\n".to_owned()
            }
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        };
        write.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

fn post(address: SocketAddr) -> Post {
    Post::smtp(Smtp { host: "127.0.0.1", port: Some(address.port()), implicit_tls: false, login: None }).expect("post")
}

async fn sign_up_as(world: &World, organisation: &str) {
    let form = sign_up::Form {
        email: "ada@acme.example",
        name: "Ada",
        organisation,
        password: "violet otters eat ripe plums",
    };
    let origin = Origin::new([192, 0, 2, 1].into(), "192.0.2.1".into(), "", None);
    sign_up::request(&world.visitor(), world.accounts(), &form, &origin, world.now).await.expect("sign up");
}

#[tokio::test]
async fn a_letter_leaves_once_and_its_content_is_wiped() {
    let world = World::new().await;
    sign_up_as(&world, "Analytical Engines").await;
    let (address, kept) = listener("250 ok").await;
    let (operator, post) = (world.operator(), post(address));
    let rounds =
        futures::future::join_all((0..4).map(|_| queue::deliver(&operator, &world.vault, &post, world.now))).await;
    assert_eq!(rounds.into_iter().map(|round| round.expect("round").sent).sum::<usize>(), 1);
    let kept = kept.lock().expect("lock").clone();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].contains("To: ada@acme.example\r\n") && kept[0].contains("multipart/alternative"), "{}", kept[0]);
    let seen = queue::newest(&operator, 10).await.expect("newest");
    assert_eq!((seen[0].state.as_str(), seen[0].kind.as_str()), ("sent", "confirm-address"));
}

#[tokio::test]
async fn a_letter_that_is_not_taken_comes_back_later_and_at_last_has_failed() {
    let mut world = World::new().await;
    sign_up_as(&world, "Analytical Engines").await;
    let (busy, _) = listener("451 later").await;
    let mut rounds = 0;
    while queue::newest(&world.operator(), 1).await.expect("newest")[0].state == "queued" {
        let early = queue::deliver(&world.operator(), &world.vault, &post(busy), world.now).await.expect("round");
        rounds += early.later + early.failed;
        world.now += Duration::hours(40);
        assert!(rounds <= 12, "it ends at some time");
    }
    let seen = queue::newest(&world.operator(), 1).await.expect("newest");
    assert_eq!((rounds, seen[0].state.as_str(), seen[0].trouble.as_deref()), (12, "failed", Some("unavailable")));
}

#[tokio::test]
async fn a_letter_that_is_refused_for_good_is_not_tried_again() {
    let world = World::new().await;
    sign_up_as(&world, "Analytical Engines").await;
    let (address, _) = listener("550 no such person").await;
    let round = queue::deliver(&world.operator(), &world.vault, &post(address), world.now).await.expect("round");
    assert_eq!((round.sent, round.later, round.failed), (0, 0, 1));
}

#[tokio::test]
async fn what_people_typed_becomes_no_header() {
    let world = World::new().await;
    sign_up_as(&world, "Acme Bcc: eve@evil.example").await;
    let (address, kept) = listener("250 ok").await;
    queue::deliver(&world.operator(), &world.vault, &post(address), world.now).await.expect("round");
    let kept = kept.lock().expect("lock").clone();
    let head = kept[0].split("\r\n\r\n").next().unwrap_or_default();
    assert!(!head.contains("evil.example") && !head.lines().any(|line| line.starts_with("Bcc:")), "{head}");
}
