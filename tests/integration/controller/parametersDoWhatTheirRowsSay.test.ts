import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpoints } from '../../support/parameters/endpoints.js';
import type { Fields, Ignored, Refused, Shown } from '../../support/parameters/parameterCase.js';
import {
  startParameterCluster,
  type Outcome,
  type ParameterCluster,
} from '../../support/parameters/parameterCluster.js';

let cluster: ParameterCluster;
beforeAll(async () => {
  cluster = await startParameterCluster();
}, 60_000);
afterAll(() => cluster?.close());

/** What of an outcome may not depend on a parameter without effect. */
function essence({ asked, text }: Outcome, base: Fields): object {
  return { asked: 'seed' in base ? asked : asked.map(withoutSeed), said: toSaid(text) };
}

/** Where a client gives none, it is minted. */
function withoutSeed({ sampling, ...rest }: Fields): Fields {
  return { ...rest, sampling: { ...(sampling as object), seed: 0 } };
}

/** Without ids and times; a response repeats its request beside what the model said. */
function toSaid(text: string): unknown {
  const said = text
    .replace(/"(id|item_id)":"[^"]*"/g, '"$1":""')
    .replace(/"(created|created_at|completed_at)":[\d.]+/g, '"$1":0');
  if (!said.startsWith('{')) return said;
  const { output, ...rest } = JSON.parse(said) as { output?: unknown };
  return output ?? rest;
}

function toAnswer(text: string): unknown {
  return text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text;
}

describe.each(endpoints.flatMap(({ base, ...endpoint }) => (base ? [{ ...endpoint, base }] : [])))(
  '$name',
  ({ name, base, cases }) => {
    const path = name.replace('POST ', '');

    async function send(...fields: (Fields | undefined)[]): Promise<Outcome> {
      const outcome = await cluster.send(path, Object.assign({}, base, ...fields) as Fields);
      expect(outcome, outcome.text).toMatchObject({ status: 200, asked: [expect.anything()] });
      return outcome;
    }

    const ofKind = <Kind>(...treatments: string[]): [string, Kind][] =>
      Object.entries(cases).flatMap(([param, shown]) =>
        !('shownBy' in shown) && treatments.includes(shown.treatment) ? [[param, shown as Kind]] : [],
      );

    it.each(ofKind<Shown>('supported', 'translated'))('%s has its effect', async (param, shown) => {
      const { send: fields, beside, worker, answer } = shown;
      const without = await send(beside);
      const outcome = await cluster.send(path, { ...base, ...beside, ...fields });
      expect(outcome.status, outcome.text).toBe(200);
      if (worker) {
        expect(outcome.asked[0], param).toMatchObject(worker);
        expect(without.asked[0], param).not.toMatchObject(worker);
      }
      if (answer instanceof RegExp) {
        expect(outcome.text).toMatch(answer);
        expect(without.text).not.toMatch(answer);
      } else if (answer) {
        expect(toAnswer(outcome.text)).toMatchObject(answer);
        expect(toAnswer(without.text)).not.toMatchObject(answer);
      }
    });

    it.each(ofKind<Ignored>('no effect'))('%s has no effect', async (_param, shown) => {
      const without = await send(shown.beside);
      expect(essence(await send(shown.beside, shown.send), base)).toEqual(essence(without, base));
    });

    it.each(ofKind<Refused>('refused'))('%s is refused by its name', async (param, shown) => {
      const { send: fields, beside, code, neutral } = shown;
      const { status, text, asked } = await cluster.send(path, { ...base, ...beside, ...fields });
      const error =
        path === '/v1/messages'
          ? {
              type: 'invalid_request_error',
              message: expect.stringContaining(shown.param ?? param) as string,
            }
          : { type: 'invalid_request_error', code, param: shown.param ?? param };
      expect({ status, asked, ...(JSON.parse(text) as object) }).toMatchObject({
        status: 400,
        asked: [],
        error,
      });
      const without = await send(beside);
      for (const value of [...neutral, ...(param in fields ? [{ [param]: null }] : [])])
        expect(essence(await send(beside, value), base)).toEqual(essence(without, base));
    });
  },
);
