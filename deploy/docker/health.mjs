// For health checks inside of a container: `node health.mjs <port>` ends with 0 where the process says that it is well,
// with `--answers` where it says anything at all. A controller is not well while it has no workers, and to start it again
// would bring none.
const [port, mode] = process.argv.slice(2);
try {
  const { ok } = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(4_000) });
  process.exitCode = ok || mode === '--answers' ? 0 : 1;
} catch {
  process.exitCode = 1;
}
