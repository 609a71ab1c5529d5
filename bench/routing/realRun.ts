import { setTimeout as delay } from 'node:timers/promises';
import { askForAnswer } from './askForAnswer.js';
import { conversationsOf, textOf, type PrefixShare, type Segment } from './conversations.js';
import type { RoutingBenchOptions } from './options.js';
import { createKnownPrefixes } from './knownPrefixes.js';
import type { Outcome } from './simulate.js';
import type { StepCosts } from './simulatedWorker.js';

interface Message {
  readonly role: string;
  readonly content: string;
}

/** The conversations of the simulation, over real workers: what they answer is what the next turn contains. */
export async function runConversations(
  url: string,
  model: string,
  options: RoutingBenchOptions,
  share: PrefixShare,
  seed: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const known = createKnownPrefixes();
  const warmUp = Math.ceil(options.requests / 5);
  let sent = 0;

  async function run(caller: number): Promise<void> {
    for (const { system, turns } of conversationsOf(share, seed, caller, options.meanThinkMs)) {
      const messages: Message[] = system ? [{ role: 'system', content: textOf(system) }] : [];
      const segments: Segment[] = system ? [system] : [];
      for (const { question, answerTokens, thinkMs } of turns) {
        await delay(thinkMs);
        const number = ++sent;
        if (number > options.requests + warmUp) return;
        messages.push({ role: 'user', content: textOf(question) });
        segments.push(question);
        const knownTokens = known.look(segments);
        const answer: Segment = { id: `answer to ${question.id}`, role: 'assistant', tokens: answerTokens };
        known.add([...segments, answer]);
        const { text, ...outcome } = await askForAnswer(url, model, messages, answerTokens);
        messages.push({ role: 'assistant', content: text });
        segments.push(answer);
        if (number > warmUp) outcomes.push({ ...outcome, knownTokens });
      }
    }
  }

  await Promise.all(Array.from({ length: options.callers }, (_, caller) => run(caller)));
  return outcomes;
}

/** What the steps of a worker cost, from requests to one that does nothing else. */
export async function measureCosts(url: string, model: string): Promise<StepCosts> {
  const ask = (name: string, words: number, tokens: number) => {
    const content = textOf({ id: name, role: 'user', tokens: words });
    return askForAnswer(url, model, [{ role: 'user', content }], tokens);
  };
  await ask('warm', 64, 4);
  const long = await ask('long', 800, 2);
  const decode = async (streams: number) => {
    const tokens = 96;
    const answers = await Promise.all(
      Array.from({ length: streams }, (_, index) => ask(`${streams}.${index}`, 20, tokens)),
    );
    return Math.max(...answers.map(({ totalMs, firstTokenMs }) => (totalMs - firstTokenMs) / (tokens - 1)));
  };
  const [one, four] = [await decode(1), await decode(4)];
  const decoderMs = Math.max(0, (four - one) / 3);
  return {
    promptTokenMs: long.firstTokenMs / long.promptTokens,
    decoderMs,
    decodeBaseMs: Math.max(0, one - decoderMs),
  };
}
