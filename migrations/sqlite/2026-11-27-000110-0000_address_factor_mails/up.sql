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
    AND json_extract(COALESCE(outbox.details, '{}'), '$.to') IS NULL
    AND NOT COALESCE(json_extract(outbox.details, '$.by_operator'), 0);

UPDATE outbox
SET details = json_set(COALESCE(details, '{}'), '$.to',
    (SELECT users.email FROM users WHERE users.id = outbox.user_id))
WHERE letter IN ('second_factor_added', 'second_factor_removed', 'recovery_codes_replaced')
    AND json_extract(COALESCE(details, '{}'), '$.to') IS NULL;
