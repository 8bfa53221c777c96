//! A mail server that plays a script.
//!
//! A script is `STEP: ACT`, several with ` ; ` between. A step is `greeting`, the
//! beginning of a command (`RCPT`, `RCPT TO:<ada`), `body` or `dot`. An act is an
//! answer (`550 no such user`, `\n` for a further line; 421 closes the connection
//! too), `silence`, `close`, `reset`, `break 25` (this much of an answer, then
//! closed), `late 250 queued` (said to a client that has hung up by then) or
//! `over 9000 552 too big` (at the dot of a mail of more octets).
//! What a script does not name is done as any server does it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How a connection is protected, and whether a login is offered with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Clear,
    StartTls,
    Implicit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Act {
    Say(String),
    Silence,
    Close,
    Reset,
    Break(String),
    Late(String),
    Over(usize, String),
}

/// A mail that was read to its final dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    pub recipient: String,
    pub bytes: Vec<u8>,
    /// The server did not say no: it may have kept it.
    pub kept: bool,
}

#[derive(Debug, Default)]
struct Seen {
    script: Vec<(String, Act)>,
    commands: Vec<String>,
    got: Vec<Got>,
}

/// The server; it ends when dropped.
pub struct Relay {
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
    _stop: oneshot::Sender<()>,
}

impl Relay {
    /// A server without TLS.
    pub fn open(script: &str) -> Relay {
        Relay::open_with(Way::Clear, None, script)
    }

    /// `certificate` names the files `NAME.pem` and `NAME.key`; needed for TLS.
    pub fn open_with(way: Way, certificate: Option<&Path>, script: &str) -> Relay {
        let acceptor = certificate.map(acceptor);
        let seen = Arc::new(Mutex::new(Seen { script: parse(script), ..Seen::default() }));
        let (stop, stopped) = oneshot::channel();
        let (tell_port, port) = std::sync::mpsc::channel();
        let told = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
                let port = listener.local_addr().expect("a bound port").port();
                tell_port.send(port).expect("the test waits for the port");
                tokio::select! {
                    () = serve(&listener, way, acceptor, told) => {}
                    _ = stopped => {}
                }
            });
        });
        Relay { port: port.recv().expect("the server starts"), seen, _stop: stop }
    }

    /// Plays another script from now on; an empty one is a server that is well.
    pub fn play(&self, script: &str) {
        lock(&self.seen).script = parse(script);
    }

    /// What was read to its final dot, in order.
    pub fn got(&self) -> Vec<Got> {
        lock(&self.seen).got.clone()
    }

    /// Every command, of all connections.
    pub fn commands(&self) -> Vec<String> {
        lock(&self.seen).commands.clone()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("no holder panics")
}

fn parse(script: &str) -> Vec<(String, Act)> {
    let steps = script.split(" ; ").map(str::trim).filter(|step| !step.is_empty());
    steps
        .map(|step| {
            let (at, act) = step.rsplit_once(": ").unwrap_or_else(|| panic!("`{step}` is not `STEP: ACT`"));
            (at.to_lowercase(), act_of(act))
        })
        .collect()
}

fn act_of(act: &str) -> Act {
    let words = |text: &str| text.replace("\\n", "\r\n");
    match act.split_once(' ').unwrap_or((act, "")) {
        ("silence", _) => Act::Silence,
        ("close", _) => Act::Close,
        ("reset", _) => Act::Reset,
        ("break", part) => Act::Break(words(part)),
        ("late", answer) => Act::Late(words(answer)),
        ("over", rest) => {
            let (octets, answer) = rest.split_once(' ').expect("octets and an answer");
            Act::Over(octets.parse().expect("a number of octets"), words(answer))
        }
        _ => Act::Say(words(act)),
    }
}

fn acceptor(certificate: &Path) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate.with_extension("pem")).expect("a certificate");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates in PEM");
    let key = PrivateKeyDer::from_pem_file(certificate.with_extension("key")).expect("a key in PEM");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3");
    let config = config.with_no_client_auth().with_single_cert(chain, key).expect("key and certificate fit");
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: &TcpListener, way: Way, acceptor: Option<TlsAcceptor>, seen: Arc<Mutex<Seen>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let _ = play(stream, way, acceptor, &seen).await;
        });
    }
}

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// A connection, and the same socket once more, to be reset.
struct Session {
    line: BufReader<Box<dyn Line>>,
    socket: TcpStream,
}

