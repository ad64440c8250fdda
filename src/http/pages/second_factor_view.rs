//! What pages show of second factors and their changes.

use minijinja::{Value, context};

use super::people::{date, device};
use crate::auth::SecondFactorDetails;
use crate::domain::{FactorChange, FactorChangeKind};

/// What a page shows of the second factors.
pub(super) fn shown(details: &SecondFactorDetails) -> Value {
    let mut changes = details.changes.iter();
    let app = details.status.totp_since.map(|since| {
        let added = changes.find(|change| {
            change.kind == Some(FactorChangeKind::TotpAdded) && change.changed_at == since
        });
        context! { since => date(since), ..added.map(client).unwrap_or_default() }
    });
    let changes = details.changes.iter();
    context! {
        app,
        has_passkey => details.status.factors.contains(&"passkey"),
        codes_left => details.status.recovery_codes_left,
        changes => changes.filter_map(changed).collect::<Vec<_>>(),
    }
}

/// A change: its text by key, when it was made, and by which client.
pub(super) fn changed(change: &FactorChange) -> Option<Value> {
    let what = match change.kind? {
        FactorChangeKind::TotpAdded => "factor_change.totp_added",
        FactorChangeKind::PasskeyAdded => "factor_change.passkey_added",
        FactorChangeKind::PasskeyRemoved => "factor_change.passkey_removed",
        FactorChangeKind::TotpRemoved => "factor_change.totp_removed",
        FactorChangeKind::RecoveryCodesReplaced => "factor_change.recovery_codes_replaced",
        FactorChangeKind::RecoveryCodeUsed => "factor_change.recovery_code_used",
        FactorChangeKind::Reset => "factor_change.reset",
        FactorChangeKind::Undone => "factor_change.undone",
        FactorChangeKind::Locked => "factor_change.locked",
    };
    let at = date(change.changed_at);
    Some(context! { what, at, ..client(change) })
}

fn client(change: &FactorChange) -> Value {
    context! {
        device => change.user_agent.as_deref().and_then(device),
        ip => change.ip.as_deref(),
    }
}
