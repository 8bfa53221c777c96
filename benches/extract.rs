//! Article text out of pages: milliseconds a page, in one thread.
//!
//! Reads the fixtures of the repository, and the measuring pages beside it
//! where they are. Run with `cargo bench --bench extract`.

use newswatch::extract;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

/// Rounds over all pages; each page counts with its fastest.
const ROUNDS: usize = 5;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    report("fixtures", &pages(&root.join("tests/data/extract")));
    let measuring = root.join("../shared/eval/extract/pages");
    if measuring.is_dir() {
        report("measuring pages", &pages(&measuring));
    } else {
        eprintln!("skipped: no measuring pages at {}", measuring.display());
    }
    report("hostile pages", &hostile());
}

/// The pages of a directory, unpacked.
fn pages(directory: &Path) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|file| file.path());
    let is_page = |path: &Path| {
        let name = path.to_string_lossy();
        name.ends_with(".html") || name.ends_with(".html.gz")
    };
    files.filter(|path| is_page(path)).filter_map(|path| read(&path).ok()).collect()
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let bytes = std::fs::read(path)?;
    if path.extension().is_none_or(|extension| extension != "gz") {
        return Ok(bytes);
    }
    let mut page = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut page)?;
    Ok(page)
}

/// Sixteen megabytes of what stalls tree builders.
fn hostile() -> Vec<Vec<u8>> {
    const BYTES: usize = 16 * 1024 * 1024;
    let units = [
        "<div>",
        "<table><tr><td>x",
        "<b>x",
        "<p>a",
        "<a href=x>y</a>",
        "<div><font a=1></div>",
        "&",
        "<",
        "a<br><br>",
        "<div class=\"entry-content\"><p>Some text, long enough to read as a sentence about Khorog.</p></div>",
    ];
    units.iter().map(|unit| unit.repeat(BYTES / unit.len()).into_bytes()).collect()
}

fn report(name: &str, pages: &[Vec<u8>]) {
    let mut times: Vec<Duration> = pages.iter().map(|page| fastest(page)).collect();
    times.sort();
    let total: Duration = times.iter().sum();
    let (Some(median), Some(slowest)) = (times.get(times.len() / 2), times.last()) else {
        println!("{name}: none");
        return;
    };
    let mean = total.as_secs_f64() * 1e3 / pages.len() as f64;
    println!(
        "{name}: {} pages, mean {mean:.2} ms, median {:.2} ms, slowest {:.1} ms",
        pages.len(),
        median.as_secs_f64() * 1e3,
        slowest.as_secs_f64() * 1e3
    );
}

fn fastest(page: &[u8]) -> Duration {
    let once = || {
        let start = Instant::now();
        std::hint::black_box(extract::page(page, None, Some("https://news.example/story")));
        start.elapsed()
    };
    let first = once();
    // A slow page is slow at once; repeating it shows nothing more.
    let rounds = if first > Duration::from_millis(200) { 0 } else { ROUNDS - 1 };
    (0..rounds).map(|_| once()).fold(first, Duration::min)
}
