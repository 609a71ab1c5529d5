import { toPrefixChain } from '../../src/controller/prefixChain.js';
import { median } from '../support/statistics.js';
import { formatNumber } from '../support/table.js';
import { toGenerateRequest } from './toGenerateRequest.js';

const rounds = 50;

/** What naming the prefixes of a prompt of 100 KB costs. */
export function measureChains(): string {
  const request = toGenerateRequest('m', []);
  const messages = Array.from({ length: 20 }, () => ({ role: 'user' as const, content: 'a'.repeat(5_000) }));
  const times = Array.from({ length: rounds }, () => {
    const startedAt = performance.now();
    toPrefixChain({ ...request, messages });
    return performance.now() - startedAt;
  });
  return `Prefix chain of 100 KB: ${formatNumber(median(times))} ms`;
}
