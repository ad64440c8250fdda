#![doc = include_str!("../README.md")]

pub mod auth;
pub mod db;
pub mod domain;
pub mod http;
pub mod i18n;
pub mod mail;
pub mod secret_key;

// The program's own parts: no interface for other programs.
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod import;
#[doc(hidden)]
pub mod logging;
mod ownership;
#[doc(hidden)]
pub mod server;
#[doc(hidden)]
pub mod webauthn;
