//! How strongly the user of a session has authenticated.

/// How the user of a session has authenticated. A higher level includes the lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SessionLevel {
    /// By password, or without one if the library opened the session.
    #[default]
    Password,
    /// By password and a second factor.
    SecondFactor,
}

impl SessionLevel {
    /// The number that is stored and sent to proxies: 1 or 2.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Password => 1,
            Self::SecondFactor => 2,
        }
    }

    /// Takes a number out of the database. Any number but 2 is the lowest level.
    #[must_use]
    pub const fn from_stored(number: i64) -> Self {
        if number == 2 {
            Self::SecondFactor
        } else {
            Self::Password
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_number_is_the_lowest_level() {
        for (number, level) in [
            (1, SessionLevel::Password),
            (2, SessionLevel::SecondFactor),
            (0, SessionLevel::Password),
            (3, SessionLevel::Password),
        ] {
            assert_eq!(SessionLevel::from_stored(number), level, "{number}");
        }
        let both = SessionLevel::SecondFactor;
        assert_eq!(SessionLevel::from_stored(both.number()), both);
        assert!(both > SessionLevel::Password);
    }
}
