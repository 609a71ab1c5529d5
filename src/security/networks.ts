import { BlockList, isIP } from 'node:net';

/** Which addresses may be called. */
export interface Networks {
  /** Why it may not be called; undefined where it may. */
  refusalOf(address: string): string | undefined;
}

/** What is no other machine's own address, whatever network it is part of: [CIDR, what it is]. */
const neverCalled = [
  ['0.0.0.0/8', 'the unspecified address'],
  ['::/128', 'the unspecified address'],
  ['169.254.0.0/16', 'link-local, where clouds answer with credentials'],
  ['fe80::/10', 'link-local'],
  ['fd00:ec2::/32', "a cloud's metadata service"],
  ['100.100.100.200/32', "a cloud's metadata service"],
  ['192.0.0.192/32', "a cloud's metadata service"],
  ['168.63.129.16/32', "a cloud's metadata service"],
  // The same through translators of IPv4.
  ['64:ff9b::a9fe:0/112', 'link-local'],
  ['2002:a9fe::/32', 'link-local'],
  ['224.0.0.0/4', 'a multicast address'],
  ['ff00::/8', 'a multicast address'],
  ['255.255.255.255/32', 'the broadcast address'],
] as const;

const refused = neverCalled.map(([cidr, what]) => ({ list: toBlockList([cidr]), what }));

/** Addresses within `cidrs`, but for those that nobody may name: `10.0.0.0/8` also means `::ffff:10.0.0.1`. */
export function createNetworks(cidrs: readonly string[]): Networks {
  const allowed = toBlockList(cidrs);
  return {
    refusalOf: (address) => {
      const special = refused.find(({ list }) => holds(list, address));
      if (special) return `it is ${special.what}`;
      return holds(allowed, address) ? undefined : `it is in none of ${cidrs.join(', ')}`;
    },
  };
}

function toBlockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix] = cidr.split('/');
    list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return list;
}

function holds(list: BlockList, address: string): boolean {
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
