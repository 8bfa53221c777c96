//! One mail over SMTP, step by step, so that every failure has its place.
//!
//! Invariant: no password before TLS, no plain text but to this machine, no
//! wait without a limit; only a missing answer after the final dot is `Unknown`.

use super::{Delivery, MailError, Tried, Wire, one_line};
use crate::config::{self, Tls};
use crate::crash::{self, Point};
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Severity;
use std::error::Error as _;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long each silence of the other side is borne. lettre's async transport
/// has no limit of its own.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To one address.
    pub connect_ms_max: u64,
    /// To one command (RFC 5321, 4.5.3.2: five minutes).
    pub reply_ms_max: u64,
    /// To the final dot (the same: ten minutes; a shorter wait makes second copies).
    pub final_reply_ms_max: u64,
}

/// To the farewell.
const QUIT_MS_MAX: u64 = 2_000;

impl Default for Limits {
    fn default() -> Limits {
        Limits { connect_ms_max: 30_000, reply_ms_max: 300_000, final_reply_ms_max: 600_000 }
    }
}

/// A mail server that takes our mail on.
pub struct Relay {
    host: String,
    port: u16,
    tls: Tls,
    parameters: Option<TlsParameters>,
    login: Option<Credentials>,
    hello: ClientId,
    pub limits: Limits,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Relay({}:{}, {:?})", self.host, self.port, self.tls)
    }
}

/// A step of the dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Resolve,
    Connect,
    Greeting,
    Tls,
    Login,
    Sender,
    Recipient,
    Data,
    Message,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Step::Resolve => "resolve",
            Step::Connect => "connect",
            Step::Greeting => "greeting",
            Step::Tls => "tls",
            Step::Login => "login",
            Step::Sender => "sender",
            Step::Recipient => "recipient",
            Step::Data => "data",
            Step::Message => "message",
        }
    }

    /// What usually helps where this step fails.
    fn cure(self) -> &'static str {
        match self {
            Step::Resolve => "check `[mail] host` for a typing error, and that this machine resolves names",
            Step::Connect => "check `[mail] port` (465 implicit, 587 starttls, 25 relay) and the firewall",
            Step::Greeting => {
                "the port may speak TLS from the first byte: try `tls = \"implicit\"`; or the server does not know this machine"
            }
            Step::Tls => {
                "check that `[mail] host` is the name in the server's certificate, and try the other of `implicit` and `starttls`"
            }
            Step::Login => {
                "check user and password; many providers want a password made for this one program"
            }
            Step::Sender => "the server may want a login, or another `[mail] from`",
            Step::Recipient => "check the recipient's address; a server that refuses to relay wants a login",
            Step::Data | Step::Message => "the server's own words say why; its log says more",
        }
    }
}

/// What went wrong, where.
struct Failure {
    step: Step,
    /// The server's answer, if it gave one.
    code: Option<u16>,
    /// The final dot was on its way and no answer came.
    ambiguous: bool,
    reason: String,
}

impl Failure {
    fn new(step: Step, reason: impl Into<String>) -> Failure {
        Failure { step, code: None, ambiguous: false, reason: reason.into() }
    }

    /// Only a 5xx to this mail is for good. A 5xx to our session (greeting,
    /// STARTTLS, login) or for want of a login (530, 534, 535, 538; RFC 4954, 6)
    /// passes once somebody mends the configuration, so the mail waits.
    fn delivery(&self) -> Delivery {
        let reason = format!("{}: {}", self.step.name(), self.reason);
        let of_session = self.step < Step::Sender || matches!(self.code, Some(530 | 534 | 535 | 538));
        match self.code {
            Some(500..=599) if !of_session && self.is_of_size() => Delivery::TooLarge(reason),
            Some(500..=599) if !of_session => Delivery::Refused(reason),
            Some(_) => Delivery::Deferred(reason),
            None if self.ambiguous => Delivery::Unknown(reason),
            None => Delivery::Deferred(reason),
        }
    }

