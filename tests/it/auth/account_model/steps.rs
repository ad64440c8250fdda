//! What the owners of accounts, other people and operators do.

use proptest::prelude::*;

use super::{DAY, EMAILS, HOUR, IDLE, LIFETIME};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Register(usize, usize),
    LogIn(usize, usize),
    /// With the n-th of the sessions, the last being the first.
    Profile(usize),
    LogOut(usize),
    /// In the n-th of the sessions, the last being the first: the current password and the new one.
    ChangePassword(usize, usize, usize),
    AskForReset(usize),
    /// With the n-th token, for whom, and the new password.
    Reset(usize, usize, usize),
    /// In the n-th session: the new address and the current password.
    AskForEmail(usize, usize, usize),
    /// With the n-th token that was mailed.
    ChangeEmail(usize),
    TakeBack(usize),
    Delete(usize, usize),
    /// In the n-th session, with a password.
    SetUpApp(usize, usize),
    ReplaceCodes(usize, usize),
    RemoveApp(usize, usize),
    /// With a password, and a code of the app or a recovery code.
    LogInByApp(usize, usize),
    LogInByRecoveryCode(usize, usize),
    /// The password alone; later, the code for the n-th login that waits for one.
    BeginLogin(usize, usize),
    EndLogin(usize),
    /// In the n-th session, with a password: the passkey that is added last is removed first.
    AddPasskey(usize, usize),
    RemovePasskey(usize, usize),
    /// Without a password.
    LogInByPasskey(usize),
    /// With the n-th passkey that was removed.
    LogInByLostPasskey(usize),
    /// With the n-th token of a mail about factors.
    UndoFactors(usize),
    /// By an operator.
    ResetFactors(usize),
    Disable(usize),
    Enable(usize),
    Wait(u64),
    Restart,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let who = || 0..EMAILS.len();
    // Mostly the right one, and the last ones: else little would ever happen.
    let with = || prop_oneof![5 => Just(0_usize), 1 => Just(1)];
    let nth = || prop_oneof![4 => Just(0_usize), 2 => 1..4_usize];
    prop_oneof![
        2 => (who(), with()).prop_map(|(who, with)| Step::Register(who, with)),
        4 => (who(), with()).prop_map(|(who, with)| Step::LogIn(who, with)),
        4 => nth().prop_map(Step::Profile),
        1 => nth().prop_map(Step::LogOut),
        2 => (nth(), with(), with()).prop_map(|(n, old, new)| Step::ChangePassword(n, old, new)),
        2 => who().prop_map(Step::AskForReset),
        2 => (nth(), who(), with()).prop_map(|(n, who, with)| Step::Reset(n, who, with)),
        9 => (nth(), who(), with()).prop_map(|(n, who, with)| Step::AskForEmail(n, who, with)),
        9 => nth().prop_map(Step::ChangeEmail),
        5 => nth().prop_map(Step::TakeBack),
        1 => (nth(), with()).prop_map(|(n, with)| Step::Delete(n, with)),
        5 => (nth(), with()).prop_map(|(n, with)| Step::SetUpApp(n, with)),
        2 => (nth(), with()).prop_map(|(n, with)| Step::ReplaceCodes(n, with)),
        1 => (nth(), with()).prop_map(|(n, with)| Step::RemoveApp(n, with)),
        4 => (who(), with()).prop_map(|(who, with)| Step::LogInByApp(who, with)),
        2 => (who(), with()).prop_map(|(who, with)| Step::LogInByRecoveryCode(who, with)),
        3 => (who(), with()).prop_map(|(who, with)| Step::BeginLogin(who, with)),
        3 => nth().prop_map(Step::EndLogin),
        4 => (nth(), with()).prop_map(|(n, with)| Step::AddPasskey(n, with)),
        1 => (nth(), with()).prop_map(|(n, with)| Step::RemovePasskey(n, with)),
        3 => who().prop_map(Step::LogInByPasskey),
        2 => nth().prop_map(Step::LogInByLostPasskey),
        3 => nth().prop_map(Step::UndoFactors),
        1 => who().prop_map(Step::ResetFactors),
        1 => who().prop_map(Step::Disable),
        2 => who().prop_map(Step::Enable),
        2 => wait().prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

fn wait() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(60),
        Just(HOUR / 2),
        Just(IDLE / 2),
        Just(IDLE),
        Just(3 * DAY),
        Just(LIFETIME)
    ]
}

/// The steps of people who want an account to change hands.
pub(super) fn scene() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..EMAILS.len();
    let moves = |to| [Step::AskForEmail(0, to, 0), Step::ChangeEmail(0)];
    // Gives an account away, and takes it back when the other person has set a password.
    let giver = (who(), who()).prop_map(move |(from, to)| {
        let before = [Step::LogIn(from, 0)].into_iter().chain(moves(to));
        let after = [
            Step::AskForReset(to),
            Step::Reset(0, to, 1),
            Step::LogIn(to, 1),
            Step::TakeBack(0),
        ];
        before.chain(after).collect()
    });
    // Moves an account, and deletes it or registers the old address. The owner takes it back.
    let thief = (who(), who(), any::<bool>()).prop_map(move |(from, to, deletes)| {
        let before = [Step::LogIn(from, 0)].into_iter().chain(moves(to));
        let last = if deletes {
            vec![
                Step::LogIn(to, 0),
                Step::Delete(0, 0),
                Step::Register(from, 1),
            ]
        } else {
            vec![Step::Register(from, 1), Step::TakeBack(0)]
        };
        before.chain(last).collect()
    });
    // Registers the address of another person, and moves on; that person comes.
    let squatter = (who(), who()).prop_map(move |(from, to)| {
        let before = [Step::Register(from, 0), Step::LogIn(from, 0)];
        let after = [Step::Register(from, 1), Step::LogIn(from, 1)];
        let steps = before.into_iter().chain(moves(to)).chain(after);
        steps.collect()
    });
    // Protects an account, and logs in with a code before or after something has changed.
    let protected = (who(), step()).prop_map(|(who, between)| {
        let before = [Step::LogIn(who, 0), Step::SetUpApp(0, 0)];
        let login = [Step::BeginLogin(who, 0), between, Step::EndLogin(0)];
        before.into_iter().chain(login).collect()
    });
    // The same by passkey, and what the passkey opens afterwards.
    let by_passkey = (who(), step()).prop_map(|(who, between)| {
        let before = [Step::LogIn(who, 0), Step::AddPasskey(0, 0)];
        let login = [Step::BeginLogin(who, 0), between, Step::EndLogin(0)];
        let after = [Step::LogInByPasskey(who), Step::LogInByLostPasskey(0)];
        before.into_iter().chain(login).chain(after).collect()
    });
    prop_oneof![giver, thief, squatter, protected, by_passkey]
}
