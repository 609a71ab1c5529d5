import { describe, expect, it } from 'vitest';
import { readAvailableMemory, type MemoryProbes } from '../../../../src/worker/engine/availableMemory.js';
import { NotEnoughMemoryError, requireMemory } from '../../../../src/worker/engine/memoryNeed.js';

const gigabyte = 1e9;
const need = { weightsBytes: 4.1e9, contextBytes: 0.8e9, slots: 4, contextTokens: 4096 };

describe('a model', () => {
  it('is loaded where it just fits', () => {
    expect(() => requireMemory('m', need, 4.9 * gigabyte)).not.toThrow();
  });

  it.each([
    [
      'context',
      need,
      4.5 * gigabyte,
      'model m needs about 4.9 GB (weights 4.1 GB, context of 4 slots × 4096 tokens 0.8 GB) ' +
        'but 4.5 GB are available; use fewer --slots or a smaller --context',
    ],
    [
      'context of an encoder',
      { weightsBytes: 5e7, contextBytes: 3.2e8, slots: 1, contextTokens: 8192 },
      2e8,
      'model m needs about 0.4 GB (weights 50 MB, context of 8192 tokens 0.3 GB) ' +
        'but 0.2 GB are available; use a smaller --context',
    ],
    [
      'weights',
      need,
      2.1 * gigabyte,
      'model m needs about 4.9 GB (weights 4.1 GB, context of 4 slots × 4096 tokens 0.8 GB) ' +
        'but 2.1 GB are available; use a smaller model or a smaller quantization',
    ],
  ])('is refused with the figures and what helps against its %s', (_name, figures, available, message) => {
    expect(() => requireMemory('m', figures, available)).toThrow(new NotEnoughMemoryError(message));
  });
});

describe('available memory', () => {
  const unlimited = 2 ** 64;

  function probe(values: Partial<MemoryProbes>, files: Record<string, string> = {}): Promise<number> {
    return readAvailableMemory({
      machineBytes: () => 8 * gigabyte,
      limitBytes: () => unlimited,
      leftOfLimitBytes: () => 0,
      readText: (file) => {
        const text = files[file];
        return text === undefined ? Promise.reject(new Error(`no ${file}`)) : Promise.resolve(text);
      },
      ...values,
    });
  }

  it("is the machine's where nothing limits the process", async () => {
    expect(await probe({})).toBe(8 * gigabyte);
    expect(await probe({ limitBytes: () => 0 })).toBe(8 * gigabyte);
    expect(await readAvailableMemory()).toBeGreaterThan(0);
  });

  const limited = { limitBytes: () => 4 * gigabyte, leftOfLimitBytes: () => 1 * gigabyte };

  it('is what is left of the limit', async () => {
    expect(await probe(limited)).toBe(1 * gigabyte);
  });

  const stat = 'anon 1\ninactive_file 500000000\nactive_file 250000000\nfile 9\n';

  it.each([
    ['version 2, in a container', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.stat': stat }],
    [
      'version 2, of a service',
      {
        '/proc/self/cgroup': '0::/system.slice/ai.service\n',
        '/sys/fs/cgroup/system.slice/ai.service/memory.stat': stat,
      },
    ],
    [
      'version 1',
      {
        '/proc/self/cgroup': '7:blkio:/x\n4:memory:/a/b\n0::/\n',
        '/sys/fs/cgroup/memory/a/b/memory.stat':
          'inactive_file 1\nactive_file 1\ntotal_inactive_file 500000000\ntotal_active_file 250000000\n',
      },
    ],
    [
      'version 1, in a container that sees only itself',
      { '/proc/self/cgroup': '4:memory:/docker/abc\n', '/sys/fs/cgroup/memory/memory.stat': stat },
    ],
  ])('counts cached files as free: control groups of %s', async (_name, files) => {
    expect(await probe(limited, files as Record<string, string>)).toBe(1.75 * gigabyte);
  });

  it('is never more than the limit or the machine has', async () => {
    const cached = { '/proc/self/cgroup': '0::/', '/sys/fs/cgroup/memory.stat': 'active_file 9000000000\n' };
    expect(await probe(limited, cached)).toBe(4 * gigabyte);
    expect(await probe({ ...limited, machineBytes: () => 2 * gigabyte }, cached)).toBe(2 * gigabyte);
  });
});
