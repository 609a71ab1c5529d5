import { beforeEach, describe, expect, it } from 'vitest';
import type { HeldPrefix } from '../../../src/protocol/prefix.js';
import type { ModelReport, NodeReport } from '../../../src/protocol/workerApi.js';
import { createPrefixReports, type PrefixReports } from '../../../src/worker/prefixReports.js';

const model = (id: string) => ({ id, slotsTotal: 1 }) as ModelReport;
const report = { phase: 'ready', uptimeSeconds: 1, models: [model('a'), model('b')] } as NodeReport;
const one: HeldPrefix = ['1111111111111111', 64];
const two: HeldPrefix = ['2222222222222222', 128];

let held: Record<string, HeldPrefix[]>;
let reports: PrefixReports;
beforeEach(() => {
  held = { a: [one] };
  reports = createPrefixReports((id) => held[id]);
});

const sent = () => reports.addTo(report).models.map(({ prefixes }) => prefixes);

describe('the prefixes that a worker holds', () => {
  it('are reported again until a report was accepted, then no more', () => {
    expect(sent()).toEqual([[one], undefined]);
    expect(sent()).toEqual([[one], undefined]);
    reports.accepted();
    expect(sent()).toEqual([undefined, undefined]);
  });

  it('are reported whole when they have changed, also when nothing is left', () => {
    sent();
    reports.accepted();
    held['a'] = [one, two];
    expect(sent()[0]).toEqual([one, two]);
    reports.accepted();
    held['a'] = [];
    expect(sent()[0]).toEqual([]);
    reports.accepted();
    expect(sent()[0]).toBeUndefined();
  });

  it('are reported to a controller that knows nothing', () => {
    sent();
    reports.accepted();
    reports.forget();
    expect(sent()[0]).toEqual([one]);
  });

  it('leave the report of a model without any as it is', () => {
    expect(reports.addTo(report).models[1]).toBe(report.models[1]);
  });
});
