//! Mail outages: the pauses between attempts while no mail can be sent, and their log lines.

use std::time::{Duration, Instant};

/// The pause after the first failed attempt. Each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between attempts, and so the longest delay once the server is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often the log repeats that the outage lasts.
const REMINDER: Duration = Duration::from_secs(300);

/// The state of an outage: the mail server is unreachable, or the directory cannot be written.
/// Meanwhile only one mail at a time is tried.
#[derive(Debug, Default)]
pub(in crate::auth) struct Outage(Option<Ongoing>);

#[derive(Debug)]
struct Ongoing {
    since: Instant,
    told: Instant,
    pause: Duration,
}

impl Outage {
    /// Notes a failed attempt, and returns how long to wait before the next.
    pub(in crate::auth) fn goes_on(&mut self, why: &str) -> Duration {
        let now = Instant::now();
        match &mut self.0 {
            None => {
                log::error!(
                    "{why}. Mails stay queued and are sent as soon as this is fixed. Test with \
                     `bienvenue mail test`"
                );
                self.0 = Some(Ongoing {
                    since: now,
                    told: now,
                    pause: FIRST_PAUSE,
                });
                FIRST_PAUSE
            }
            Some(ongoing) => {
                if now.duration_since(ongoing.told) >= REMINDER {
                    let minutes = now.duration_since(ongoing.since).as_secs() / 60;
                    log::error!("no mail could be sent for {minutes} min: {why}");
                    ongoing.told = now;
                }
                ongoing.pause = ongoing.pause.saturating_mul(2).min(LONGEST_PAUSE);
                ongoing.pause
            }
        }
    }

    pub(in crate::auth) fn is_ongoing(&self) -> bool {
        self.0.is_some()
    }

    /// Notes that the server has accepted or refused a mail.
    pub(in crate::auth) fn is_over(&mut self) {
        if let Some(ongoing) = self.0.take() {
            let seconds = ongoing.since.elapsed().as_secs();
            log::info!("mails can be sent again, after {seconds} s");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f21_the_pause_doubles_up_to_half_a_minute() {
        let mut outage = Outage::default();
        let pauses = |outage: &mut Outage| [0; 7].map(|_| outage.goes_on("away").as_secs());
        assert_eq!(pauses(&mut outage), [1, 2, 4, 8, 16, 30, 30]);
        outage.is_over();
        assert_eq!(pauses(&mut outage)[0], 1);
    }
}