/// One connection; an error is the script's end, or the client's.
async fn play(
    stream: TcpStream,
    way: Way,
    acceptor: Option<TlsAcceptor>,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let stream = stream.into_std()?;
    let socket = TcpStream::from_std(stream.try_clone()?)?;
    let mut line: Box<dyn Line> = Box::new(TcpStream::from_std(stream)?);
    if let (Way::Implicit, Some(acceptor)) = (way, &acceptor) {
        line = Box::new(acceptor.accept(line).await?);
    }
    let mut session = Session { line: BufReader::new(line), socket };
    let act = |step: &str| {
        let step = step.to_lowercase();
        let script = lock(seen).script.clone();
        script.into_iter().find(|(at, _)| step.starts_with(at)).map(|(_, act)| act)
    };
    session.perform(act("greeting").unwrap_or(Act::Say("220 relay.example ready".into()))).await?;
    let (mut recipient, mut encrypted) = (String::new(), way == Way::Implicit);
    while let Some(command) = session.read_line().await? {
        lock(seen).commands.push(command.clone());
        let verb = command.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        if verb == "RCPT" {
            recipient = command.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        }
        let scripted = act(&command);
        let is_usual = scripted.is_none();
        session.perform(scripted.unwrap_or_else(|| usual(&verb, way, encrypted))).await?;
        if verb == "STARTTLS" && is_usual {
            let acceptor = acceptor.as_ref().ok_or(std::io::ErrorKind::Unsupported)?;
            let line = acceptor.accept(session.line.into_inner()).await?;
            session = Session { line: BufReader::new(Box::new(line)), ..session };
            encrypted = true;
        }
        if verb == "DATA" && is_usual {
            if let Some(act) = act("body") {
                session.perform(act).await?;
            }
            let bytes = session.read_mail().await?;
            let act = match act("dot") {
                Some(Act::Over(octets, answer)) if bytes.len() > octets => Act::Say(answer),
                Some(Act::Over(..)) | None => Act::Say("250 queued".into()),
                Some(act) => act,
            };
            let refused = matches!(&act, Act::Say(answer) if answer.starts_with(['4', '5']));
            lock(seen).got.push(Got { recipient: recipient.clone(), bytes, kept: !refused });
            session.perform(act).await?;
        }
    }
    Ok(())
}

/// What a server says that plays no script.
fn usual(verb: &str, way: Way, encrypted: bool) -> Act {
    let answer = match (verb, way) {
        ("EHLO", Way::StartTls) if !encrypted => "250-relay.example\r\n250-8BITMIME\r\n250 STARTTLS",
        ("EHLO", Way::StartTls | Way::Implicit) => {
            "250-relay.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN"
        }
        ("EHLO", Way::Clear) => "250-relay.example\r\n250-8BITMIME\r\n250 SIZE 100000000",
        ("AUTH", _) => "235 welcome",
        ("STARTTLS", _) => "220 go on",
        ("DATA", _) => "354 go on",
        ("QUIT", _) => "221 bye",
        _ => "250 fine",
    };
    Act::Say(answer.into())
}

impl Session {
    async fn perform(&mut self, act: Act) -> std::io::Result<()> {
        let gone = || Err(std::io::ErrorKind::ConnectionAborted.into());
        match act {
            Act::Say(answer) => {
                self.say(&format!("{answer}\r\n")).await?;
                if answer.starts_with("421") { gone() } else { Ok(()) }
            }
            Act::Break(part) => {
                self.say(&part).await?;
                gone()
            }
            Act::Close => gone(),
            Act::Reset => {
                self.socket.set_zero_linger()?;
                gone()
            }
            Act::Over(..) => Ok(()),
            // Until the other side gives up: it closes, or the test ends.
            Act::Silence => std::future::pending().await,
            Act::Late(answer) => {
                let mut rest = Vec::new();
                let _ = self.line.read_to_end(&mut rest).await;
                self.say(&format!("{answer}\r\n")).await
            }
        }
    }

    async fn say(&mut self, words: &str) -> std::io::Result<()> {
        self.line.write_all(words.as_bytes()).await?;
        self.line.flush().await
    }

    async fn read_line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = String::new();
        let read = self.line.read_line(&mut line).await?;
        Ok((read > 0).then(|| line.trim_end().to_owned()))
    }

    /// Up to the final dot, as a server would that takes a bare LF for a line end
    /// (CVE-2023-51764), dots taken off again.
    async fn read_mail(&mut self) -> std::io::Result<Vec<u8>> {
        let (mut mail, mut line) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            if self.line.read_until(b'\n', &mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if matches!(line.as_slice(), b".\r\n" | b".\n") {
                return Ok(mail);
            }
            mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}

/// Makes certificates in `directory`, signed by its `root.pem`: `good` for
/// `localhost`, `other` for another host, `expired`; and `stranger`, signed by
/// nobody known. False where there is no openssl.
pub fn certificates(directory: &Path) -> bool {
    const MAKE: &str = r#"
set -e
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -keyout root.key -out root.pem -subj "/CN=newswatch test" -days 2
sign() { # NAME HOST DAYS
    openssl req $key -keyout "$1.key" -out "$1.request" -subj "/CN=$2"
    echo "subjectAltName=DNS:$2" > names
    openssl x509 -req -in "$1.request" -CA root.pem -CAkey root.key -CAcreateserial -out "$1.pem" -days "$3" -extfile names
}
sign good localhost 2
sign other other.example 2
sign expired localhost -1
openssl req -x509 $key -keyout stranger.key -out stranger.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2
"#;
    let made = std::process::Command::new("sh").args(["-c", MAKE]).current_dir(directory).output();
    made.is_ok_and(|made| made.status.success())
}
