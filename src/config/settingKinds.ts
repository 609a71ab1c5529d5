import { z } from 'zod';
import { NodeId } from '../protocol/workerApi.js';

/** The kinds of values that settings have: a schema from text to value, and what to tell a person about it. */

export function integer(min: number, max: number) {
  return {
    accepted: `a whole number from ${min} to ${max}`,
    schema: z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max)),
  };
}

export function text() {
  return { accepted: 'a text that is not empty', schema: z.string().trim().min(1) };
}

export function oneOf<const V extends readonly [string, ...string[]]>(values: V) {
  return { accepted: values.join(' or '), schema: z.enum(values) };
}

export const onOff = {
  accepted: 'on or off (or 1, 0, true, false)',
  schema: z
    .enum(['on', 'off', '1', '0', 'true', 'false'])
    .transform((value) => (['on', '1', 'true'].includes(value) ? 'on' : 'off')),
};

export const familyPattern = {
  accepted: 'the name of a metric, with * for any characters, such as ai_cluster_queue_*',
  schema: z.string().regex(/^[A-Za-z_:*][\w:*]*$/),
};

export function httpUrl() {
  // Refinements also see what is no URL at all.
  const isPlain = (value: string) => {
    if (!URL.canParse(value)) return false;
    const { username, password, search, hash } = new URL(value);
    return [username, password, search, hash].every((part) => part === '');
  };
  return {
    accepted:
      'an http:// or https:// URL without user name, password, query and fragment, such as http://127.0.0.1:8080',
    schema: z
      .url({ protocol: /^https?$/ })
      .refine(isPlain)
      .transform((value) => value.replace(/\/+$/, '')),
  };
}

/** Of a collector of traces, to which the path of OTLP is added. */
export function otlpEndpoint() {
  const { schema } = httpUrl();
  return {
    accepted:
      'an http:// or https:// URL without /v1/traces (which is added), user name, password, query and fragment, such as http://127.0.0.1:4318',
    schema: schema.refine((value) => !value.endsWith('/v1/traces')),
  };
}

/** Scheme, host and port: where a controller is. */
export function controllerOrigin() {
  return {
    accepted: 'a URL of scheme, host and port alone, such as http://127.0.0.1:8080 or https://ai.example.com',
    schema: z
      .url({ protocol: /^https?$/ })
      .regex(/^https?:\/\/[^/?#@\\]+\/?$/i)
      .transform((value) => value.replace(/\/$/, '')),
  };
}

/** The same of a worker, with which only plain HTTP is spoken. */
export function httpOrigin() {
  return {
    accepted: 'a URL of scheme, host and port alone, such as http://127.0.0.1:8081',
    schema: z
      .url({ protocol: /^http$/ })
      .regex(/^http:\/\/[^/?#@\\]+\/?$/i)
      .transform((value) => value.replace(/\/$/, '')),
  };
}

export const cidr = {
  accepted: 'a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8',
  schema: z.union([z.cidrv4(), z.cidrv6()]),
};

const hostLabels = /^(\*\.)?[a-z\d_]([a-z\d_-]*[a-z\d_])?(\.[a-z\d_]([a-z\d_-]*[a-z\d_])?)*$/i;

export const hostName = {
  accepted: 'a name without scheme and port, such as ai.example.com or *.example.com',
  schema: z.string().max(253).regex(hostLabels).toLowerCase(),
};

export const webOrigin = {
  accepted: 'scheme, host and port as browsers send them, such as https://app.example.com, or *',
  schema: z
    .string()
    .regex(/^(\*|[a-z][a-z\d+.-]*:\/\/[^\s/?#@\\]+\/?)$/i)
    .transform((value) => value.replace(/\/$/, '').toLowerCase()),
};

/** Of this machine: one of its addresses, or all of them. */
export const listenAddress = {
  accepted: 'an IP address or localhost; 0.0.0.0 and :: are all addresses of the machine',
  // The brackets belong to URLs; sockets take the address alone.
  schema: z
    .string()
    .transform((host) => host.replace(/^\[(.+)\]$/, '$1'))
    .pipe(z.union([z.ipv4(), z.ipv6(), z.literal('localhost')])),
};

export const nodeId = {
  accepted: 'letters, digits, dots, dashes and underscores, 63 at most, beginning with a letter or digit',
  schema: NodeId,
};
