import type { OutputDelta } from '../../protocol/generation.js';

/** Collects deltas; neighbours of one kind become one. */
export interface DeltaBuffer {
  text(delta: string): void;
  reasoning(delta: string): void;
  /** The next call begins. */
  beginCall(name: string): void;
  /** A piece of the JSON text of the arguments of the call that began last. */
  callArguments(delta: string): void;
  /** What was collected since the last time. */
  take(): OutputDelta[];
}

export function createDeltaBuffer(): DeltaBuffer {
  let deltas: OutputDelta[] = [];
  let calls = 0;

  function append(type: 'text' | 'reasoning', delta: string): void {
    if (delta === '') return;
    const last = deltas.at(-1);
    if (last?.type === type) last.delta += delta;
    else deltas.push({ type, delta });
  }

  return {
    text: (delta) => append('text', delta),
    reasoning: (delta) => append('reasoning', delta),
    beginCall: (name) => {
      deltas.push({ type: 'toolCall', index: calls, name, delta: '' });
      calls++;
    },
    callArguments: (delta) => {
      if (delta === '') return;
      const last = deltas.at(-1);
      if (last?.type === 'toolCall') last.delta += delta;
      else deltas.push({ type: 'toolCall', index: calls - 1, delta });
    },
    take: () => {
      const taken = deltas;
      deltas = [];
      return taken;
    },
  };
}