    /// Whether the mail is too large: by its enhanced code (RFC 3463, 3.3 and 3.4), else
    /// by 552 (RFC 1870, 6.1 and 6.3), which of a recipient says that the mailbox is full.
    fn is_of_size(&self) -> bool {
        let enhanced = |code: &str| self.reason.split(' ').any(|word| word == code);
        let is_full = self.step == Step::Recipient || enhanced("5.2.2");
        enhanced("5.3.4") || enhanced("5.2.3") || (self.code == Some(552) && !is_full)
    }
}

/// The steps passed so far.
type Log = Vec<Tried>;

fn passed(log: &mut Log, step: Step, detail: impl Into<String>) {
    log.push(Tried { step: step.name(), passed: true, detail: detail.into(), cure: None });
}

impl Relay {
    /// # Errors
    /// Plain text to another machine; root certificates that cannot be read.
    pub fn new(
        host: &str,
        port: u16,
        tls: Tls,
        login: Option<(String, String)>,
        hello: &str,
    ) -> Result<Relay, MailError> {
        // By its own name; `resolve` checks the addresses too.
        if tls == Tls::None && !config::is_loopback(host) {
            return Err(MailError::MailInClear(host.into()));
        }
        let parameters = (tls != Tls::None)
            .then(|| TlsParameters::new_rustls(host.into()))
            .transpose()
            .map_err(|source| MailError::Tls { host: host.into(), source })?;
        Ok(Relay {
            host: host.into(),
            port,
            tls,
            parameters,
            login: login.map(|(user, password)| Credentials::new(user, password)),
            hello: ClientId::Domain(hello.into()),
            limits: Limits::default(),
        })
    }

    /// One connection, one mail, one recipient.
    pub async fn send(&self, from: Address, to: Address, wire: &Wire) -> (Delivery, Log) {
        let mut log = Log::new();
        match self.attempt(from, to, wire, &mut log).await {
            Ok(()) => (Delivery::Sent, log),
            Err(failure) => {
                log.push(Tried {
                    step: failure.step.name(),
                    passed: false,
                    detail: failure.reason.clone(),
                    cure: Some(failure.step.cure()),
                });
                (failure.delivery(), log)
            }
        }
    }

    async fn attempt(&self, from: Address, to: Address, wire: &Wire, log: &mut Log) -> Result<(), Failure> {
        crash::point(Point::Connecting);
        let mut session = self.session(log).await?;
        crash::point(Point::Greeted);
        self.log_in(&mut session, log).await?;
        let reply_ms = self.limits.reply_ms_max;
        let detail = from.to_string();
        step(Step::Sender, reply_ms, session.command(Mail::new(Some(from), vec![]))).await?;
        passed(log, Step::Sender, detail);
        crash::point(Point::SenderSaid);
        let detail = to.to_string();
        step(Step::Recipient, reply_ms, session.command(Rcpt::new(to, vec![]))).await?;
        passed(log, Step::Recipient, detail);
        crash::point(Point::RecipientSaid);
        let answer = step(Step::Data, reply_ms, session.command(Data)).await?;
        // Any 2xx would pass for lettre; then the body would be read as commands.
        if !answer.has_code(354) {
            return Err(Failure::new(Step::Data, format!("{} instead of 354", answer.code())));
        }
        passed(log, Step::Data, "354");
        crash::point(Point::DataSaid);
        self.message(&mut session, wire, log).await?;
        crash::point(Point::MessageTaken);
        // The mail is theirs now; what becomes of the farewell is of no account.
        let _ = timeout(Duration::from_millis(reply_ms.min(QUIT_MS_MAX)), session.quit()).await;
        crash::point(Point::FarewellSaid);
        Ok(())
    }

