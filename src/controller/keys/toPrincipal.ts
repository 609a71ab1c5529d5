import type { ApiKey } from '../../protocol/apiKeys.js';
import { sharedCacheNamespace, type Principal } from '../../protocol/generateRequest.js';

/** `protocol/generateRequest.ts` says what the numbers mean. */
const priorities: Readonly<Record<ApiKey['priority'], number>> = { interactive: 1, normal: 0, batch: -1 };

/** Who asks with this key, as workers and the queue know it. */
export function toPrincipal({ id, weight, priority, cacheSharing }: ApiKey): Principal {
  return {
    keyId: id,
    weight,
    priority: priorities[priority],
    cacheNamespace: cacheSharing === 'all' ? sharedCacheNamespace : id,
  };
}
