/** Items hold what was said; a response without its output is in `body`. Only output has `lengths`. */
const responses = `
  CREATE TABLE responses (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    previous_id TEXT,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX responses_by_age ON responses (created_at);
  CREATE TABLE response_items (
    id TEXT PRIMARY KEY,
    response_id TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    body TEXT NOT NULL,
    lengths TEXT
  ) STRICT;
  CREATE UNIQUE INDEX response_items_in_order ON response_items (response_id, position)
`;

/** What clients uploaded, and what batches made for them; the bytes are in a folder beside the database. */
const filesAndBatches = `
  CREATE TABLE files (
    id TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    filename TEXT NOT NULL,
    purpose TEXT NOT NULL
  ) STRICT;
  CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL,
    errors TEXT,
    input_file_id TEXT NOT NULL,
    status TEXT NOT NULL,
    output_file_id TEXT,
    error_file_id TEXT,
    created_at INTEGER NOT NULL,
    in_progress_at INTEGER,
    expires_at INTEGER NOT NULL,
    finalizing_at INTEGER,
    completed_at INTEGER,
    failed_at INTEGER,
    expired_at INTEGER,
    cancelling_at INTEGER,
    cancelled_at INTEGER,
    total INTEGER NOT NULL DEFAULT 0,
    completed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    metadata TEXT,
    output_lifetime_seconds INTEGER NOT NULL,
    principal TEXT NOT NULL
  ) STRICT;
  CREATE INDEX batches_by_status ON batches (status);

  CREATE TABLE batch_results (
    batch_id TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('output', 'error')),
    text TEXT NOT NULL,
    PRIMARY KEY (batch_id, line)
  ) STRICT
`;

/** Who may ask, by the digest of a secret that is kept nowhere; and whose files and batches are. */
const keysAndOwners = `
  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    settings TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'disabled', 'revoked')),
    created_at TEXT NOT NULL
  ) STRICT;

  ALTER TABLE files ADD COLUMN owner TEXT NOT NULL DEFAULT 'anonymous';
  ALTER TABLE batches ADD COLUMN owner TEXT NOT NULL DEFAULT 'anonymous'
`;

/** What was used, a row for each key, day and model: budgets ask for the days of a key. */
const usage = `
  CREATE TABLE usage (
    key TEXT NOT NULL,
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    PRIMARY KEY (key, day, model)
  ) STRICT, WITHOUT ROWID
`;

/**
 * How the schema came to be, in order: the version of a database is how many of these it has been through. One that
 * has been released is never changed; what it made is changed by a new one behind it.
 */
export const migrations: readonly string[] = [responses, filesAndBatches, keysAndOwners, usage];
