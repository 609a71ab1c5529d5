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

export function httpUrl() {
  // Refinements also see what is no URL at all.
  const isPlain = (value: string) => {
    if (!URL.canParse(value)) return false;
    const { username, password } = new URL(value);
    return username === '' && password === '';
  };
  return {
    accepted: 'an http:// or https:// URL without user name and password, such as http://127.0.0.1:8080',
    schema: z
      .url({ protocol: /^https?$/ })
      .refine(isPlain)
      .transform((value) => value.replace(/\/+$/, '')),
  };
}

/** Scheme, host and port: where a controller or a worker is. Between them only plain HTTP is spoken. */
export function httpOrigin() {
  return {
    accepted: 'a URL of scheme, host and port alone, such as http://127.0.0.1:8081',
    schema: z
      .url({ protocol: /^http$/ })
      .regex(/^http:\/\/[^/?#@\\]+\/?$/i)
      .transform((value) => value.replace(/\/$/, '')),
  };
}

const loopbackIpv4 = /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/** Hosts that only this machine can reach. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || loopbackIpv4.test(host);
}

export const loopbackHost = {
  accepted:
    'a loopback address such as 127.0.0.1, ::1 or localhost (others are refused until API keys exist)',
  // The brackets belong to URLs; sockets take the address alone.
  schema: z
    .string()
    .refine(isLoopbackHost)
    .transform((host) => host.replace(/^\[(.+)\]$/, '$1')),
};

export const nodeId = {
  accepted: 'letters, digits, dots, dashes and underscores, 63 at most, beginning with a letter or digit',
  schema: NodeId,
};
