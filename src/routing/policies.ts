import type { RoutingPolicyName } from '../protocol/routing.js';
import { leastBusy } from './leastBusy.js';
import type { RoutingPolicy } from './policy.js';
import { prefixAware } from './prefixAware.js';
import { roundRobin } from './roundRobin.js';

/** By the names of the setting. */
export const policies: Readonly<Record<RoutingPolicyName, RoutingPolicy>> = {
  'prefix-aware': prefixAware,
  'least-busy': leastBusy,
  'round-robin': roundRobin,
};
