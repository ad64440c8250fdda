//! Settings of passwords and their hashing.

use clap::Args;

use super::parsers::password_length;
use crate::domain::{BcryptCost, HashingSettings};

/// The settings of passwords and their hashing.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Passwords")]
pub struct Passwords {
    /// Cost of bcrypt, 4 to 31. Each step doubles the time of a login; 12 takes a quarter of a
    /// second of one core. Stored hashes of a lower cost are replaced at the next login
    #[arg(
        long,
        env = "BIENVENUE_BCRYPT_COST",
        value_name = "COST",
        default_value_t = BcryptCost::default(),
    )]
    pub bcrypt_cost: BcryptCost,

    /// Minimum length of a new password, in characters; from 8 on, common passwords are refused
    /// too [default: 1, or 15 with an https --public-url]
    #[arg(
        long,
        env = "BIENVENUE_PASSWORD_MIN_LENGTH",
        value_name = "CHARACTERS",
        value_parser = password_length,
    )]
    pub password_min_length: Option<usize>,

    /// The threads that hash them.
    #[command(flatten)]
    pub hashing: HashingSettings,
}
