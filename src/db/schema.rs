// @generated automatically by Diesel CLI.

diesel::table! {
    account_dates (user_id) {
        user_id -> BigInt,
        created_at -> Nullable<BigInt>,
        last_login_at -> Nullable<BigInt>,
        disabled_at -> Nullable<BigInt>,
        language -> Nullable<Text>,
    }
}

diesel::table! {
    app_groups (app_name, group_name) {
        app_name -> Text,
        group_name -> Text,
    }
}

diesel::table! {
    app_sessions (digest) {
        digest -> Binary,
        app_name -> Text,
        session_digest -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    apps (name) {
        name -> Text,
        origin -> Text,
        second_factor -> BigInt,
    }
}

diesel::table! {
    audit_chain (id) {
        id -> BigInt,
        position -> BigInt,
        digest -> Binary,
        start_digest -> Binary,
    }
}

diesel::table! {
    audit_events (position) {
        position -> BigInt,
        at -> BigInt,
        event -> Text,
        user_id -> Nullable<BigInt>,
        actor -> Text,
        actor_id -> Nullable<BigInt>,
        details -> Nullable<Text>,
        salt -> Nullable<Binary>,
        content_digest -> Binary,
        digest -> Binary,
    }
}

diesel::table! {
    copy_marks (id) {
        id -> BigInt,
        copy_id -> Text,
        state -> Text,
        other_url -> Text,
        marked_at -> BigInt,
    }
}

diesel::table! {
    email_tokens (digest) {
        digest -> Text,
        user_id -> BigInt,
        purpose -> Text,
        email -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    ended_sessions (digest) {
        digest -> Binary,
        user_id -> BigInt,
        reason -> Text,
        ended_at -> BigInt,
    }
}

diesel::table! {
    factor_changes (id) {
        id -> BigInt,
        user_id -> BigInt,
        kind -> Text,
        email -> Text,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        digest -> Nullable<Text>,
        changed_at -> BigInt,
        undo_until -> Nullable<BigInt>,
        mail_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    foreign_hashes (parameters) {
        parameters -> Text,
    }
}

diesel::table! {
    former_emails (id) {
        id -> BigInt,
        user_id -> Nullable<BigInt>,
        email -> Text,
        email_key -> Text,
        digest -> Nullable<Text>,
        changed_at -> BigInt,
        expires_at -> BigInt,
        reserved -> BigInt,
    }
}

diesel::table! {
    group_members (user_id, group_name) {
        user_id -> BigInt,
        group_name -> Text,
    }
}

diesel::table! {
    groups (name) {
        name -> Text,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    hand_over_codes (digest) {
        digest -> Binary,
        app_name -> Text,
        session_digest -> Binary,
        state -> Binary,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    invitations (id) {
        id -> BigInt,
        digest -> Binary,
        email -> Nullable<Text>,
        group_name -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    known_clients (user_id, mark) {
        user_id -> BigInt,
        mark -> Text,
        succeeded_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    outbox (id) {
        id -> BigInt,
        user_id -> Nullable<BigInt>,
        letter -> Text,
        details -> Nullable<Text>,
        created_at -> BigInt,
        due_at -> BigInt,
        attempts -> BigInt,
        claimed_until -> BigInt,
        has_token -> BigInt,
        priority -> BigInt,
    }
}

diesel::table! {
    passkey_challenges (digest) {
        digest -> Binary,
        purpose -> BigInt,
        user_id -> Nullable<BigInt>,
        client -> Binary,
        user_handle -> Nullable<Binary>,
        created_at -> BigInt,
        expires_at -> BigInt,
        session -> Nullable<Binary>,
    }
}

diesel::table! {
    passkeys (id) {
        id -> BigInt,
        user_id -> BigInt,
        rp_id -> Text,
        credential_id -> Binary,
        user_handle -> Binary,
        public_key -> Binary,
        sign_count -> BigInt,
        backup_eligible -> BigInt,
        backed_up -> BigInt,
        transports -> Text,
        name -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    password_resets (user_id) {
        user_id -> BigInt,
        digest -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        mailed -> BigInt,
    }
}

diesel::table! {
    pending_logins (digest) {
        digest -> Binary,
        user_id -> BigInt,
        client -> Binary,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    recovery_codes (user_id, digest) {
        user_id -> BigInt,
        digest -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    secret_key_check (id) {
        id -> BigInt,
        sealed -> Binary,
    }
}

diesel::table! {
    sessions (digest) {
        digest -> Binary,
        public_id -> Binary,
        user_id -> BigInt,
        email -> Text,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
        cleanup_at -> BigInt,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        level -> BigInt,
    }
}

diesel::table! {
    throttle (key) {
        key -> Text,
        fails -> BigInt,
        next_at -> BigInt,
        purge_at -> BigInt,
        user_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    totp (user_id) {
        user_id -> BigInt,
        secret -> Binary,
        created_at -> BigInt,
        confirmed_at -> Nullable<BigInt>,
        last_step -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        email -> Text,
        hashed_password -> Text,
        session_id -> Nullable<Text>,
        reset_token -> Nullable<Text>,
        email_key -> Text,
    }
}

diesel::table! {
    verified_emails (user_id) {
        user_id -> BigInt,
        email_key -> Text,
        verified_at -> BigInt,
    }
}

diesel::joinable!(account_dates -> users (user_id));
diesel::joinable!(app_groups -> apps (app_name));
diesel::joinable!(app_groups -> groups (group_name));
diesel::joinable!(app_sessions -> apps (app_name));
diesel::joinable!(app_sessions -> sessions (session_digest));
diesel::joinable!(email_tokens -> users (user_id));
diesel::joinable!(ended_sessions -> users (user_id));
diesel::joinable!(factor_changes -> users (user_id));
diesel::joinable!(former_emails -> users (user_id));
diesel::joinable!(group_members -> groups (group_name));
diesel::joinable!(group_members -> users (user_id));
diesel::joinable!(hand_over_codes -> apps (app_name));
diesel::joinable!(hand_over_codes -> sessions (session_digest));
diesel::joinable!(invitations -> groups (group_name));
diesel::joinable!(known_clients -> users (user_id));
diesel::joinable!(outbox -> users (user_id));
diesel::joinable!(passkey_challenges -> users (user_id));
diesel::joinable!(passkeys -> users (user_id));
diesel::joinable!(password_resets -> users (user_id));
diesel::joinable!(pending_logins -> users (user_id));
diesel::joinable!(recovery_codes -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(totp -> users (user_id));
diesel::joinable!(verified_emails -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    account_dates,
    app_groups,
    app_sessions,
    apps,
    audit_chain,
    audit_events,
    copy_marks,
    email_tokens,
    ended_sessions,
    factor_changes,
    foreign_hashes,
    former_emails,
    group_members,
    groups,
    hand_over_codes,
    invitations,
    known_clients,
    outbox,
    passkey_challenges,
    passkeys,
    password_resets,
    pending_logins,
    recovery_codes,
    secret_key_check,
    sessions,
    throttle,
    totp,
    users,
    verified_emails,
);
