import { type Automaton } from './automaton.js';
import { regexAutomaton } from './regexAutomaton.js';
import { unlimitedTime, type TimeBudget } from './timeBudget.js';

const hour = '(?:[01]\\d|2[0-3])';
const time = `${hour}:[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-]${hour}:[0-5]\\d)`;
const leapYear = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';
const date = `(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|${leapYear}-02-29)`;
const clockPart = 'T(?:\\d{1,9}H(?:\\d{1,9}M)?(?:\\d{1,9}S)?|\\d{1,9}M(?:\\d{1,9}S)?|\\d{1,9}S)';
const calendarPart = '(?:\\d{1,9}Y(?:\\d{1,9}M)?(?:\\d{1,9}D)?|\\d{1,9}M(?:\\d{1,9}D)?|\\d{1,9}D)';
const duration = `P(?:\\d{1,9}W|${calendarPart}(?:${clockPart})?|${clockPart})`;
const byte = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const group = '[0-9A-Fa-f]{1,4}';
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,28}[A-Za-z0-9])?';
const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const domainLabel = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const uriChar = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";

/** `::` stands for the groups that are missing, at least one. */
const ipv6 = [
  `(?:${group}:){7}${group}`,
  ...Array.from({ length: 8 }, (_, before) => {
    const left = before === 0 ? ':' : `(?:${group}:){${before}}`;
    const most = 7 - before;
    return most === 0 ? `${left}:` : `${left}:(?:${group}(?::${group}){0,${most - 1}})?`;
  }),
].join('|');

/**
 * Each format as an anchored expression. All but date and time leave out rare forms, so that what is generated is always
 * valid: a host name has at most 8 labels of 30 characters, an IPv6 address no dotted tail, a URI has a plain host.
 */
const patterns: ReadonlyMap<string, string> = new Map([
  ['date', date],
  ['time', time],
  ['date-time', `${date}T${time}`],
  ['duration', duration],
  ['uuid', '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}'],
  ['ipv4', `${byte}(?:\\.${byte}){3}`],
  ['ipv6', ipv6],
  ['hostname', `${label}(?:\\.${label}){0,7}`],
  ['email', `${atom}(?:\\.${atom})*@(?:${domainLabel}\\.)+${domainLabel}`],
  [
    'uri',
    `[A-Za-z][A-Za-z0-9+.-]*:(?:\\/\\/${label}(?:\\.${label}){0,7}(?::\\d{1,5})?(?:\\/${uriChar}*)*|${uriChar}+(?:\\/${uriChar}*)*)(?:\\?(?:${uriChar}|[\\/?])*)?(?:#(?:${uriChar}|[\\/?])*)?`,
  ],
  ['json-pointer', '(?:\\/(?:[^~\\/]|~0|~1)*)*'],
]);

/** Formats that say something about how a text is shown or stored, not which text it is. */
const freeFormats: ReadonlySet<string> = new Set(['password', 'binary']);

const compiled = new Map<string, Automaton>();

/** The texts of a format, 'any' where it allows each, or undefined where it is not known. */
export function formatAutomaton(format: string, budget: TimeBudget): Automaton | 'any' | undefined {
  if (freeFormats.has(format)) return 'any';
  const known = compiled.get(format);
  if (known !== undefined) return known;
  const pattern = patterns.get(format);
  if (pattern === undefined) return undefined;
  // The first to need one pays with up to a tenth of a second, whosever schema it is.
  const automaton = budget.exclude(() => regexAutomaton(`^(?:${pattern})$`, unlimitedTime));
  compiled.set(format, automaton);
  return automaton;
}

/** The bounds of OpenAPI's formats of numbers; undefined where the format is not one of them. */
export function numberFormat(format: string): { minimum?: number; maximum?: number } | undefined {
  if (format === 'int32') return { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
  if (format === 'int64' || format === 'float' || format === 'double') return {};
  return undefined;
}
