/** A grammar that can be walked at random. */
export interface GbnfWalker {
  /** A text of the grammar; `random` gives numbers from 0 up to 1. Beyond some steps it takes the shortest way out. */
  walk(random: () => number): string;
}

type Node =
  | { kind: 'text'; text: string }
  | { kind: 'class'; ranges: readonly (readonly [number, number])[] }
  | { kind: 'rule'; name: string }
  | { kind: 'sequence'; parts: readonly Node[] }
  | { kind: 'choice'; options: readonly Node[] }
  | { kind: 'repeat'; part: Node; min: number; max: number };

const freeSteps = 400;

/** Reads the part of GBNF that the compiler writes. */
export function createGbnfWalker(gbnf: string): GbnfWalker {
  const rules = new Map<string, Node>();
  for (const line of gbnf.trimEnd().split('\n')) {
    const [name, ...body] = line.split(' ::= ');
    rules.set(name!, parseBody(body.join(' ::= ')));
  }
  const costs = ruleCosts(rules);

  return {
    walk(random) {
      let steps = 0;
      const out: string[] = [];
      const todo: Node[] = [rules.get('root')!];
      for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
        const hurry = ++steps > freeSteps;
        switch (node.kind) {
          case 'text':
            out.push(node.text);
            break;
          case 'class':
            out.push(randomChar(node.ranges, random));
            break;
          case 'rule':
            todo.push(rules.get(node.name)!);
            break;
          case 'sequence':
            todo.push(...[...node.parts].reverse());
            break;
          case 'choice':
            todo.push(
              hurry
                ? node.options.reduce((best, other) =>
                    cost(other, costs) < cost(best, costs) ? other : best,
                  )
                : node.options[Math.floor(random() * node.options.length)]!,
            );
            break;
          case 'repeat': {
            const most = Math.min(node.max, node.min + 5);
            const times = hurry ? node.min : node.min + Math.floor(random() * (most - node.min + 1));
            for (let count = 0; count < times; count++) todo.push(node.part);
            break;
          }
        }
      }
      return out.join('');
    },
  };
}

/** Fewest nodes to the end of each rule. */
function ruleCosts(rules: ReadonlyMap<string, Node>): ReadonlyMap<string, number> {
  const costs = new Map<string, number>();
  for (let changed = true; changed;) {
    changed = false;
    for (const [name, node] of rules) {
      const found = cost(node, costs);
      if (found < (costs.get(name) ?? Infinity)) {
        costs.set(name, found);
        changed = true;
      }
    }
  }
  return costs;
}

function cost(node: Node, costs: ReadonlyMap<string, number>): number {
  switch (node.kind) {
    case 'text':
    case 'class':
      return 1;
    case 'rule':
      return 1 + (costs.get(node.name) ?? Infinity);
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + cost(part, costs), 1);
    case 'choice':
      return 1 + Math.min(...node.options.map((option) => cost(option, costs)));
    case 'repeat':
      return node.min === 0 ? 1 : 1 + node.min * cost(node.part, costs);
  }
}

/** Mostly ASCII, else anything in the class. */
function randomChar(ranges: readonly (readonly [number, number])[], random: () => number): string {
  const ascii = ranges
    .filter(([from]) => from < 0x7f)
    .map(([from, to]) => [from, Math.min(to, 0x7e)] as const);
  const chosen = ascii.length > 0 && random() < 0.8 ? ascii : ranges;
  const [from, to] = chosen[Math.floor(random() * chosen.length)]!;
  const code = from + Math.floor(random() * (to - from + 1));
  return String.fromCodePoint(code >= 0xd800 && code <= 0xdfff ? from : code);
}

function parseBody(body: string): Node {
  let at = 0;

  function space(): void {
    while (body[at] === ' ') at++;
  }

  function parseChoice(): Node {
    const options = [parseSequence()];
    for (space(); body[at] === '|'; space()) {
      at++;
      options.push(parseSequence());
    }
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  }

  function parseSequence(): Node {
    const parts: Node[] = [];
    for (space(); at < body.length && body[at] !== '|' && body[at] !== ')'; space()) {
      parts.push(parseRepeat(parseItem()));
    }
    return { kind: 'sequence', parts };
  }

  function parseRepeat(part: Node): Node {
    const found = /^(?:[*+?]|\{(\d+)(,(\d*))?\})/.exec(body.slice(at, at + 30));
    if (found === null) return part;
    at += found[0].length;
    const [sign, from, comma, to] = found;
    if (sign === '*') return { kind: 'repeat', part, min: 0, max: Infinity };
    if (sign === '+') return { kind: 'repeat', part, min: 1, max: Infinity };
    if (sign === '?') return { kind: 'repeat', part, min: 0, max: 1 };
    const max = comma === undefined ? Number(from) : to === '' ? Infinity : Number(to);
    return { kind: 'repeat', part, min: Number(from), max };
  }

  function parseItem(): Node {
    const char = body[at]!;
    if (char === '.') {
      at++;
      return { kind: 'class', ranges: [[0, 0x10ffff]] };
    }
    if (char === '(') {
      at++;
      const inner = parseChoice();
      space();
      at++;
      return inner;
    }
    if (char === '"') {
      at++;
      let text = '';
      while (body[at] !== '"') text += String.fromCodePoint(parseChar());
      at++;
      return { kind: 'text', text };
    }
    if (char === '[') return parseClass();
    const name = /^[A-Za-z0-9-]+/.exec(body.slice(at))?.[0];
    if (name === undefined) throw new Error(`Not GBNF at ${at}: ${body}`);
    at += name.length;
    return { kind: 'rule', name };
  }

  function parseClass(): Node {
    at++;
    const negated = body[at] === '^';
    if (negated) at++;
    const ranges: [number, number][] = [];
    while (body[at] !== ']') {
      const from = parseChar();
      if (body[at] === '-' && body[at + 1] !== ']') {
        at++;
        ranges.push([from, parseChar()]);
      } else ranges.push([from, from]);
    }
    at++;
    return { kind: 'class', ranges: negated ? complement(ranges) : ranges };
  }

  function parseChar(): number {
    const char = String.fromCodePoint(body.codePointAt(at)!);
    at += char.length;
    if (char !== '\\') return char.codePointAt(0)!;
    const escape = body[at++]!;
    const digits = { x: 2, u: 4, U: 8 }[escape];
    if (digits !== undefined) {
      at += digits;
      return parseInt(body.slice(at - digits, at), 16);
    }
    return { n: 10, r: 13, t: 9 }[escape] ?? escape.codePointAt(0)!;
  }

  const node = parseChoice();
  if (at < body.length) throw new Error(`Not GBNF at ${at}: ${body}`);
  return node;
}

function complement(ranges: readonly (readonly [number, number])[]): [number, number][] {
  const result: [number, number][] = [];
  let next = 0;
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (from > next) result.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  return [...result, [next, 0x10ffff]];
}
