/** How much of a scenario runs: `short` fits into CI, `long` has the figures of the documentation. */
export type Form = 'short' | 'long';

/** One measured figure and what is asked of it. */
export interface Figure {
  readonly name: string;
  readonly measured: string;
  readonly asked: string;
  readonly passed: boolean;
  /** Milliseconds, memory and throughput are those of the machine as well; counts are not. */
  readonly dependsOnMachine: boolean;
}

export interface ScenarioRun {
  readonly form: Form;
  /** Of everything random. */
  readonly seed: number;
  /** A line for the person who waits. */
  say(text: string): void;
}

/** One fault, told as a sentence, and what clients may notice of it. */
export interface Scenario {
  /** `kill-mid-stream`: its name on the command line. */
  readonly name: string;
  readonly fault: string;
  run(run: ScenarioRun): Promise<Figure[]>;
}

/** A figure that has to be so large at most. NaN never passes. */
export function atMost(name: string, value: number, limit: number, unit = ''): Figure {
  return toFigure(name, value, { asked: `≤ ${format(limit, unit)}`, passed: value <= limit, unit });
}

/** A figure that has to be so large at least. NaN never passes. */
export function atLeast(name: string, value: number, limit: number, unit = ''): Figure {
  return toFigure(name, value, { asked: `≥ ${format(limit, unit)}`, passed: value >= limit, unit });
}

/** A figure that has to be exactly this. */
export function exactly(name: string, value: number | string, wanted: number | string): Figure {
  return {
    name,
    measured: `${value}`,
    asked: `${wanted}`,
    passed: value === wanted,
    dependsOnMachine: false,
  };
}

/** What has a unit was measured, what has none was counted. */
function toFigure(
  name: string,
  value: number,
  { unit, ...rest }: { asked: string; passed: boolean; unit: string },
): Figure {
  return { name, measured: format(value, unit), ...rest, dependsOnMachine: unit !== '' };
}

function format(value: number, unit: string): string {
  const text = Number.isInteger(value) ? `${value}` : value.toFixed(Math.abs(value) < 10 ? 2 : 0);
  return unit === '' ? text : `${text} ${unit}`;
}
