//! Measures how many registrations per second the database alone stores, without HTTP or hashing.
//!
//! ```sh
//! cargo run --release --example writes -- THREADS SECONDS [FOLDER]
//! ```
//!
//! Each thread registers one user after the other in a new SQLite file. The program prints
//! registrations per second, and the time of one.

#![expect(clippy::print_stdout, reason = "an example prints what it does")]

use std::error::Error;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use bienvenue::db::{DB, DbSettings, NewUserRow};
use bienvenue::domain::{DatabaseUrl, Email, HashedPassword};

const HASH: &str = "$2b$04$ASzZ236Sbx1RiB6ad/4nUOxwxYjk6.tN.WqNjSmaKRge8hoYSY4kW";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads: usize = arguments.next().ok_or("THREADS is missing")?.parse()?;
    let seconds: f64 = arguments.next().ok_or("SECONDS is missing")?.parse()?;
    let folder = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    let url = DatabaseUrl::sqlite(folder.path().join("writes.db"));
    let db = DB::open(&url, DbSettings::default())?;
    let start = Instant::now();
    let end = start + Duration::try_from_secs_f64(seconds)?;
    let writers: Vec<_> = (0..threads)
        .map(|writer| {
            let db = db.clone();
            thread::spawn(move || register_until(&db, writer, end))
        })
        .collect();
    let mut times = Vec::new();
    for writer in writers {
        times.extend(
            writer
                .join()
                .or(Err("a writer panicked"))?
                .map_err(|error| error.to_string())?,
        );
    }
    let elapsed = start.elapsed();
    times.sort_unstable();
    let percentile = |percent: usize| times.get(times.len() * percent / 100);
    println!(
        "{threads} threads: {:.0} registrations per second, p50 {:?}, p99 {:?}, longest {:?}",
        f64::from(u32::try_from(times.len())?) / elapsed.as_secs_f64(),
        percentile(50).ok_or("nothing was written")?,
        percentile(99).ok_or("nothing was written")?,
        times.last().ok_or("nothing was written")?,
    );
    Ok(())
}

fn register_until(
    db: &DB,
    writer: usize,
    end: Instant,
) -> Result<Vec<Duration>, Box<dyn Error + Send + Sync>> {
    let hash = HashedPassword::from_stored(HASH);
    let mut times = Vec::new();
    while Instant::now() < end {
        let email: Email = format!("user{writer}.{}@example.org", times.len()).parse()?;
        let start = Instant::now();
        db.register(&NewUserRow {
            email: &email,
            language: None,
            invitation: None,
            hashed_password: &hash,
            mail: None,
        })?;
        times.push(start.elapsed());
    }
    Ok(times)
}
