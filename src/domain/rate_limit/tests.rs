//! The keys of rate limits and their arithmetic.

use super::*;

fn account() -> Backoff {
    Backoff {
        free: 5,
        first_wait: Duration::from_secs(1),
        longest_wait: Duration::from_secs(300),
        limit: 100,
        memory: Duration::from_secs(86_400),
    }
}

#[test]
fn the_wait_doubles_from_the_fifth_failure_to_five_minutes() {
    let waits = [1, 4, 5, 6, 7, 12, 13, 14, 99, u32::MAX];
    let waits = waits.map(|failures| account().wait_after(failures).as_secs());
    assert_eq!(waits, [0, 0, 1, 2, 4, 128, 256, 300, 300, 300]);
    assert_eq!(account().doublings(), 9);
}

#[test]
fn a_rate_is_written_as_in_its_setting() {
    for (seconds, text) in [
        (30, "20+1/30s"),
        (90, "20+1/90s"),
        (300, "20+1/5m"),
        (604_800, "20+1/7d"),
    ] {
        let (burst, interval) = (20, Duration::from_secs(seconds));
        assert_eq!(Rate { burst, interval }.to_string(), text);
    }
}

#[test]
fn a_stored_key_keeps_its_limit() {
    let key = LimitKey::mail("password_reset", &NormalizedEmail::canonical("bob@x.fr"));
    let stored = LimitKey::from_stored(key.as_str().to_owned());
    assert_eq!(stored.as_ref(), Some(&key));
    assert_eq!(
        (key.limit(), key.kind()),
        (Limit::Mail, "mail/password_reset")
    );
    for limit in Limit::ALL {
        let stored = LimitKey::from_stored(format!("{}/x", limit.name()));
        assert_eq!(stored.map(|key| key.limit()), Some(*limit));
    }
    for unknown in ["mails/x", "account", ""] {
        assert_eq!(LimitKey::from_stored(unknown.to_owned()), None);
    }
}

#[test]
fn spellings_of_an_email_share_a_key_that_hides_it() {
    let key = |text| LimitKey::account(&NormalizedEmail::parse(text).unwrap());
    assert_eq!(key(" Bob@Dylan.com"), key("bob@dylan.com"));
    assert!(!key("bob@dylan.com").as_str().contains("bob"));
}
