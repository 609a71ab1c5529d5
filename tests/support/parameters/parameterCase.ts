/** What becomes of a parameter; the words stand in docs/parameters.md. */
export type Treatment = 'supported' | 'translated' | 'no effect' | 'refused';

export type Fields = Readonly<Record<string, unknown>>;

/** How it is shown what becomes of a parameter. */
export type ParameterCase = Shown | Ignored | Refused | Elsewhere;

export interface Shown {
  readonly treatment: 'supported' | 'translated';
  /** Sent over the fields of the base. */
  readonly send: Fields;
  /** What the worker is asked for then, and not without it. */
  readonly worker?: object;
  /** What the client gets then, and not without it. */
  readonly answer?: object | RegExp;
  /** Sent in both cases. */
  readonly beside?: Fields;
}

/** With it the worker is asked for the same, and the client gets the same. */
export interface Ignored {
  readonly treatment: 'no effect';
  readonly send: Fields;
  readonly beside?: Fields;
}

export interface Refused {
  readonly treatment: 'refused';
  readonly send: Fields;
  readonly code: string;
  /** Where it is not the path itself. */
  readonly param?: string;
  /** Values that ask for nothing: with each the worker is asked for the same. */
  readonly neutral: readonly Fields[];
  readonly beside?: Fields;
}

/** What needs more than one request. */
export interface Elsewhere {
  readonly treatment: Treatment;
  /** A test file, from the root of the repository. */
  readonly shownBy: string;
}

export type ParameterCases = Readonly<Record<string, ParameterCase>>;

export function reaches(send: Fields, worker: object, beside: Fields = {}): Shown {
  return { treatment: 'supported', send, worker, beside };
}

export function becomes(send: Fields, worker: object, beside: Fields = {}): Shown {
  return { treatment: 'translated', send, worker, beside };
}

export function answers(send: Fields, answer: object | RegExp, beside: Fields = {}): Shown {
  return { treatment: 'supported', send, answer, beside };
}

export function ignored(send: Fields, beside: Fields = {}): Ignored {
  return { treatment: 'no effect', send, beside };
}

type RefusalOptions = Partial<Pick<Refused, 'code' | 'param' | 'neutral' | 'beside'>>;

export function refused(send: Fields, options: RefusalOptions = {}): Refused {
  return { treatment: 'refused', send, code: 'unsupported_parameter', neutral: [], ...options };
}

export function shownBy(shownBy: string, treatment: Treatment = 'supported'): Elsewhere {
  return { treatment, shownBy };
}

/** Each of these parameters shown by one and the same. */
export function each<Case extends ParameterCase>(
  paths: readonly string[],
  shown: Case,
): Record<string, Case> {
  return Object.fromEntries(paths.map((path) => [path, shown]));
}

/** The same cases below another place: `{ name }` below `tools[].` is `tools[].name`. */
export function below(place: string, cases: ParameterCases): ParameterCases {
  return Object.fromEntries(Object.entries(cases).map(([path, shown]) => [place + path, shown]));
}
