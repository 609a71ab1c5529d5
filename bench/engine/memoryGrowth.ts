import { mean, slope } from '../support/statistics.js';

export interface MemorySample {
  readonly minutes: number;
  readonly megabytes: number;
}

/** Buffers are allocated, slots filled and code compiled in this part of the time; it is not looked at. */
const warmUpShare = 0.3;
/** Growth over the time that is looked at, as a share of the whole, that nobody would call a leak. */
const flatShare = 0.01;

/** How memory grew behind the first part of a soak. */
export interface Growth {
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly megabytesPerMinute: number;
  readonly megabytes: number;
  /** Of the whole. */
  readonly share: number;
  readonly isFlat: boolean;
}

/** The slope of a line through the samples; undefined where there is too little to tell. */
export function observeGrowth(samples: readonly MemorySample[]): Growth | undefined {
  const observed = samples.slice(Math.floor(samples.length * warmUpShare));
  const [first, last] = [observed[0], observed.at(-1)];
  if (!first || !last || first === last) return undefined;
  const megabytesPerMinute = slope(observed.map(({ minutes, megabytes }) => ({ x: minutes, y: megabytes })));
  const megabytes = megabytesPerMinute * (last.minutes - first.minutes);
  const share = megabytes / mean(observed.map((sample) => sample.megabytes));
  return {
    ...{ fromMinute: first.minutes, toMinute: last.minutes, megabytesPerMinute, megabytes, share },
    isFlat: share < flatShare,
  };
}

export function describeGrowth(growth: Growth | undefined): string {
  if (!growth) return 'too short to tell whether memory is flat';
  const { fromMinute, toMinute, megabytesPerMinute, megabytes, share, isFlat } = growth;
  return (
    `from minute ${fromMinute.toFixed(1)} to ${toMinute.toFixed(1)} memory changed by ` +
    `${megabytesPerMinute.toFixed(2)} MB a minute, ${megabytes.toFixed(1)} MB or ${(share * 100).toFixed(2)} % in all: ` +
    (isFlat ? 'flat' : 'NOT FLAT')
  );
}
