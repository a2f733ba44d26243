-- Acts by signed link are single-use: what was used stands here.
CREATE TABLE spent_token (
    nonce    text PRIMARY KEY,
    alarm_id text NOT NULL,
    spent_at timestamptz NOT NULL DEFAULT now()
);
