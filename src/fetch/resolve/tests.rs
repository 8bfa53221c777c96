use super::*;

/// A resolver whose name server lets `answer` decide what comes back.
fn resolver(server: std::net::SocketAddr) -> Resolver {
    let mut config = hickory_resolver::config::NameServerConfig::udp(server.ip());
    for connection in &mut config.connections {
        connection.port = server.port();
    }
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![config]);
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let system = System {
        resolver: super::resolver(builder),
        hosts: Arc::default(),
        changed_at: changed_at(),
        looked_at: Instant::now() + Duration::from_secs(3600),
    };
    Resolver(Arc::new(Shared { system: Mutex::new(system), state: Mutex::default() }))
}

/// A name server that gives every name that does not begin with `mute` an address, good for an hour.
async fn name_server(mute: Arc<Mutex<&'static str>>) -> std::net::SocketAddr {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let question = &packet[..length];
            let first = question.get(13).copied().unwrap_or_default();
            if mute
                .lock()
                .expect("no holder panics")
                .as_bytes()
                .first()
                .is_some_and(|mute| *mute == first || *mute == b'*')
            {
                continue;
            }
            let end = 12 + question[12..].iter().position(|byte| *byte == 0).expect("a name ends") + 5;
            let is_v4 = question[end - 3] == 1;
            let mut answer = question[..end].to_vec();
            answer[2] |= 0x80;
            answer[3] = 0x80;
            answer[6..12].copy_from_slice(&[0, u8::from(is_v4), 0, 0, 0, 0]);
            if is_v4 {
                answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 93, 184, 216, 34]);
            }
            let _ = socket.send_to(&answer, from).await;
        }
    });
    address
}

const FOUND: [IpAddr; 1] = [IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 216, 34))];

#[tokio::test]
async fn a_name_that_was_found_is_used_while_no_server_answers() {
    let mute = Arc::new(Mutex::new(""));
    let resolver = resolver(name_server(mute.clone()).await);
    assert_eq!(resolver.lookup("pamir.example").await.expect("found"), FOUND);
    *mute.lock().expect("no holder panics") = "*";
    let names: Vec<_> = (0..SILENT_FROM).map(|number| format!("n{number}.example")).collect();
    let lookups = names.iter().map(|name| resolver.lookup(name));
    for found in futures(lookups).await {
        assert!(found.is_err(), "{found:?}");
    }
    assert!(resolver.silent_since().is_some(), "that many in a row are no chance");
    assert_eq!(resolver.lookup("pamir.example").await.expect("known"), FOUND);
    assert!(resolver.silent_since().is_some(), "what is remembered is no answer");
    let unknown = resolver.lookup("n1.example").await;
    assert!(matches!(unknown, Err(LookupError::Silent)), "{unknown:?}");
    assert_eq!(resolver.hopeless(["pamir.example", "n1.example"].into_iter()), HashSet::from(["n1.example"]));
    *mute.lock().expect("no holder panics") = "";
    assert_eq!(resolver.lookup("n1.example").await.expect("found"), FOUND);
    assert_eq!(resolver.silent_since(), None, "one answer is enough");
}

#[tokio::test]
async fn dead_names_leave_room_for_live_ones() {
    let mute = Arc::new(Mutex::new("d"));
    let resolver = resolver(name_server(mute).await);
    let dead: Vec<_> = (0..UNANSWERED_MAX * 2).map(|number| format!("d{number}.example")).collect();
    for round in 0..2 {
        let lookups = dead.iter().map(|name| resolver.lookup(name));
        let live = async {
            let began = Instant::now();
            assert_eq!(resolver.lookup("live.example").await.expect("found"), FOUND);
            assert!(began.elapsed() < LOOKUP_SHORT, "round {round}: it waited {:?}", began.elapsed());
        };
        tokio::join!(futures(lookups), live);
    }
}

/// All of them at once.
async fn futures<T: Send + 'static>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(|one| Box::pin(async { Some(one.await) })).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.extend(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}
