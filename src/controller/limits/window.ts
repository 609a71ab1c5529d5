/** How long what a key did counts against its limits a minute. */
export const windowMs = 60_000;
