//! Places where the process can be made to die or a loop to stand still, so that tests
//! can show that this loses nothing, reports nothing twice, and is noticed.
//!
//! Invariant: inert unless the environment names a place; no other module reads
//! these variables, and nothing is decided here.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// `NAME`, or `NAME:N` for the N-th time it is passed.
const VARIABLE: &str = "NEWSWATCH_CRASH_AT";

/// A loop (`poll`, `notify` or `writer`), with `:N` behind it in its N-th round, else in
/// the second.
const STALL_VARIABLE: &str = "NEWSWATCH_STALL_AT";

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A place on the way from a feed to a delivery.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point { $($(#[$doc])* $name,)* }

        impl Point {
            /// Every point, in the order they are passed.
            pub const ALL: &[Point] = &[$(Point::$name,)*];

            /// What the environment calls it.
            pub fn name(self) -> &'static str {
                match self { $(Point::$name => stringify!($name),)* }
            }
        }
    };
}

points! {
    /// A reading of the configuration is written, and nothing is committed.
    RegisterUncommitted,
    PollBegins,
    FetchBegins,
    FetchAnswered,
    RecordBegins,
    /// Matches are written, what is owed for them is not.
    MatchesWritten,
    /// What is owed is written, nothing is committed.
    OwedWritten,
    RecordUncommitted,
    RecordCommitted,
    PollEnds,
    /// Any commit, of polls, digests or deliveries.
    CommitBegins,
    /// Committed, and nobody was told so.
    CommitEnds,
    OwedRead,
    Composed,
    Rendered,
    DigestWritten,
    DebtsSettled,
    /// One mail of a digest is in the outbox, others may not be.
    MailPosted,
    Enqueued,
    /// The operator's mail is written, and nothing is committed.
    TroubleUncommitted,
    OutboxRead,
    TryCounted,
    Connecting,
    Greeted,
    SenderSaid,
    RecipientSaid,
    DataSaid,
    /// The server has answered the final dot.
    MessageTaken,
    FarewellSaid,
    /// The file lies beside its place.
    FileWritten,
    FileRenamed,
    /// The `sendmail` command has the mail and has not ended.
    CommandStarted,
    CommandEnded,
    /// The outcome is known, and not written.
    Answered,
    SettleUncommitted,
    /// One part of a mail that was too large is in the outbox, others may not be.
    PartPosted,
    /// All parts have the mail's place, and nothing is committed.
    SplitUncommitted,
    Settled,
}

/// Dies here, without any cleaning up, where the environment says so.
pub fn point(here: Point) {
    static CHOSEN: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Some((name, times)) = CHOSEN.get_or_init(|| chosen(VARIABLE, "1")) else { return };
    if name == here.name() && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *times {
        std::process::abort();
    }
}

/// Stands still for ever in a round of a loop, where the environment names them.
pub fn stall(name: &str, round: u32) {
    static CHOSEN: OnceLock<Option<(String, u32)>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| chosen(STALL_VARIABLE, "2"));
    if !chosen.as_ref().is_some_and(|(chosen, at)| chosen == name && *at == round) {
        return;
    }
    loop {
        std::thread::park();
    }
}

fn chosen(variable: &str, usual: &str) -> Option<(String, u32)> {
    let text = std::env::var(variable).ok()?;
    let (name, times) = text.split_once(':').unwrap_or((&text, usual));
    Some((name.to_owned(), times.parse().ok()?))
}
