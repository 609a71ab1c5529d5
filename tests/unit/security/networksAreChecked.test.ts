import { describe, expect, it } from 'vitest';
import { createNetworks } from '../../../src/security/networks.js';

const everywhere = createNetworks(['0.0.0.0/0', '::/0']);

describe('the networks of workers', () => {
  const networks = createNetworks(['10.1.0.0/16', 'fd00:1::/32', '127.0.0.0/8', '::1/128']);

  it.each(['10.1.0.1', '10.1.255.255', 'fd00:1::7', '127.9.9.9', '::1', '::ffff:10.1.2.3', '::ffff:7f00:1'])(
    'have %s in them',
    (address) => expect(networks.refusalOf(address)).toBeUndefined(),
  );

  it.each(['10.2.0.1', '192.0.2.1', 'fd00:2::7', '::2', '::ffff:10.2.0.1'])('have %s not', (address) => {
    expect(networks.refusalOf(address)).toBe(
      'it is in none of 10.1.0.0/16, fd00:1::/32, 127.0.0.0/8, ::1/128',
    );
  });
});

describe('even where every network is allowed', () => {
  it.each([
    ['169.254.169.254', 'link-local'],
    ['169.254.0.1', 'link-local'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['::ffff:a9fe:a9fe', 'link-local'],
    ['64:ff9b::169.254.169.254', 'link-local'],
    ['2002:a9fe:a9fe::1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fd00:ec2::254', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['192.0.0.192', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['::', 'unspecified'],
    ['::ffff:0.0.0.0', 'unspecified'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.250', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
  ])('%s is refused: %s', (address, what) => expect(everywhere.refusalOf(address)).toContain(what));

  it.each(['10.0.0.1', '192.0.2.1', '100.64.0.1', '2001:db8::1', 'fd00::1', '169.253.0.1'])(
    '%s is not',
    (address) => expect(everywhere.refusalOf(address)).toBeUndefined(),
  );
});
