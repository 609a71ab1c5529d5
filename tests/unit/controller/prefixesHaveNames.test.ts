import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toPrefixChain } from '../../../src/controller/prefixChain.js';
import { createRequestWorks } from '../../../src/controller/requestWork.js';
import { GenerateRequest, type ChatMessage } from '../../../src/protocol/generateRequest.js';
import { maxPrefixBlocks, prefixBlockBytes } from '../../../src/protocol/prefix.js';
import { toRequest, toTextRequest } from '../../support/generate.js';

const user = (content: string): ChatMessage => ({ role: 'user', content });
const chat = (messages: ChatMessage[]) => toRequest('', { messages });
const message = fc.record({
  role: fc.constantFrom('system' as const, 'user' as const),
  content: fc.string({ maxLength: 600, unit: 'grapheme' }),
});

describe('the names of the prefixes of a request', () => {
  it('are sixteen hex digits, one for each whole block', () => {
    const { hashes, bytes } = toPrefixChain(toTextRequest('a'.repeat(600)));
    expect(bytes).toBe(600);
    expect(hashes).toHaveLength(2);
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{16}$/);
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  it('are those of a shorter conversation and then more', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1 }), fc.array(message), (begin, more) => {
        const { hashes } = toPrefixChain(chat(begin));
        expect(toPrefixChain(chat([...begin, ...more])).hashes.slice(0, hashes.length)).toEqual(hashes);
      }),
    );
  });

  it('are common as far as the whole blocks of two texts are', () => {
    const text = fc.string({ maxLength: 800, unit: 'binary-ascii' });
    fc.assert(
      fc.property(text, text, text, (begin, left, right) => {
        const [a, b] = [begin + left, begin + right];
        const [chainA, chainB] = [toPrefixChain(toTextRequest(a)), toPrefixChain(toTextRequest(b))];
        chainA.hashes.forEach((hash, block) => {
          const end = (block + 1) * prefixBlockBytes;
          expect(hash === chainB.hashes[block]).toBe(b.length >= end && a.slice(0, end) === b.slice(0, end));
        });
      }),
    );
  });

  const long = 'a'.repeat(1000);
  it.each([
    ['another model', { ...toTextRequest(long), model: 'other' }],
    [
      'another key',
      { ...toTextRequest(long), principal: { keyId: 'k', weight: 1, priority: 0, cacheNamespace: 'k' } },
    ],
    ['a chat', chat([user(long)])],
  ])('are others for %s', (_what, request) => {
    const known = new Set(toPrefixChain(toTextRequest(long)).hashes);
    expect(toPrefixChain(request).hashes.filter((hash) => known.has(hash))).toEqual([]);
  });

  it('depend on the tools that the model is shown', () => {
    const tools = [{ name: 'f', description: 'x'.repeat(300), strict: false }];
    const first = (request: Parameters<typeof toPrefixChain>[0]) => toPrefixChain(request).hashes[0];
    const request = { ...chat([user(long)]), tools };
    expect(first({ ...request, toolChoice: 'auto' })).toBe(first({ ...request, toolChoice: 'required' }));
    expect(first({ ...request, toolChoice: 'none' })).toBe(first(chat([user(long)])));
    expect(first({ ...request, toolChoice: 'none' })).not.toBe(first({ ...request, toolChoice: 'auto' }));
  });

  it('cannot be had by a message that looks like the beginning of another', () => {
    const forged = `x"}{"role":"user","content":"${long}`;
    const [one, two] = [chat([user(forged)]), chat([user('x'), user(long)])].map(
      (r) => toPrefixChain(r).hashes,
    );
    expect(one?.[0]).not.toBe(two?.[0]);
  });

  it('end with the 1024th block, and fit the protocol', () => {
    const request = toTextRequest('a'.repeat(maxPrefixBlocks * prefixBlockBytes + 5_000));
    const prefixChain = toPrefixChain(request);
    expect(prefixChain.hashes).toHaveLength(maxPrefixBlocks);
    expect(GenerateRequest.safeParse({ ...request, prefixChain }).success).toBe(true);
  });
});

describe('what a request asks of a worker', () => {
  const text = toTextRequest('a'.repeat(4000));

  it('is estimated from its bytes, four to a token at first', () => {
    const { work, request } = createRequestWorks('keys').prepare(text);
    expect(work).toMatchObject({ promptBytes: 4000, promptTokens: 1000, outputTokens: 128 });
    expect(request.prefixChain).toEqual(work.prefixChain);
  });

  it('is estimated better with every answer of the model', () => {
    const works = createRequestWorks('keys');
    for (let count = 0; count < 50; count++) {
      works.learnPrompt(text, works.prepare(text).work, 2000);
      works.learnOutput(text, 10);
    }
    expect(works.prepare(text).work.promptTokens).toBeGreaterThan(1950);
    expect(works.prepare(text).work.outputTokens).toBeLessThan(12);
    expect(works.prepare({ ...text, model: 'other' }).work.promptTokens).toBe(1000);
  });

  it('is known where the client sent tokens, and never more than it allows', () => {
    const works = createRequestWorks('keys');
    const { work } = works.prepare(toTextRequest([1, 2, 3], { maxTokens: 7 }));
    expect(work).toMatchObject({ promptTokens: 3, outputTokens: 7 });
  });

  it('has the names of its own key, or where caches are shared of all', () => {
    const of = (sharing: 'keys' | 'all', cacheNamespace: string) => {
      const principal = { ...text.principal, cacheNamespace };
      return createRequestWorks(sharing).prepare({ ...text, principal });
    };
    expect(of('keys', 'ann').work.prefixChain).not.toEqual(of('keys', 'bob').work.prefixChain);
    expect(of('keys', 'ann').request.principal.cacheNamespace).toBe('ann');
    expect(of('all', 'ann').work.prefixChain).toEqual(of('all', 'bob').work.prefixChain);
    expect(of('all', 'ann').request.principal.cacheNamespace).toBe(
      of('all', 'bob').request.principal.cacheNamespace,
    );
  });

  it('is worked out once for the choices of a request', () => {
    const works = createRequestWorks('keys');
    const request = chat([user('x'.repeat(1000))]);
    const [first, second] = [0, 1].map((choice) => works.prepare({ ...request, choice }).work.prefixChain);
    expect(second).toBe(first);
    expect(works.prepare({ ...request, messages: [user('y')] }).work.prefixChain).not.toBe(first);
  });
});