    /// The body and its answer. lettre adds the final CRLF, dot, CRLF itself,
    /// once the parts handed to it are exhausted: that moment is noted.
    async fn message(
        &self,
        session: &mut AsyncSmtpConnection,
        wire: &Wire,
        log: &mut Log,
    ) -> Result<(), Failure> {
        let dotted = std::sync::atomic::AtomicBool::new(false);
        let body = wire.bytes().strip_suffix(b"\r\n").unwrap_or(wire.bytes());
        let parts = std::iter::once(body).chain(std::iter::from_fn(|| {
            dotted.store(true, std::sync::atomic::Ordering::Relaxed);
            None
        }));
        let ms = self.limits.final_reply_ms_max;
        let answered = step(Step::Message, ms, session.message_iter(parts)).await;
        let dotted = dotted.load(std::sync::atomic::Ordering::Relaxed);
        match answered {
            Ok(answer) if answer.code().severity == Severity::PositiveCompletion => {
                passed(
                    log,
                    Step::Message,
                    one_line(&format!(
                        "{} {}",
                        answer.code(),
                        answer.message().collect::<Vec<_>>().join(" ")
                    )),
                );
                Ok(())
            }
            Ok(answer) => {
                let reason = format!("{} after the final dot", answer.code());
                Err(Failure { ambiguous: true, ..Failure::new(Step::Message, reason) })
            }
            Err(failure) => Err(Failure { ambiguous: dotted && failure.code.is_none(), ..failure }),
        }
    }

    /// Connected, greeted, and under TLS unless the relay is this machine.
    async fn session(&self, log: &mut Log) -> Result<AsyncSmtpConnection, Failure> {
        let addresses = self.resolve().await?;
        let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        passed(log, Step::Resolve, listed.join(", "));
        let reply_ms = self.limits.reply_ms_max;
        match (self.tls, &self.parameters) {
            (Tls::Implicit, Some(parameters)) => self.connect_under_tls(&addresses, parameters, log).await,
            (Tls::StartTls, Some(parameters)) => {
                let mut session = self.connect_in_clear(&addresses, log).await?;
                if !session.can_starttls() {
                    return Err(Failure::new(Step::Tls, "the server does not offer STARTTLS"));
                }
                step(Step::Tls, reply_ms, session.starttls(parameters.clone(), &self.hello)).await?;
                passed(log, Step::Tls, "STARTTLS, certificate accepted");
                Ok(session)
            }
            (Tls::None, _) => self.connect_in_clear(&addresses, log).await,
            // `new` makes the parameters for every other kind.
            (_, None) => Err(Failure::new(Step::Tls, "TLS is not set up")),
        }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Failure> {
        let ms = self.limits.connect_ms_max;
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let found = timeout(Duration::from_millis(ms), tokio::net::lookup_host((host, self.port))).await;
        let addresses: Vec<SocketAddr> = match found {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => {
                return Err(Failure::new(Step::Resolve, format!("`{}`: {error}", self.host)));
            }
            Err(_) => return Err(silence(Step::Resolve, ms)),
        };
        // `localhost` is whatever the resolver says; plain text goes to loopback only.
        let allowed = |at: &SocketAddr| self.tls != Tls::None || at.ip().is_loopback();
        let addresses: Vec<SocketAddr> = addresses.into_iter().filter(allowed).collect();
        if addresses.is_empty() {
            return Err(Failure::new(Step::Resolve, format!("`{}` has no usable address", self.host)));
        }
        Ok(addresses)
    }

    async fn connect_in_clear(
        &self,
        addresses: &[SocketAddr],
        log: &mut Log,
    ) -> Result<AsyncSmtpConnection, Failure> {
        let stream = self.connect(addresses).await?;
        let detail = stream.peer_addr().map_or_else(|_| self.host.clone(), |at| at.to_string());
        passed(log, Step::Connect, detail);
        let line = Box::new(Line { stream, in_clear: true });
        let greeted = AsyncSmtpConnection::connect_with_transport(line, &self.hello);
        let session = step(Step::Greeting, self.limits.reply_ms_max, greeted).await?;
        passed(log, Step::Greeting, one_line(session.server_info().name()));
        Ok(session)
    }

    async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
        let ms = self.limits.connect_ms_max;
        let mut last = silence(Step::Connect, ms);
        for address in addresses {
            match timeout(Duration::from_millis(ms), TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Failure::new(Step::Connect, format!("{address}: {error}")),
                Err(_) => last = silence(Step::Connect, ms),
            }
        }
        Err(last)
    }

