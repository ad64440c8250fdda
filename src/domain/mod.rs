//! Parsed values: the types into which the edge of the service turns text.
//!
//! Every rule about a single value is here once, in the constructor of its type. This layer
//! imports no other one and does no input or output.

mod access;
mod account_dates;
mod app_url;
mod bcrypt_cost;
mod client;
mod client_address;
mod clock;
mod database_url;
mod email;
mod email_action;
mod export;
mod former_email;
#[doc(hidden)]
pub mod fuzzing;
mod hashed_password;
mod known_client;
mod names;
mod networks;
mod origin;
mod password;
mod policy;
mod postgres_url;
mod rate_limit;
mod recovery_code;
mod request_id;
mod session_info;
mod session_level;
mod token;
mod totp;
mod user;

pub use access::{AccessFacts, App, AppLogin};
pub use account_dates::AccountDates;
pub use app_url::AppUrl;
pub use bcrypt_cost::{BcryptCost, BcryptCostError};
pub use client::Client;
pub use client_address::{ClientAddress, Prefix};
pub use clock::{Clock, Timestamp};
pub use database_url::{DatabaseUrl, DatabaseUrlError};
pub use email::{Email, EmailError, EmailKey};
pub use email_action::EmailAction;
pub use export::{PendingMail, PendingToken};
pub use former_email::FormerEmail;
pub use hashed_password::HashedPassword;
pub use known_client::KnownClient;
pub use names::{AppName, GroupName, NameError};
pub use networks::{Networks, NetworksError};
pub use origin::{AppOriginError, Origin};
pub use password::{Password, PasswordError};
pub use policy::{EmailVerification, Notification, Pooler, Registration, SecondFactorPolicy};
pub use postgres_url::PostgresUrl;
pub use rate_limit::{Backoff, Limit, LimitKey, Rate, Rule};
pub use recovery_code::{RecoveryCode, RecoveryCodeDigest, RecoveryCodeError};
pub use request_id::{RequestId, RequestIdError};
pub use session_info::{SessionInfo, SessionPublicId, SessionScope, SessionUser};
pub use session_level::SessionLevel;
pub use token::{
    AppSessionDigest, AppSessionId, AppSessionPurpose, DeviceId, DevicePurpose, EmailPurpose,
    EmailToken, EmailTokenDigest, HandOverCode, HandOverDigest, HandOverPurpose, InvitationDigest,
    InvitationPurpose, InvitationToken, LoginPurpose, LoginState, LoginStateDigest,
    LoginStatePurpose, LoginToken, LoginTokenDigest, Purpose, ResetPurpose, ResetToken,
    ResetTokenDigest, SessionDigest, SessionId, SessionPurpose, Token, TokenDigest, TokenError,
    UndoPurpose, UndoToken, UndoTokenDigest,
};
pub use totp::{TotpCode, TotpCodeError, TotpMatch, TotpSecret, TotpStep};
pub use user::{User, UserId};
