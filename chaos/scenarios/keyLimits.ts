import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiKeySettings } from '../../src/protocol/apiKeys.js';
import { openSharedStores } from '../../src/stores/openStores.js';
import { atLeast, atMost, exactly, type Figure, type Scenario } from '../scenario.js';
import { startChaosCluster, type ChaosCluster } from '../support/chaosCluster.js';
import { Ledger, type Entry } from '../support/ledger.js';

const windowMs = 60_000;
const overload = 3;
/** What fake workers say of every prompt, and what is asked of them. */
const tokensOf = { prompt: 16, completion: 8 };
const tokensOfRequest = tokensOf.prompt + tokensOf.completion;

type Limits = Pick<ApiKeySettings, 'requestsPerMinute' | 'tokensPerMinute'>;

/** 20 keys: of each third the requests, the tokens, or both are limited, none as another. */
const limits: readonly Limits[] = Array.from({ length: 20 }, (_, index) => {
  const requests = 10 + index * 7;
  return {
    requestsPerMinute: index % 3 === 1 ? null : requests,
    tokensPerMinute: index % 3 === 0 ? null : 400 + requests * tokensOfRequest,
  };
});

/** More than limits let in comes from all keys at once, for longer than a window. */
export const keyLimits: Scenario = {
  name: 'key-limits',
  fault: '20 keys send three times as much as their limits allow',
  async run({ form, say }) {
    const seconds = form === 'long' ? 130 : 15;
    const cluster = await startChaosCluster({ workers: 2, keys: limits });
    const ledgers = limits.map(() => new Ledger(cluster.url));
    try {
      await Promise.all(
        limits.map((limit, index) => overrun(cluster, ledgers[index] as Ledger, index, limit, seconds)),
      );
      say(`${ledgers.reduce((sum, { entries }) => sum + entries.length, 0)} requests`);
      return judge(cluster, ledgers);
    } finally {
      for (const ledger of ledgers) ledger.close();
      await cluster.close();
    }
  },
};

/** Sends at a steady pace what is three times too much for a window, or for the time that the run has of it. */
async function overrun(
  cluster: ChaosCluster,
  ledger: Ledger,
  index: number,
  limit: Limits,
  seconds: number,
): Promise<void> {
  const allowed = requestsAllowedBy(limit);
  const spanMs = Math.min(seconds * 1_000, windowMs);
  const intervalMs = spanMs / (allowed * overload);
  const headers = { authorization: `Bearer ${cluster.keys[index]?.text}` };
  const asked: Promise<unknown>[] = [];
  const startedAt = performance.now();
  for (let sent = 0; performance.now() - startedAt < seconds * 1_000;) {
    const due = Math.floor((performance.now() - startedAt) / intervalMs);
    const answer = { tokens: tokensOf.completion, paceMs: 1 };
    for (; sent < due; sent++) {
      asked.push(ledger.ask(answer, { headers, body: { max_tokens: tokensOf.completion } }));
    }
    await delay(20);
  }
  await Promise.all(asked);
}

function requestsAllowedBy({ requestsPerMinute, tokensPerMinute }: Limits): number {
  return Math.min(requestsPerMinute ?? Infinity, (tokensPerMinute ?? Infinity) / tokensOfRequest);
}

function judge(cluster: ChaosCluster, ledgers: readonly Ledger[]): Figure[] {
  const perKey = ledgers.map(({ entries }, index) => {
    const { requestsPerMinute, tokensPerMinute } = limits[index] as Limits;
    const whole = entries.filter(({ outcome }) => outcome.kind === 'whole');
    const most = mostInAnyWindow(whole);
    return {
      whole,
      most,
      requestShare: most / (requestsPerMinute ?? Infinity),
      tokenShare: (most * tokensOfRequest) / (tokensPerMinute ?? Infinity),
      other: entries.filter(({ outcome }) => !isOrderly(outcome)).length,
      used: most / Math.floor(requestsAllowedBy(limits[index] as Limits)),
    };
  });
  const share = (of: (key: (typeof perKey)[number]) => number) => perKey.map(of);
  const { usage, close } = openSharedStores(path.join(cluster.folder, 'data', 'controller'));
  const stored = usage.total({}).completionTokens + usage.total({}).promptTokens;
  close();
  const answered = perKey.reduce((sum, { whole }) => sum + whole.length, 0);
  return [
    atMost(
      'accepted requests in any 60 s, of the limit, at most of all keys',
      Math.max(...share((k) => k.requestShare)),
      1,
    ),
    atMost(
      'accepted tokens in any 60 s, of the limit, at most of all keys',
      Math.max(...share((k) => k.tokenShare)),
      1,
    ),
    atLeast('what the key that got least of its limit got', Math.min(...share((k) => k.used)), 0.8),
    exactly(
      'neither answered whole nor refused with 429 and a retry-after',
      share((k) => k.other).reduce((a, b) => a + b),
      0,
    ),
    exactly('tokens in the stored usage', stored, answered * tokensOfRequest),
  ];
}

function isOrderly(outcome: Entry['outcome']): boolean {
  if (outcome.kind === 'whole') return true;
  return outcome.kind === 'refused' && outcome.status === 429 && (outcome.retryAfterSeconds ?? 0) > 0;
}

/**
 * The most requests that were let in within one window for certain: they were sent and answered within it, as clients
 * saw, and let in between the two.
 */
function mostInAnyWindow(entries: readonly Entry[]): number {
  return Math.max(
    0,
    ...entries.map(
      ({ sentAt: start }) =>
        entries.filter(({ sentAt, wholeMs }) => sentAt >= start && sentAt + wholeMs <= start + windowMs)
          .length,
    ),
  );
}
