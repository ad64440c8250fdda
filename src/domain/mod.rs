//! Parsed values: the types into which the edge of the service turns text.
//!
//! Every rule about a single value is here once, in the constructor of its type. This layer
//! imports no other one and does no input or output.

mod accent_color;
mod access;
mod account_settings;
mod app_url;
mod audit_chain;
mod audit_check;
mod audit_event;
mod bcrypt_cost;
mod client;
mod client_ip;
mod clock;
mod database_settings;
mod database_url;
mod email;
mod email_token_action;
mod export;
mod factor_change;
mod foreign_hash;
#[doc(hidden)]
pub mod fuzzing;
mod hashed_password;
mod invitation;
mod ip_networks;
mod language;
mod local_path;
mod mode;
mod names;
mod origin;
mod passkey;
mod password;
mod password_settings;
mod policy;
mod postgres_url;
mod rate_limit;
mod recovery_code;
mod request_id;
mod session_end;
mod session_info;
mod session_level;
mod session_settings;
mod setting_values;
mod throttle_settings;
mod token;
mod totp;
mod user;
mod user_agent;

pub use accent_color::{AccentColor, AccentColorError};
pub use access::{AccessFacts, App, AppLogin};
pub use account_settings::AccountSettings;
pub use app_url::AppUrl;
pub use audit_chain::{
    CHAIN_START, ChainDigest, ChainHead, ChainHeadError, ChainRow, content_digest,
};
pub use audit_check::{AttestedHead, ChainCheck, ChainFinding, ChainReport};
pub use audit_event::{
    Actor, AuditDetails, AuditEvent, NewAuditEvent, RETENTION_DAYS, USER_DELETED,
};
pub use bcrypt_cost::{BcryptCost, BcryptCostError};
pub use client::Client;
pub use client_ip::{ClientIp, IpPrefix};
pub use clock::{Clock, Timestamp};
pub use database_settings::DatabaseSettings;
pub use database_url::{DatabaseUrl, DatabaseUrlError};
pub use email::{Email, EmailError, NormalizedEmail};
pub use email_token_action::EmailTokenAction;
pub use export::{AccountDates, ExportedMail, ExportedToken, KnownClient, PreviousEmail};
pub use factor_change::{FactorChange, FactorChangeKind};
pub use foreign_hash::{
    Argon2Variant, ForeignHash, ForeignHashError, Kdf, Pbkdf2Digest, ShaCryptVariant, WeakHash,
    WeakScheme,
};
pub use hashed_password::{HashedPassword, Prehash};
pub use invitation::Invitation;
pub use ip_networks::{IpNetworks, IpNetworksError};
pub use language::Language;
pub use local_path::LocalPath;
pub(crate) use mode::by_mode;
pub use mode::{ByMode, Mode};
pub use names::{AppName, GroupName, NameError};
pub use origin::{AppOriginError, Origin};
pub use passkey::{
    ChallengeDigest, ChallengePurpose, PasskeyChallenge, PasskeyId, PasskeyInfo, PasskeyName,
    PasskeyNameError, StoredPasskey, UserHandle,
};
pub use password::{Password, PasswordError};
pub use password_settings::PasswordSettings;
pub use policy::{EmailVerification, Notification, Pooler, Registration, SecondFactorPolicy};
pub use postgres_url::PostgresUrl;
pub use rate_limit::{Backoff, Limit, LimitKey, LimitRule, Rate, duration_text};
pub use recovery_code::{RecoveryCode, RecoveryCodeDigest, RecoveryCodeError};
pub use request_id::{RequestId, RequestIdError};
pub use session_end::SessionEnd;
pub use session_info::{EndedSessionInfo, SessionInfo, SessionPublicId, SessionScope, SessionUser};
pub use session_level::SessionLevel;
pub use session_settings::SessionSettings;
pub use setting_values::ValueError;
pub(crate) use setting_values::{at_least_one, parse_rate, positive_duration, switch};
pub use throttle_settings::{LimitCheck, ThrottleSettings};
pub use token::{
    AppSessionDigest, AppSessionId, AppSessionPurpose, DeviceId, DevicePurpose, EmailPurpose,
    EmailRevertPurpose, EmailRevertToken, EmailRevertTokenDigest, EmailToken, EmailTokenDigest,
    HandOverCode, HandOverDigest, HandOverPurpose, InvitationDigest, InvitationPurpose,
    InvitationToken, LoginPurpose, LoginState, LoginStateDigest, LoginStatePurpose, LoginToken,
    LoginTokenDigest, Purpose, ResetPurpose, ResetToken, ResetTokenDigest, SessionDigest,
    SessionId, SessionPurpose, Token, TokenDigest, TokenError,
};
pub use totp::{TotpCode, TotpCodeError, TotpMatch, TotpSecret, TotpStep};
pub use user::{User, UserId};
pub use user_agent::device_names;
