/**
 * What happens while a model is fetched, in order. `source` opens an attempt, `source-failed` ends one that did not
 * work. `download` repeats, at most ten times a second and once more at its end. `waiting`: another process is
 * fetching the same file; its process id is unknown when its lock cannot be read.
 */
export type ModelProgress =
  | { phase: 'source'; name: string }
  | { phase: 'download'; receivedBytes: number; totalBytes: number }
  | { phase: 'unpack'; file: string }
  | { phase: 'verify'; file: string }
  | { phase: 'waiting'; pid: number | undefined }
  | { phase: 'source-failed'; name: string; reason: string };

/** Called in the middle of the work: it must return soon and not throw. */
export type OnModelProgress = (progress: ModelProgress) => void;
