/**
 * One run of `action` for all who ask while another one is under way.
 *
 * @returns a function whose promise settles with a run that began after the call.
 */
export function shareRuns(action: () => Promise<void>): () => Promise<void> {
  let current: Promise<unknown> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () =>
    (next ??= current.then(() => {
      next = undefined;
      const run = action();
      current = run.catch(() => undefined);
      return run;
    }));
}
