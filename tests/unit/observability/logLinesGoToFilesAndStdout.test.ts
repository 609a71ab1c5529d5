import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  closeLogger,
  createLogger,
  type Logger,
  type LoggerOptions,
} from '../../../src/observability/logger.js';

let folder: string;
let printed: string[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-log-'));
  printed = [];
  // winston writes to the stream behind the console.
  const { _stdout: out } = console as unknown as { _stdout: Writable };
  vi.spyOn(out, 'write').mockImplementation((text: unknown) => {
    printed.push(String(text));
    return true;
  });
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

type Line = Record<string, unknown>;

/** Runs `use` with a logger and closes it; the lines of both files. */
async function logInto(options: Partial<LoggerOptions>, use: (logger: Logger) => void) {
  const logDir = path.join(folder, 'new', 'logs');
  const logger = createLogger({ output: 'json', process: 'controller', logDir, ...options });
  use(logger);
  const closed = once(logger, 'finish');
  logger.end();
  await closed;
  const read = async (name: string) =>
    (await readFile(path.join(logDir, name), 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  return { combined: await read('combined.log'), errors: await read('error.log') };
}

const messages = (lines: readonly Line[]) => lines.map(({ message }) => message);

describe('the log files', () => {
  it('have a line of JSON for each entry, with its time and the process', async () => {
    const before = Date.now();
    const { combined } = await logInto({}, (logger) => {
      logger.info('node joined', { nodeId: 'worker_1', attempts: 2, nested: { a: [1] } });
    });
    expect(combined).toEqual([
      {
        level: 'info',
        message: 'node joined',
        nodeId: 'worker_1',
        attempts: 2,
        nested: { a: [1] },
        process: 'controller',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      },
    ]);
    const time = Date.parse(String(combined[0]?.['timestamp']));
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
  });

  it('have errors in both, the rest in combined.log alone, debug in none', async () => {
    const { combined, errors } = await logInto({}, (logger) => {
      logger.debug('d');
      logger.info('i');
      logger.warn('w');
      logger.error('e');
    });
    expect(messages(combined)).toEqual(['i', 'w', 'e']);
    expect(messages(errors)).toEqual(['e']);
    expect(errors[0]).toMatchObject({ level: 'error', process: 'controller' });
    expect(errors[0]?.['timestamp']).toBe(combined[2]?.['timestamp']);
  });

  it('keep the time and the name of a supervised process', async () => {
    const line = { level: 'error', message: 'x', timestamp: '2001-01-01T00:00:00.000Z', process: 'worker_2' };
    const { combined, errors } = await logInto({ process: 'supervisor' }, (logger) => {
      // winston adds its symbols to the object that it is given.
      logger.log({ ...line } as { level: 'error'; message: string });
      logger.info('own');
    });
    expect(combined[0]).toEqual(line);
    expect(errors).toEqual([line]);
    expect(combined[1]).toMatchObject({ message: 'own', process: 'supervisor' });
    expect(combined[1]?.['timestamp']).not.toBe(line.timestamp);
  });

  it('stay one line for an entry with line breaks', async () => {
    const { combined } = await logInto({}, (logger) => logger.info('two\nlines', { text: 'a\r\nb' }));
    expect(combined).toMatchObject([{ message: 'two\nlines', text: 'a\r\nb' }]);
  });

  it('are not there where another process owns them', async () => {
    const logger = createLogger({ output: 'json', process: 'worker_1' });
    logger.error('x');
    logger.end();
    expect(printed).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a file that cannot be written', () => {
  it.each<[string, (file: string) => Promise<unknown>]>([
    ['on a full disk', (file) => symlink('/dev/full', file)],
    ['with a folder in its place', (file) => mkdir(file)],
    ['that cannot be looked at', (file) => symlink(file, file)],
  ])('%s is told once, and everything else goes on', async (_case, damage) => {
    await damage(path.join(folder, 'combined.log'));
    const logger = createLogger({ output: 'pretty', process: 'p', logDir: folder });
    // More than all buffers on the way hold.
    for (let index = 0; index < 100; index++) {
      logger.info(`line ${index} ${'x'.repeat(4_000)}`);
    }
    logger.error('last');
    await expect.poll(() => printed.filter((line) => / (line \d+ |last)/.test(line))).toHaveLength(101);
    await expect.poll(() => readFile(path.join(folder, 'error.log'), 'utf8')).toContain('"message":"last"');
    await closeLogger(logger);
    expect(printed.filter((line) => line.includes('log file cannot be written'))).toHaveLength(1);
  });
});

describe('stdout', () => {
  it('gets the same lines of JSON under a supervisor', () => {
    const logger = createLogger({ output: 'json', process: 'worker_1' });
    logger.info('ready', { url: 'http://127.0.0.1:8081' });
    logger.debug('detail');
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(printed[0] ?? '')).toMatchObject({
      level: 'info',
      message: 'ready',
      url: 'http://127.0.0.1:8081',
      process: 'worker_1',
      timestamp: expect.any(String) as string,
    });
  });

  it('gets text for a person: local time, level, process, message, fields that are there', () => {
    vi.stubEnv('TZ', 'Asia/Kolkata');
    const logger = createLogger({ output: 'pretty', process: 'supervisor' });
    logger.log({
      level: 'warn',
      message: 'node state',
      timestamp: '2026-01-02T03:04:05.678Z',
      process: 'controller',
      nodeId: 'worker_1',
      attempts: 2,
      slots: { busy: 1 },
      error: undefined,
      reason: null,
    } as never);
    logger.info('plain');
    expect(printed[0]).toBe(
      '08:34:05 warn  controller node state  nodeId=worker_1 attempts=2 slots={"busy":1}\n',
    );
    expect(printed[1]).toMatch(/^\d\d:\d\d:\d\d info {2}supervisor plain\n$/);
  });

  it('is coloured only where that was asked for', () => {
    createLogger({ output: 'pretty', process: 'p', color: true }).error('red');
    createLogger({ output: 'pretty', process: 'p' }).error('plain');
    expect(printed[0]).toContain('\u001b[31merror\u001b[0m');
    expect(printed[1]).not.toContain('\u001b');
  });

  it('gets text while the files get JSON', async () => {
    const { combined } = await logInto({ output: 'pretty' }, (logger) => logger.info('hello', { a: 1 }));
    expect(printed[0]).toMatch(/ info {2}controller hello {2}a=1\n$/);
    expect(combined).toMatchObject([{ message: 'hello', a: 1 }]);
  });
});
