/**
 * An error for the log: what it is and where it was thrown. Its message is left out, because it may quote what a client
 * sent (those of parsers do), unless it is about a call of the system or the database.
 */
export function describeError(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'thrown value is no Error';
  const { name, message, stack = '', cause } = thrown;
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  const isOfSystem = syscall !== undefined || code?.startsWith('SQLITE_') === true;
  const what = isOfSystem ? `${name}: ${message}` : name;
  // The message stands in front of the frames, and may look like them.
  const at = message === '' ? -1 : stack.indexOf(message);
  const behind = at < 0 ? stack : stack.slice(at + message.length);
  const frames = behind
    .split('\n')
    .filter((line) => /^ {4}at .*(:\d+:\d+|<anonymous>|native)\)?$/.test(line));
  const lines = [code !== undefined && !isOfSystem ? `${what} (${code})` : what, ...frames];
  if (cause !== undefined) lines.push(`caused by ${describeError(cause)}`);
  return lines.join('\n');
}
