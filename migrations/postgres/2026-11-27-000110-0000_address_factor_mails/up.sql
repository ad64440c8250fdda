-- Version 0.1.0 queued mails about second factors without the address of the account, and without
-- the change that their token undoes. Those that still wait get both.
INSERT INTO factor_changes (user_id, kind, email, changed_at, undo_until)
SELECT outbox.user_id,
    CASE outbox.letter
        WHEN 'second_factor_added' THEN 'totp_added'
        WHEN 'second_factor_removed' THEN 'totp_removed'
        ELSE 'recovery_codes_replaced'
    END,
    users.email, outbox.created_at, outbox.created_at + 259200
FROM outbox JOIN users ON users.id = outbox.user_id
WHERE outbox.letter IN ('second_factor_added', 'second_factor_removed', 'recovery_codes_replaced')
    AND COALESCE(outbox.details, '{}')::jsonb ->> 'to' IS NULL
    AND COALESCE(outbox.details::jsonb ->> 'by_operator', 'false') = 'false';

UPDATE outbox
SET details = (COALESCE(outbox.details, '{}')::jsonb || jsonb_build_object('to', users.email))::text
FROM users
WHERE users.id = outbox.user_id
    AND letter IN ('second_factor_added', 'second_factor_removed', 'recovery_codes_replaced')
    AND COALESCE(outbox.details, '{}')::jsonb ->> 'to' IS NULL;