    async fn connect_under_tls(
        &self,
        addresses: &[SocketAddr],
        parameters: &TlsParameters,
        log: &mut Log,
    ) -> Result<AsyncSmtpConnection, Failure> {
        let limit = Duration::from_millis(self.limits.connect_ms_max);
        let connected = AsyncSmtpConnection::connect_tokio1(
            addresses,
            Some(limit),
            &self.hello,
            Some(parameters.clone()),
            None,
        );
        let session = step(Step::Greeting, self.limits.reply_ms_max, connected).await?;
        passed(log, Step::Connect, addresses.first().map(ToString::to_string).unwrap_or_default());
        passed(log, Step::Tls, "TLS, certificate accepted");
        passed(log, Step::Greeting, one_line(session.server_info().name()));
        Ok(session)
    }

    async fn log_in(&self, session: &mut AsyncSmtpConnection, log: &mut Log) -> Result<(), Failure> {
        let Some(login) = &self.login else { return Ok(()) };
        if !session.is_encrypted() {
            return Err(Failure::new(Step::Login, "no password is sent without TLS"));
        }
        let asked = session.auth(&[Mechanism::Plain, Mechanism::Login], login);
        match step(Step::Login, self.limits.reply_ms_max, asked).await {
            Ok(_) => {
                passed(log, Step::Login, "accepted");
                Ok(())
            }
            // The server's words may repeat what it was sent: only the code is told.
            Err(Failure { code: Some(code), .. }) => Err(Failure {
                code: Some(code),
                ..Failure::new(Step::Login, format!("the server refused the login ({code})"))
            }),
            Err(failure) => Err(failure),
        }
    }
}

/// Awaits one answer, no longer than `ms`.
async fn step<T>(step: Step, ms: u64, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match timeout(Duration::from_millis(ms), answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failure(step, &error)),
        Err(_) => Err(silence(step, ms)),
    }
}

fn silence(step: Step, ms: u64) -> Failure {
    Failure::new(step, format!("no answer within {:.1} s", Duration::from_millis(ms).as_secs_f64()))
}

fn failure(step: Step, error: &Error) -> Failure {
    let io = io_error(error);
    let words = match (error.status(), io) {
        (Some(code), _) => format!("{code} {}", error.source().map(ToString::to_string).unwrap_or_default()),
        (None, Some(io)) => io.to_string(),
        (None, None) => error.to_string(),
    };
    // With TLS from the first byte lettre connects, shakes hands and greets in one call.
    let step = match io.map(std::io::Error::kind) {
        Some(ErrorKind::InvalidData) if step == Step::Greeting => Step::Tls,
        Some(ErrorKind::ConnectionRefused | ErrorKind::TimedOut) if step == Step::Greeting => Step::Connect,
        _ => step,
    };
    Failure { code: error.status().map(u16::from), ..Failure::new(step, one_line(&words)) }
}

/// The system's own error, under lettre's wrappings.
fn io_error(error: &Error) -> Option<&std::io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

/// A connection that yields one octet at a time until TLS begins. lettre keeps
/// what it has read ahead of the handshake, so answers slipped in behind
/// STARTTLS's would count as said under TLS (RFC 3207, 6); this way the
/// handshake meets them and fails.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    in_clear: bool,
}

/// First octet of a TLS record that starts a handshake; no command starts so.
const HANDSHAKE: u8 = 0x16;

impl AsyncTokioStream for Line {
    fn peer_addr(&self) -> std::io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.in_clear || buffer.remaining() == 0 {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let mut octet = [0];
        let mut one = ReadBuf::new(&mut octet);
        let read = Pin::new(&mut self.stream).poll_read(context, &mut one);
        buffer.put_slice(one.filled());
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if octets.first() == Some(&HANDSHAKE) {
            self.in_clear = false;
        }
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
