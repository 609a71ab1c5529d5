import type { NodeSnapshot, OutstandingWork } from './nodeSnapshot.js';
import type { RoutingRequest } from './policy.js';

export interface ExpectedFinish {
  /** Until a slot is free. */
  readonly waitMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly totalMs: number;
}

/** How many times longer something takes there beside so many other sequences. */
function slowdownBeside(others: number, { speed }: NodeSnapshot): number {
  return 1 + speed.batchSlowdown * Math.max(0, others);
}

/** Milliseconds that the work would take on the node if nothing else ran there. */
export function soloMs({ prefillTokens, decodeTokens }: OutstandingWork, { speed }: NodeSnapshot): number {
  const seconds = prefillTokens / speed.prefillTokensPerSecond + decodeTokens / speed.decodeTokensPerSecond;
  return seconds * 1000;
}

/** The node's load: what its running requests have to do yet, as time, so that unequal nodes can be compared. */
export function outstandingMs(node: NodeSnapshot): number {
  return node.running.reduce((sum, work) => sum + soloMs(work, node), 0);
}

/** Prompts are evaluated one after another, in the order of arrival; everything that decodes goes on beside them. */
export function expectFinish(node: NodeSnapshot, request: RoutingRequest): ExpectedFinish {
  const isFree = node.slotsFree > 0;
  const ahead = request.waitingAhead.get(node.nodeId) ?? 0;
  const waitMs = isFree ? 0 : untilSlotIsFree(node, ahead);
  const others = isFree ? node.running.length : node.running.length - 1;
  const backlog = isFree ? backlogTokens(node) : 0;
  const evaluated = Math.max(0, request.promptTokens - node.cachedTokens);
  const slowdown = slowdownBeside(others, node);
  const prefillMs = soloMs({ prefillTokens: backlog + evaluated, decodeTokens: 0 }, node) * slowdown;
  const decodeMs = soloMs({ prefillTokens: 0, decodeTokens: request.outputTokens }, node) * slowdown;
  return { waitMs, prefillMs, decodeMs, totalMs: waitMs + prefillMs + decodeMs };
}

/** When the running requests end; those that wait ahead take the first slots, and theirs are not free again soon. */
function untilSlotIsFree(node: NodeSnapshot, ahead: number): number {
  const backlog = backlogTokens(node);
  const slowdown = slowdownBeside(node.running.length - 1, node);
  const ends = node.running
    .map((work) => soloMs({ ...work, prefillTokens: work.prefillTokens > 0 ? backlog : 0 }, node) * slowdown)
    .sort((a, b) => a - b);
  return ends[ahead] ?? Infinity;
}

function backlogTokens({ running }: NodeSnapshot): number {
  return running.reduce((sum, { prefillTokens }) => sum + prefillTokens, 0);
}
