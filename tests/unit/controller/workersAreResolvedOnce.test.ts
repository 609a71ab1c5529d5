import { describe, expect, it, vi } from 'vitest';
import { createResolveWorker, type LookUp } from '../../../src/controller/upstream/resolveWorker.js';
import { createNetworks } from '../../../src/security/networks.js';

const networks = createNetworks(['10.0.0.0/8', '127.0.0.0/8', '::1/128']);
const resolve = (url: string, lookUp: LookUp = () => Promise.reject(new Error('not to be asked'))) =>
  createResolveWorker(networks, lookUp)(url);

describe('the address of a worker', () => {
  it.each([
    ['http://10.0.0.1:8081', 'http://10.0.0.1:8081'],
    ['http://10.0.0.1', 'http://10.0.0.1:80'],
    ['http://[::1]:8081/', 'http://[::1]:8081'],
    // Other ways to write an address, which every parser reads in its own way: this one's is called.
    ['http://127.1:8081', 'http://127.0.0.1:8081'],
    ['http://0x7f000001:8081', 'http://127.0.0.1:8081'],
    ['http://2130706433:8081', 'http://127.0.0.1:8081'],
    ['http://0177.0.0.1:8081', 'http://127.0.0.1:8081'],
    ['http://１２７.0.0.1:8081', 'http://127.0.0.1:8081'],
  ])('%s is called at %s without asking for a name', async (advertised, called) => {
    expect(await resolve(advertised)).toBe(called);
  });

  it.each(['http://192.168.0.1:1', 'http://[::2]:1', 'http://0xa9fea9fe', 'http://2852039166'])(
    '%s is refused, with the setting that could allow it',
    async (url) => {
      await expect(resolve(url)).rejects.toMatchObject({
        errorName: 'invalid_value',
        param: 'url',
        message: expect.stringContaining('--worker-networks') as string,
      });
    },
  );
});

describe('the name of a worker', () => {
  it('is looked up once, and what was checked is what is called', async () => {
    // As a name whose owner answers something else the second time.
    const lookUp = vi.fn<LookUp>().mockResolvedValueOnce(['10.0.0.7']).mockResolvedValue(['169.254.169.254']);
    expect(await resolve('http://worker.example:8081', lookUp)).toBe('http://10.0.0.7:8081');
    expect(lookUp.mock.calls).toEqual([['worker.example']]);
  });

  it.each([
    ['one address of several is elsewhere', ['10.0.0.7', '192.0.2.1'], 'it is in none of'],
    ['it means the metadata service', ['169.254.169.254'], 'link-local'],
    ['it means an address of IPv6 that hides one of IPv4', ['::ffff:169.254.169.254'], 'link-local'],
    ['it has no address', [], "the name 'worker.example' could not be looked up"],
  ])('is refused where %s', async (_what, addresses, reason) => {
    await expect(resolve('http://worker.example:1', () => Promise.resolve(addresses))).rejects.toThrow(
      reason,
    );
  });

  it('is refused where nobody knows it, and where nobody says so in time', async () => {
    const reason = "the name 'worker.example' could not be looked up";
    await expect(resolve('http://worker.example:1')).rejects.toThrow(reason);
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const never = resolve('http://worker.example:1', () => new Promise(() => undefined));
      const outcome = expect(never).rejects.toThrow(reason);
      await vi.advanceTimersByTimeAsync(3_000);
      await outcome;
    } finally {
      vi.useRealTimers();
    }
  });

  it('of IPv6 gets its brackets', async () => {
    expect(await resolve('http://worker.example:1', () => Promise.resolve(['::1']))).toBe('http://[::1]:1');
  });
});
